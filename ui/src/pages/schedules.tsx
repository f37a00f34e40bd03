import { useState } from 'react';
import type { Pipeline } from '../api';
import { Page } from '../parts/basics';
import { PipelineTabs } from '../parts/pipeline/places';
import { NewSchedule, Schedules } from '../parts/pipeline/schedules';
import { useApi } from '../store';

export default function SchedulesPage() {
  const names = useApi<{ pipelines: Pipeline[] }>('/pipelines', { topics: ['pipeline', 'project'] }).data?.pipelines.map((pipeline) => pipeline.name) ?? [];
  const [making, setMaking] = useState(false);
  return (
    <Page title="Pipelines" lead="Runs that start by the clock, each in its own time zone." actions={<button type="button" className="primary" disabled={names.length === 0} onClick={() => setMaking(true)}>New schedule…</button>}>
      <PipelineTabs current="schedules" />
      <Schedules />
      {making && <NewSchedule pipelines={names} onClose={() => setMaking(false)} />}
    </Page>
  );
}
