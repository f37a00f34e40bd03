// A pipeline run: the graph with its live states, and beside it the chosen step with its log.
import { useEffect, useState } from 'react';
import { ApiError, type PipelineRun, type Replay, type StepRun, call } from '../api';
import { between, bytes, duration, moment, plain, short, useNow } from '../format';
import { Ago, Await, Dialog, Facts, Failure, Id, Page, Panel, State, Strip, isLive, tone, Glyph } from '../parts/basics';
import { Graph } from '../parts/graph';
import { Log } from '../parts/log';
import { triggerText } from '../parts/trigger';
import { Link, enc, setParams, useParam } from '../router';
import { refresh, useApi } from '../store';

/** The step a reader wants: what failed, else what runs, else the last that ran. */
function interesting(steps: StepRun[]): StepRun | undefined {
  const started = steps.filter((step) => step.started_at);
  return steps.find((step) => tone(step.state) === 'alarm') ?? steps.find((step) => tone(step.state) === 'busy') ?? started[started.length - 1] ?? steps[0];
}

function stateOf(step: StepRun): string {
  return step.cached ? 'cached' : step.state;
}

export default function PipelineRunPage({ args: [id = ''] }: { args: string[] }) {
  const run = useApi<PipelineRun>(`/pipeline-runs/${enc(id)}`, { topics: ['pipeline', 'step', 'run'] });
  const [chosen] = useParam('step');
  const [asking, setAsking] = useState<'cancel' | 'replay' | null>(null);
  const live = isLive(run.data?.state);
  const now = useNow(live ? 1000 : 60_000);
  return (
    <Await of={run}>
      {(data) => {
        const step = data.steps.find((candidate) => candidate.name === chosen) ?? interesting(data.steps);
        return (
          <Page
            crumbs={[['Pipelines', '/pipelines'], [data.pipeline, `/pipelines/${enc(data.pipeline)}`]]}
            title={<>Run {short(data.id)} <State value={data.state} /></>}
            actions={
              <>
                <Link className="button" href={`/lineage?kind=pipeline_run&key=${enc(data.id)}`}>Lineage</Link>
                {live ? <button type="button" className="danger" onClick={() => setAsking('cancel')}>Cancel…</button> : <button type="button" onClick={() => setAsking('replay')}>Replay…</button>}
              </>
            }
          >
            <Strip
              items={[
                ['Started', <Ago key="a" at={data.started_at ?? data.created_at} />],
                ['Took', duration(between(data.started_at ?? data.created_at, data.ended_at, now))],
                ['Because', triggerText(data.trigger)],
                ...(data.dataset_version ? [['Data', <Link key="d" href={`/datasets/${enc(data.dataset_version.dataset)}?v=${data.dataset_version.number}`}>{data.dataset_version.dataset} v{data.dataset_version.number}</Link>] as [string, React.ReactNode]] : []),
                ...(data.code ? [['Code', data.code.git_commit ? <span key="c" className="mono">{data.code.git_commit.slice(0, 10)}{data.code.git_diff_digest ? ' + changes' : ''}</span> : <Id key="c" value={data.code.digest} />] as [string, React.ReactNode]] : []),
                ...(Object.keys(data.params).length ? [['Parameters', plain(data.params)] as [string, React.ReactNode]] : []),
              ]}
            />
            <div className="stack">
              <Panel title="Steps" flush>
                <Graph
                  label="steps of this run"
                  height={Math.min(340, 150 + 40 * Math.max(0, widest(data.steps) - 1))}
                  onPick={(name) => setParams({ step: name })}
                  nodes={data.steps.map((item) => ({
                    id: item.name,
                    title: item.name,
                    tone: tone(stateOf(item)),
                    icon: <Glyph tone={tone(stateOf(item))} />,
                    detail: item.cached ? 'from the cache' : `${item.state.replaceAll('_', ' ')}${item.started_at ? `, ${duration(between(item.started_at, item.ended_at, now))}` : ''}`,
                    current: item.name === step?.name,
                  }))}
                  edges={data.steps.flatMap((item) => item.needs.map((need) => ({ from: need, to: item.name })))}
                />
              </Panel>
              {step && <Step run={data.id} step={step} now={now} />}
            </div>
            {asking === 'cancel' && <Cancel run={data} onClose={() => setAsking(null)} />}
            {asking === 'replay' && <ReplayDialog run={data} onClose={() => setAsking(null)} />}
          </Page>
        );
      }}
    </Await>
  );
}

/** The most steps that stand below each other: those with the same distance from the start. */
function widest(steps: StepRun[]): number {
  const depth = new Map<string, number>();
  const of = (name: string): number => {
    const known = depth.get(name);
    if (known !== undefined) return known;
    depth.set(name, 0);
    const step = steps.find((candidate) => candidate.name === name);
    const value = step ? Math.max(-1, ...step.needs.map(of)) + 1 : 0;
    depth.set(name, value);
    return value;
  };
  const tally = new Map<number, number>();
  for (const step of steps) tally.set(of(step.name), (tally.get(of(step.name)) ?? 0) + 1);
  return Math.max(1, ...tally.values());
}

function Step({ run, step, now }: { run: string; step: StepRun; now: number }) {
  const live = isLive(step.state);
  return (
    <div className="columns">
      <Panel title={<>Log of {step.name}</>} actions={<State value={stateOf(step)} />} flush>
        {step.message && tone(step.state) === 'alarm' && <p className="step-message alarm-text">{step.message}</p>}
        <Log key={step.id} run={run} step={step.name} live={live} />
      </Panel>
      <Panel title={step.name}>
        <div className="stack">
          <Facts
            items={[
              ['State', step.state.replaceAll('_', ' ') + (step.cached ? ', from the cache' : '')],
              ['Attempt', String(step.attempt)],
              ['Started', step.started_at ? moment(step.started_at) : null],
              ['Took', step.started_at ? duration(between(step.started_at, step.ended_at, now)) : null],
              ['Exit code', step.exit_code === null || step.exit_code === undefined ? null : String(step.exit_code)],
              ['Message', step.message],
              ['Tracked as', step.run_id ? <Link key="r" href={`/runs/${enc(step.run_id)}`}>run {short(step.run_id)}</Link> : null],
            ]}
          />
          {step.outputs.length > 0 && (
            <div>
              <h3>Outputs</h3>
              <ul className="outputs">
                {step.outputs.map((output) => (
                  <li key={output.name}>
                    <Link className="clip" href={`/lineage?kind=artifact&key=${output.digest}`}>{output.name}</Link>
                    <span className="muted">{output.bytes === undefined ? '' : bytes(output.bytes)}</span>
                    <Id value={output.digest} />
                  </li>
                ))}
              </ul>
            </div>
          )}
        </div>
      </Panel>
    </div>
  );
}

function Cancel({ run, onClose }: { run: PipelineRun; onClose: () => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const busy = run.steps.filter((step) => isLive(step.state) && step.started_at);
  const waiting = run.steps.filter((step) => isLive(step.state) && !step.started_at);
  return (
    <Dialog
      title="Cancel this run"
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>Keep it running</button>
          <button
            type="button"
            className="danger"
            onClick={() =>
              void call(`/pipeline-runs/${enc(run.id)}/cancel`, { method: 'POST', body: {} }).then(
                () => {
                  refresh();
                  onClose();
                },
                (problem: unknown) => problem instanceof ApiError && setError(problem),
              )
            }
          >
            Cancel the run
          </button>
        </>
      }
    >
      <p>
        {busy.length > 0 ? <>The process group of {busy.map((step) => step.name).join(', ')} is stopped. </> : null}
        {waiting.length > 0 ? <>{waiting.map((step) => step.name).join(', ')} will not start. </> : null}
        Finished steps and their outputs stay.
      </p>
      {error && <Failure error={error} />}
    </Dialog>
  );
}

const VERDICTS = {
  bit_identical: ['good', 'Bit-identical', 'Every output has the digest that was recorded.'],
  metric_equal: ['good', 'Metric-equal', 'Some bytes differ, but every metric is the same.'],
  diverged: ['alarm', 'Diverged', 'The same inputs gave another result.'],
} as const;

function ReplayDialog({ run, onClose }: { run: PipelineRun; onClose: () => void }) {
  const [id, setId] = useState<string | null>(null);
  const [replay, setReplay] = useState<Replay | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    if (!id || (replay && replay.state !== 'running')) return;
    const timer = setTimeout(() => void call<Replay>(`/replays/${enc(id)}`).then(setReplay, (problem: unknown) => problem instanceof ApiError && setError(problem)), replay ? 1500 : 200);
    return () => clearTimeout(timer);
  }, [id, replay]);
  const verdict = replay?.verdict ? VERDICTS[replay.verdict] : null;
  return (
    <Dialog
      title="Replay this run"
      onClose={onClose}
      footer={!id && (
        <>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="button" className="primary" onClick={() => void call<{ replay_id: string }>(`/pipeline-runs/${enc(run.id)}/replay`, { method: 'POST', body: {} }).then((made) => setId(made.replay_id), (problem: unknown) => problem instanceof ApiError && setError(problem))}>
            Replay
          </button>
        </>
      )}
    >
      <p>All {run.steps.length} steps run again, without the cache, from the recorded code, environment, data and parameters. The outputs are compared digest by digest; nothing is registered or served.</p>
      {id && !verdict && !error && replay?.state !== 'failed' && <State value="running" label="Running again" />}
      {verdict && (
        <div className={verdict[0] === 'alarm' ? 'notice' : 'notice calm'}>
          <State value="" tone={verdict[0]} label={<strong>{verdict[1]}</strong>} />
          <span>{verdict[2]}</span>
        </div>
      )}
      {replay?.first && <Facts items={[['First difference', `${replay.first.step}, ${replay.first.output}`], ['Recorded', <Id key="e" value={replay.first.expected} />], ['Now', <Id key="a" value={replay.first.actual} />]]} />}
      {replay?.message && <p className="soft">{replay.message}</p>}
      {error && <Failure error={error} />}
    </Dialog>
  );
}
