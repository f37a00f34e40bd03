// A rollout: where it stands, what happened at which share, and what a person may do.
import { useState } from 'react';
import { ApiError, type Rollout, call } from '../../api';
import { moment, percent } from '../../format';
import { enc } from '../../router';
import { refresh } from '../../store';
import { Ago, Facts, Failure, State } from '../basics';

export function RolloutPanel({ rollout }: { rollout: Rollout }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const active = rollout.state === 'running' || rollout.state === 'paused';
  const act = async (action: string) => {
    setBusy(true);
    setError(null);
    try {
      await call(`/endpoints/${enc(rollout.endpoint)}/rollout/${action}`, { method: 'POST', body: {} });
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const steps = [...rollout.steps, 1];
  return (
    <div className="rollout">
      <ol className="rollout-steps" aria-label="Steps">
        {steps.map((share, index) => {
          const state = rollout.state === 'promoted' || index < rollout.step ? 'done' : index === rollout.step && active ? 'now' : 'ahead';
          return <li key={share} className={state} aria-current={state === 'now' ? 'step' : undefined}>{percent(share)}</li>;
        })}
      </ol>
      <Facts
        items={[
          ['State', <State key="state" value={rollout.state} />],
          ['Candidate', rollout.candidate],
          ['Instead of', rollout.stable.join(', ')],
          ['Each step lasts', `${rollout.bake_seconds} s and ${rollout.guards.least_requests} requests at least`],
          ['Goes back when', `its errors exceed those of the stable variant by ${percent(rollout.guards.error_margin)}, beyond chance, or its p95 is over ${rollout.guards.latency_factor}× + ${rollout.guards.latency_slack_ms} ms`],
          ['Without requests', rollout.guards.patience_seconds === 0 ? 'it waits for ever' : `it is ${rollout.guards.without_traffic === 'pause' ? 'paused' : 'rolled back'} ${rollout.guards.patience_seconds} s after a step should have ended`],
          ...(rollout.reason ? [['Because', rollout.reason] as [string, string]] : []),
        ]}
      />
      <ol className="timeline" aria-label="Timeline">
        {rollout.timeline.map((at) => (
          <li key={`${at.at}${at.what}`}>
            <span title={moment(at.at)}><Ago at={at.at} /></span> <b>{at.what.replace('_', ' ')}</b> at {percent(at.share)} <span className="muted">{at.by}</span>
          </li>
        ))}
      </ol>
      {active && (
        <p>
          {rollout.state === 'running' ? <button type="button" disabled={busy} onClick={() => void act('pause')}>Pause</button> : <button type="button" disabled={busy} onClick={() => void act('resume')}>Resume</button>}{' '}
          <button type="button" className="primary" disabled={busy} onClick={() => void act('promote')}>Promote now</button>{' '}
          <button type="button" disabled={busy} onClick={() => void act('abort')}>Abort</button>
        </p>
      )}
      {error && <Failure error={error} />}
    </div>
  );
}
