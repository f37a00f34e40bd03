// One turn of the loop, from the alarm to the swap (or to the reason why not), with what each step made.
import type { Model, PipelineRun, Retraining } from '../api';
import { between, clock, duration, moment, short, useNow } from '../format';
import { Ago, Await, Facts, Glyph, Id, Page, Panel, State, Strip, isLive, tone } from '../parts/basics';
import { EvaluationReport } from '../parts/evaluation';
import { triggerText } from '../parts/trigger';
import { Link, enc } from '../router';
import { useApi } from '../store';
import '../styles/retraining.css';

const ORDER = ['triggered', 'waiting_labels', 'dataset', 'training', 'gating', 'promoting', 'done'];
const TITLES: Record<string, string> = {
  triggered: 'Alarm',
  waiting_labels: 'Labels',
  dataset: 'New data',
  training: 'Training',
  gating: 'Gate',
  promoting: 'Swap',
  done: 'Serving',
  refused: 'Refused',
  failed: 'Failed',
};

export default function RetrainingPage({ args: [id = ''] }: { args: string[] }) {
  const retraining = useApi<Retraining>(`/retrainings/${enc(id)}`, { topics: ['retrain', 'pipeline', 'step', 'model', 'evaluation', 'data', 'endpoint'] });
  const live = isLive(retraining.data?.state);
  const now = useNow(live ? 1000 : 60_000);
  return (
    <Await of={retraining}>
      {(data) => (
        <Page
          crumbs={[['Retrainings', '/retrainings']]}
          title={<>{data.policy} <State value={data.state} /></>}
          lead={data.reason}
          actions={<Link className="button" href={`/lineage?kind=retraining&key=${enc(data.id)}&direction=both`}>Lineage</Link>}
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
          {data.model && data.model_version && <Verdict model={data.model} version={data.model_version} />}
        </Page>
      )}
    </Await>
  );
}

/** The states in their order with the time spent in each. */
function Turn({ retraining, now }: { retraining: Retraining; now: number }) {
  const history = retraining.history ?? [{ at: retraining.created_at, state: retraining.state }];
  const ended = ['refused', 'failed'].includes(retraining.state);
  const reached = history.map((entry) => entry.state).filter((state) => !['refused', 'failed'].includes(state));
  const steps = ended ? [...ORDER.slice(0, Math.max(0, ...reached.map((state) => ORDER.indexOf(state))) + 1), retraining.state] : ORDER;
  return (
    <ol className="turn" aria-label="States" tabIndex={0}>
      {steps.map((state) => {
        const index = history.findLastIndex((entry) => entry.state === state);
        const entry = history[index];
        const next = history.slice(index + 1).find((later) => later.state !== state);
        const here = retraining.state === state;
        const final = ['done', 'refused', 'failed'].includes(state);
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
