// The three lists around pipelines.
import { Tabs } from '../basics';

export function PipelineTabs({ current }: { current: 'pipelines' | 'runs' | 'schedules' }) {
  return (
    <Tabs
      current={current}
      tabs={[
        { key: 'pipelines', label: 'Pipelines', href: '/pipelines' },
        { key: 'runs', label: 'Runs', href: '/pipeline-runs' },
        { key: 'schedules', label: 'Schedules', href: '/schedules' },
      ]}
    />
  );
}
