// One turn of the loop, from the alarm to the swap (or to the reason why not), with what each step made.
import { useState } from 'react';
import type { Model, PipelineRun, Retraining, Rollout } from '../api';
import { between, clock, duration, moment, short, useNow } from '../format';
import { ApprovalPanel, CancelRetraining, ShadowPanel } from '../parts/retraining';
import { RolloutPanel } from '../parts/serving/rollout';
import { Ago, Await, Facts, Glyph, Id, Page, Panel, State, Strip, isLive, tone } from '../parts/basics';
import { EvaluationReport } from '../parts/evaluation';
import { triggerText } from '../parts/trigger';
import { Link, enc } from '../router';
import { useApi } from '../store';
import '../styles/retraining.css';
import '../styles/serving.css';

const ORDER = ['triggered', 'waiting_labels', 'dataset', 'training', 'gating', 'shadow', 'waiting_approval', 'frozen', 'canary', 'promoting', 'done'];
const ENDS = ['refused', 'rolled_back', 'failed', 'cancelled', 'skipped'];
const TITLES: Record<string, string> = {
  triggered: 'Start',
  waiting_labels: 'Labels',
  dataset: 'New data',
  training: 'Training',
  gating: 'Gate',
  shadow: 'Shadow',
  waiting_approval: 'Approval',
  frozen: 'Freeze',
  canary: 'Canary',
  promoting: 'Swap',
  done: 'Serving',
  refused: 'Refused',
  rolled_back: 'Rolled back',
  failed: 'Failed',
  cancelled: 'Cancelled',
  skipped: 'Skipped',
};

export default function RetrainingPage({ args: [id = ''] }: { args: string[] }) {
  const retraining = useApi<Retraining>(`/retrainings/${enc(id)}`, { topics: ['retrain', 'pipeline', 'step', 'model', 'evaluation', 'data', 'endpoint', 'rollout'] });
  const live = isLive(retraining.data?.state);
  const [cancelling, setCancelling] = useState(false);
  const now = useNow(live ? 1000 : 60_000);
  return (
    <Await of={retraining}>
      {(data) => (
        <Page
          crumbs={[['Retrainings', '/retrainings']]}
          title={<>{data.policy} <State value={data.state} /></>}
          lead={live && data.cancel ? `being cancelled by ${data.cancel.by}${data.cancel.reason ? `: ${data.cancel.reason}` : ''}` : data.reason}
          actions={
            <>
              {live && !data.cancel && <button type="button" onClick={() => setCancelling(true)}>Cancel</button>}
              <Link className="button" href={`/lineage?kind=retraining&key=${enc(data.id)}&direction=both`}>Lineage</Link>
            </>
          }
        >
          <Strip items={[['Started', <Ago key="a" at={data.created_at} />], ['Took', duration(between(data.created_at, live ? null : data.updated_at, now))], ['Because', triggerText(data.trigger)], ['Id', <Id key="i" value={data.id} />]]} />
          <Turn retraining={data} now={now} />
          <div className="halves">
            <Panel title="What it made"><Made retraining={data} /></Panel>
            <Panel title="Step by step" flush>
              <ol className="history">
                {(data.history ?? []).map((entry, index) => (
                  <li key={index}>
                    <time dateTime={entry.at} title={moment(entry.at)}>{clock(entry.at)}</time>
                    <span className="strong">{entry.state.replaceAll('_', ' ')}</span>
                    <span className="soft">{entry.detail}</span>
                  </li>
                ))}
              </ol>
            </Panel>
          </div>
          <Stations retraining={data} />
          {cancelling && <CancelRetraining retraining={data} onClose={() => setCancelling(false)} />}
          {data.model && data.model_version && <Verdict model={data.model} version={data.model_version} />}
        </Page>
      )}
    </Await>
  );
}

/** The states in their order with the time spent in each. */
function Turn({ retraining, now }: { retraining: Retraining; now: number }) {
  const history = retraining.history ?? [{ at: retraining.created_at, state: retraining.state }];
  const ended = ENDS.includes(retraining.state);
  const reached = history.map((entry) => entry.state).filter((state) => !ENDS.includes(state));
  const rule = retraining.rule ?? {};
  const declared: Record<string, boolean> = { waiting_labels: false, shadow: !!rule.shadow, waiting_approval: !!rule.approval, frozen: false, canary: !!rule.canary };
  // What is not declared is shown only where it was passed through.
  const order = ORDER.filter((state) => reached.includes(state) || declared[state] !== false);
  const steps = ended ? [...order.slice(0, Math.max(0, ...reached.map((state) => order.indexOf(state))) + 1), retraining.state] : order;
  return (
    <ol className="turn" aria-label="States" tabIndex={0}>
      {steps.map((state) => {
        const index = history.findLastIndex((entry) => entry.state === state);
        const entry = history[index];
        const next = history.slice(index + 1).find((later) => later.state !== state);
        const here = retraining.state === state;
        const final = state === 'done' || ENDS.includes(state);
        const mark = !entry ? 'still' : here && !final ? 'busy' : final ? tone(state) : 'good';
        return (
          <li key={state} data-tone={mark} data-reached={entry !== undefined} aria-current={here ? 'step' : undefined}>
            <span className="state" data-tone={mark}><Glyph tone={mark} /></span>
            <b>{TITLES[state] ?? state}</b>
            <span className="muted">{!entry ? 'not reached' : final ? clock(entry.at) : duration(between(entry.at, next?.at, now))}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** What was found between the gate and the swap: copies of live requests, a person's word, shares of the traffic. */
function Stations({ retraining }: { retraining: Retraining }) {
  const path = retraining.rollout && retraining.endpoint ? `/endpoints/${enc(retraining.endpoint)}/rollouts` : null;
  const rollouts = useApi<{ rollouts: Rollout[] }>(path, { topics: ['rollout', 'endpoint'] }).data?.rollouts ?? [];
  const rollout = rollouts.find((candidate) => candidate.id === retraining.rollout);
  if (!retraining.shadow_since && !retraining.approval_deadline && !rollout) return null;
  return (
    <div className="stack" style={{ marginTop: 16 }}>
      {retraining.shadow_since && <Panel title="As a shadow"><ShadowPanel retraining={retraining} /></Panel>}
      {retraining.approval_deadline && <Panel title="Approval"><ApprovalPanel retraining={retraining} /></Panel>}
      {rollout && <Panel title="As a canary"><RolloutPanel rollout={rollout} /></Panel>}
    </div>
  );
}

function Made({ retraining }: { retraining: Retraining }) {
  const run = useApi<PipelineRun>(retraining.pipeline_run ? `/pipeline-runs/${enc(retraining.pipeline_run)}` : null, { topics: ['pipeline', 'step'] }).data;
  return (
    <Facts
      items={[
        ['Data', retraining.dataset_version ? run?.dataset_version ? <Link key="d" href={`/datasets/${enc(run.dataset_version.dataset)}?v=${run.dataset_version.number}`}>{run.dataset_version.dataset} v{run.dataset_version.number}</Link> : <Link key="d" href={`/lineage?kind=dataset_version&key=${enc(retraining.dataset_version)}`}>version {short(retraining.dataset_version)}</Link> : 'not yet'],
        ['Pipeline run', retraining.pipeline_run ? <Link key="p" href={`/pipeline-runs/${enc(retraining.pipeline_run)}`}>{run ? `${run.pipeline} ` : ''}{short(retraining.pipeline_run)}</Link> : 'not yet'],
        ['Model', retraining.model ? <Link key="m" href={`/models/${enc(retraining.model)}`}>{retraining.model}</Link> : 'not yet'],
        ['Model version', retraining.model_version ? <Link key="v" href={`/lineage?kind=model_version&key=${enc(retraining.model_version)}`}>{short(retraining.model_version)}</Link> : 'not yet'],
        ['Endpoint revision', retraining.endpoint_revision ? <Link key="e" href={`/lineage?kind=endpoint_revision&key=${enc(retraining.endpoint_revision)}`}>{short(retraining.endpoint_revision)}</Link> : 'none'],
      ]}
    />
  );
}

function Verdict({ model, version }: { model: string; version: string }) {
  const found = useApi<Model>(`/models/${enc(model)}`, { topics: ['model', 'evaluation'] }).data?.versions.find((candidate) => candidate.uid === version);
  if (!found?.evaluation) return null;
  return <div style={{ marginTop: 16 }}><EvaluationReport evaluation={found.evaluation} title={`The gate on v${found.version}`} /></div>;
}
