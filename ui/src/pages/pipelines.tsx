import type { Pipeline, PipelineRunSummary } from '../api';
import { between, duration, number } from '../format';
import { Ago, Await, Code, Empty, Page, State, tone } from '../parts/basics';
import { Ticks } from '../parts/marks';
import { PipelineTabs } from '../parts/pipeline/places';
import { Table } from '../parts/table';
import { enc } from '../router';
import { useApi } from '../store';

/** Declared or published ones, and those of which only runs are known. */
function withRuns(pipelines: Pipeline[], runs: PipelineRunSummary[]): Pipeline[] {
  const known = new Set(pipelines.map((pipeline) => pipeline.name));
  const more = [...new Set(runs.map((run) => run.pipeline))].filter((name) => !known.has(name));
  return [...pipelines, ...more.map((name) => ({ name, declared: false, params: {}, steps: [], latest: runs.find((run) => run.pipeline === name) }))];
}

export default function Pipelines() {
  const list = useApi<{ pipelines: Pipeline[] }>('/pipelines', { topics: ['pipeline', 'project'] });
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>('/pipeline-runs?limit=400', { topics: ['pipeline'] }).data?.pipeline_runs ?? [];
  return (
    <Page title="Pipelines" lead="Tasks as processes in locked environments; what did not change is not run again.">
      <PipelineTabs current="pipelines" />
      <Await of={list}>
        {({ pipelines: declared }) => {
          const pipelines = withRuns(declared, runs);
          return pipelines.length === 0 ? (
            <Empty title="No pipeline yet">
              <p>Pipelines are declared in <code>mlwright.yaml</code>, written in Python, or submitted by Kubeflow's client. Applying the file makes them and starts the first training.</p>
              <Code text={`export MLWRIGHT_URL=${location.origin}\nmlwright apply`} />
            </Empty>
          ) : (
            <Table
              label="Pipelines"
              rows={pipelines}
              id={(pipeline) => pipeline.name}
              href={(pipeline) => `/pipelines/${enc(pipeline.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Pipeline', width: 'minmax(160px, 1fr)', render: (pipeline) => pipeline.name },
                { key: 'state', label: 'Last run', width: '130px', render: (pipeline) => (pipeline.latest ? <State value={pipeline.latest.state} /> : <span className="muted">never ran</span>) },
                { key: 'at', label: 'Started', width: '110px', render: (pipeline) => <Ago at={pipeline.latest?.created_at} /> },
                { key: 'took', label: 'Took', align: 'num', width: '110px', render: (pipeline) => duration(between(pipeline.latest?.started_at, pipeline.latest?.ended_at)) },
                { key: 'steps', label: 'Tasks', align: 'num', width: '80px', render: (pipeline) => (pipeline.steps.length > 0 ? number(pipeline.steps.length) : pipeline.plan ? number(pipeline.plan.root.tasks.length) : '–') },
                { key: 'dataset', label: 'Reads', width: 'minmax(100px, 160px)', render: (pipeline) => pipeline.dataset ?? '–' },
                {
                  key: 'history',
                  label: 'History',
                  width: 'minmax(140px, 1fr)',
                  render: (pipeline) => {
                    const own = runs.filter((run) => run.pipeline === pipeline.name).slice(0, 24).reverse();
                    const lengths = own.map((run) => between(run.started_at, run.ended_at) ?? 0);
                    const top = Math.max(...lengths, 1);
                    return <span className="inline-ticks"><Ticks label={`runs of ${pipeline.name}`} ticks={own.map((run, index) => ({ key: run.id, tone: tone(run.state), size: (lengths[index] ?? 0) / top, title: `${run.state}, ${duration(lengths[index])}` }))} /></span>;
                  },
                },
              ]}
            />
          );
        }}
      </Await>
    </Page>
  );
}
