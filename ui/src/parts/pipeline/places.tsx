// The four lists around pipelines.
import { Tabs } from '../basics';

export function PipelineTabs({ current }: { current: 'pipelines' | 'runs' | 'schedules' | 'backfills' }) {
  return (
    <Tabs
      current={current}
      tabs={[
        { key: 'pipelines', label: 'Pipelines', href: '/pipelines' },
        { key: 'runs', label: 'Runs', href: '/pipeline-runs' },
        { key: 'schedules', label: 'Schedules', href: '/schedules' },
        { key: 'backfills', label: 'Backfills', href: '/backfills' },
      ]}
    />
  );
}
