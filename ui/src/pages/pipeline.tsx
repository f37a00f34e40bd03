// A pipeline: its tasks, its runs, the runs by task, and what starts it by the clock.
import { useState } from 'react';
import type { Pipeline, PipelineRunSummary } from '../api';
import { plain, useNow } from '../format';
import { Bones, Code, Empty, Facts, Failure, Page, Panel, Tabs, isLive } from '../parts/basics';
import { PlanGraph } from '../parts/pipeline/plan_graph';
import { RunGrid } from '../parts/pipeline/run_grid';
import { RunsTable } from '../parts/pipeline/runs_table';
import { NewSchedule, Schedules } from '../parts/pipeline/schedules';
import { Start, inputsOf } from '../parts/pipeline/start';
import { Link, enc, useParam } from '../router';
import { useApi } from '../store';
import '../styles/pipeline.css';

/** Rows of the grid. */
const GRID = 60;

export default function PipelinePage({ args: [name = ''] }: { args: string[] }) {
  const pipeline = useApi<Pipeline>(`/pipelines/${enc(name)}`, { topics: ['pipeline.', 'project'] });
  const [tab] = useParam('tab', 'runs');
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>(`/pipeline-runs?pipeline=${enc(name)}&limit=${tab === 'grid' ? `${GRID}&steps=top` : 400}`, { topics: tab === 'grid' ? ['pipeline', 'step'] : ['pipeline'] });
  const [asking, setAsking] = useState<'run' | 'schedule' | null>(null);
  const list = runs.data?.pipeline_runs ?? [];
  const live = list.some((run) => isLive(run.state));
  const now = useNow(live ? 1000 : 60_000);
  // Runs of a plan need no pipeline that was declared or published.
  const data = pipeline.data ?? (pipeline.error?.status === 404 && list.length > 0 ? { name, declared: false, params: {}, steps: [] } : undefined);
  if (!data) return pipeline.error && !(pipeline.error.status === 404 && !runs.data) ? <Failure error={pipeline.error} /> : <Bones lines={8} />;
  const drawn = data.steps.length > 0 || data.plan;
  const inputs = inputsOf(data);
  const at = (key: string) => `/pipelines/${enc(name)}${key === 'runs' ? '' : `?tab=${key}`}`;
  return (
    <Page
      crumbs={[['Pipelines', '/pipelines']]}
      title={data.name}
      lead={data.dataset ? <>Reads <Link href={`/datasets/${enc(data.dataset)}`}>{data.dataset}</Link>.</> : data.declared === false ? 'Submitted by clients; no project file declares it.' : undefined}
      actions={drawn && (
        <>
          <button type="button" onClick={() => setAsking('schedule')}>Schedule…</button>
          <button type="button" className="primary" onClick={() => setAsking('run')}>Run…</button>
        </>
      )}
    >
      <Tabs
        current={tab}
        tabs={[
          { key: 'runs', label: 'Overview', href: at('runs') },
          { key: 'grid', label: 'Runs by task', href: at('grid') },
          { key: 'schedules', label: 'Schedules', href: at('schedules') },
        ]}
      />
      {runs.error && <Failure error={runs.error} stale={runs.data !== undefined} />}
      {tab === 'grid' && runs.data && <RunGrid runs={list} now={now} />}
      {tab === 'schedules' && <Schedules pipeline={name} />}
      {tab === 'runs' && (
        <div className="stack">
          {drawn && (
            <div className="columns">
              <Panel title={data.plan ? 'Tasks' : `${data.steps.length} steps`} flush><PlanGraph pipeline={data} /></Panel>
              <Panel title={data.plan ? 'Inputs' : 'Parameters'}>
                {inputs.length > 0 ? <Facts items={inputs.map((input) => [input.name, input.value === undefined ? <span key={input.name} className="muted">{input.kind}{input.optional ? ', optional' : ''}</span> : plain(input.value)])} /> : <p className="muted">None.</p>}
              </Panel>
            </div>
          )}
          {runs.data && list.length === 0 ? (
            <Empty title="It never ran">
              <p>Start it here, or from a terminal:</p>
              <Code text={`export MLWRIGHT_URL=${location.origin}\nmlwright pipelines run ${name}`} />
            </Empty>
          ) : (
            <RunsTable runs={list} now={now} empty="It never ran." />
          )}
        </div>
      )}
      {asking === 'run' && <Start pipeline={data} onClose={() => setAsking(null)} />}
      {asking === 'schedule' && <NewSchedule pipeline={name} pipelines={[name]} onClose={() => setAsking(null)} />}
    </Page>
  );
}
