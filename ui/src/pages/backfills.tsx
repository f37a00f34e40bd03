import { useState } from 'react';
import type { Backfill, Pipeline, Schedule } from '../api';
import { Await, Page } from '../parts/basics';
import { Backfills, NewBackfill } from '../parts/pipeline/backfills';
import { PipelineTabs } from '../parts/pipeline/places';
import { useApi } from '../store';
import '../styles/pipeline.css';

export default function BackfillsPage() {
  const list = useApi<{ backfills: Backfill[] }>('/backfills', { topics: ['backfill', 'pipeline'] });
  const pipelines = useApi<{ pipelines: Pipeline[] }>('/pipelines', { topics: ['project'] }).data?.pipelines ?? [];
  const schedules = useApi<{ schedules: Schedule[] }>('/schedules', { topics: ['schedule'] });
  const [making, setMaking] = useState(false);
  const names = pipelines.filter((pipeline) => !pipeline.declared).map((pipeline) => pipeline.name);
  return (
    <Page title="Pipelines" lead="Runs for the moments of a range that lies behind." actions={<button type="button" className="primary" disabled={!schedules.data || names.length === 0} onClick={() => setMaking(true)}>New backfill…</button>}>
      <PipelineTabs current="backfills" />
      <Await of={list}>{({ backfills }) => <Backfills backfills={backfills} />}</Await>
      {making && <NewBackfill pipelines={names} schedules={schedules.data?.schedules ?? []} onClose={() => setMaking(false)} />}
    </Page>
  );
}
