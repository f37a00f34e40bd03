// The runs of all pipelines, newest first.
import type { PipelineRunSummary } from '../api';
import { useNow } from '../format';
import { Await, Page, Segments, isLive } from '../parts/basics';
import { PipelineTabs } from '../parts/pipeline/places';
import { RunsTable } from '../parts/pipeline/runs_table';
import { setParams, useParam } from '../router';
import { useApi } from '../store';

const STATES = [['', 'All'], ['running', 'Running'], ['queued', 'Queued'], ['failed', 'Failed'], ['succeeded', 'Succeeded'], ['cancelled', 'Cancelled']] as const;

export default function PipelineRuns() {
  const [state] = useParam('state');
  const [find] = useParam('q');
  const [archived] = useParam('archived');
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>(`/pipeline-runs?limit=1000${archived ? '&archived=true' : ''}`, { topics: ['pipeline'] });
  const live = runs.data?.pipeline_runs.some((run) => isLive(run.state));
  const now = useNow(live ? 1000 : 60_000);
  const wanted = find.toLowerCase();
  return (
    <Page title="Pipelines" lead="Every run of every pipeline.">
      <PipelineTabs current="runs" />
      <div className="stack">
        <div className="row">
          <Segments label="State" value={state as ''} options={STATES as unknown as readonly (readonly ['', string])[]} onChange={(next) => setParams({ state: next })} />
          <input type="search" aria-label="Find a run" placeholder="Find a run" value={find} onChange={(event) => setParams({ q: event.target.value })} />
          <label className="row"><input type="checkbox" checked={archived !== ''} onChange={(event) => setParams({ archived: event.target.checked ? '1' : null })} /> archived</label>
        </div>
        <Await of={runs}>
          {({ pipeline_runs: all }) => (
            <RunsTable
              pipelines
              now={now}
              runs={all.filter((run) => (state === '' || run.state === state) && (wanted === '' || `${run.name ?? ''} ${run.pipeline} ${run.id}`.toLowerCase().includes(wanted)))}
              empty={all.length === 0 ? 'Nothing ran yet.' : 'No run is like that.'}
            />
          )}
        </Await>
      </div>
    </Page>
  );
}
