import type { MonitorSummary } from '../api';
import { number, percent } from '../format';
import { Ago, Await, Code, Empty, Page, State } from '../parts/basics';
import { Table } from '../parts/table';
import { enc } from '../router';
import { useApi } from '../store';

export default function Monitors() {
  const list = useApi<{ monitors: MonitorSummary[] }>('/monitors', { topics: ['monitor', 'drift', 'project'] });
  return (
    <Page title="Monitors" lead="Each full window of predictions is compared with what the model was trained on.">
      <Await of={list}>
        {({ monitors }) =>
          monitors.length === 0 ? (
            <Empty title="No monitor yet">
              <p>A monitor names an endpoint, a baseline and a threshold in <code>mlwright.yaml</code>:</p>
              <Code
                label="mlwright.yaml"
                text={`monitors:\n  visits-drift:\n    endpoint: visits\n    baseline: {pipeline: train, step: split, output: train.parquet}\n    window: {rows: 1000}\n    method: psi\n    threshold: 0.2`}
              />
            </Empty>
          ) : (
            <Table
              label="Monitors"
              rows={monitors}
              id={(monitor) => monitor.name}
              href={(monitor) => `/monitors/${enc(monitor.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Monitor', width: 'minmax(160px, 1fr)', render: (monitor) => monitor.name },
                { key: 'state', label: 'State', width: '140px', render: (monitor) => (monitor.windows === 0 ? <State value="waiting" label="no window yet" /> : <State value={monitor.drifted ? 'drifted' : 'stable'} />) },
                { key: 'share', label: 'Features drifted', align: 'num', width: '130px', render: (monitor) => (monitor.last ? percent(monitor.last.share) : '–') },
                { key: 'endpoint', label: 'Watches', width: 'minmax(110px, 180px)', render: (monitor) => monitor.endpoint },
                { key: 'windows', label: 'Windows', align: 'num', width: '90px', render: (monitor) => number(monitor.windows) },
                { key: 'at', label: 'Last window', width: '120px', render: (monitor) => <Ago at={monitor.last?.to} /> },
              ]}
            />
          )
        }
      </Await>
    </Page>
  );
}
