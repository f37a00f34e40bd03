// A pipeline: its graph, its parameters, its runs; and a way to start one.
import { useState } from 'react';
import { ApiError, type Json, type Pipeline, type PipelineRunSummary, call } from '../api';
import { between, duration, plain, short, useNow } from '../format';
import { Ago, Await, Dialog, Facts, Failure, Page, Panel, State, isLive } from '../parts/basics';
import { Graph } from '../parts/graph';
import { Table } from '../parts/table';
import { triggerText } from '../parts/trigger';
import { Link, enc, navigate } from '../router';
import { useApi } from '../store';

export default function PipelinePage({ args: [name = ''] }: { args: string[] }) {
  const pipeline = useApi<Pipeline>(`/pipelines/${enc(name)}`, { topics: ['pipeline', 'project'] });
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>(`/pipeline-runs?pipeline=${enc(name)}&limit=200`, { topics: ['pipeline'] });
  const [starting, setStarting] = useState(false);
  const list = runs.data?.pipeline_runs ?? [];
  const live = list.some((run) => isLive(run.state));
  const now = useNow(live ? 1000 : 60_000);
  return (
    <Await of={pipeline}>
      {(data) => (
        <Page
          crumbs={[['Pipelines', '/pipelines']]}
          title={data.name}
          lead={data.dataset ? <>Reads <Link href={`/datasets/${enc(data.dataset)}`}>{data.dataset}</Link>.</> : undefined}
          actions={<button type="button" className="primary" onClick={() => setStarting(true)}>Run…</button>}
        >
          <div className="stack">
            <div className="columns">
              <Panel title={`${data.steps.length} steps`} flush>
                <Graph
                  label={`steps of ${data.name}`}
                  height={240}
                  nodes={data.steps.map((step) => ({ id: step.name, title: step.name, detail: step.run ?? step.environment ?? '' }))}
                  edges={data.steps.flatMap((step) => step.needs.map((need) => ({ from: need, to: step.name })))}
                />
              </Panel>
              <Panel title="Parameters">
                {Object.keys(data.params).length > 0 ? <Facts items={Object.entries(data.params).map(([key, value]) => [key, plain(value)])} /> : <p className="muted">None.</p>}
              </Panel>
            </div>
            {runs.error && <Failure error={runs.error} />}
            <Table
              label="Pipeline runs"
              rows={list}
              id={(run) => run.id}
              href={(run) => `/pipeline-runs/${enc(run.id)}`}
              keys
              empty="It never ran."
              columns={[
                { key: 'id', label: 'Run', width: '140px', render: (run) => <span className="mono">{short(run.id)}</span> },
                { key: 'state', label: 'State', width: '130px', render: (run) => <State value={run.state} /> },
                { key: 'why', label: 'Started because', width: 'minmax(180px, 1fr)', render: (run) => triggerText(run.trigger) },
                { key: 'at', label: 'When', width: '110px', render: (run) => <Ago at={run.created_at} /> },
                { key: 'took', label: 'Took', align: 'num', width: '120px', render: (run) => duration(between(run.started_at ?? run.created_at, run.ended_at, now)) },
              ]}
            />
          </div>
          {starting && <Start pipeline={data} onClose={() => setStarting(false)} />}
        </Page>
      )}
    </Await>
  );
}

/** What a person typed, as the type that the parameter has. */
function typed(text: string, example: Json | undefined): Json {
  if (typeof example === 'number') return Number(text);
  if (typeof example === 'boolean') return text === 'true';
  if (example !== null && typeof example === 'object') return JSON.parse(text) as Json;
  return text;
}

function Start({ pipeline, onClose }: { pipeline: Pipeline; onClose: () => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  return (
    <Dialog title={`Run ${pipeline.name}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          setBusy(true);
          void (async () => {
            try {
              const params = Object.fromEntries(Object.entries(pipeline.params).map(([key, example]) => [key, typed(String(form.get(key) ?? ''), example)]));
              const made = await call<{ id: string }>(`/pipelines/${enc(pipeline.name)}/runs`, { method: 'POST', body: { params } });
              navigate(`/pipeline-runs/${enc(made.id)}`);
            } catch (problem) {
              setError(problem instanceof ApiError ? problem : new ApiError(400, 'bad_parameter', String(problem)));
              setBusy(false);
            }
          })();
        }}
      >
        <p className="soft">The newest {pipeline.dataset ?? 'dataset'} version and the code of the last apply are used. Steps whose inputs did not change come from the cache.</p>
        {Object.entries(pipeline.params).map(([key, value]) => (
          <label key={key} className="row">
            <span style={{ minWidth: 120 }}>{key}</span>
            <input type="text" name={key} defaultValue={typeof value === 'object' ? JSON.stringify(value) : String(value)} />
          </label>
        ))}
        {error && <Failure error={error} />}
        <div className="row">
          <button className="primary" disabled={busy}>Run</button>
          <button type="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

