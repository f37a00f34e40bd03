import type { Endpoint } from '../api';
import { millis, number, percent } from '../format';
import { Await, Code, Empty, Page } from '../parts/basics';
import { Spark } from '../parts/marks';
import { Table } from '../parts/table';
import { enc } from '../router';
import { useApi } from '../store';

export default function Endpoints() {
  const list = useApi<{ endpoints: Endpoint[] }>('/endpoints', { every: 2000 });
  return (
    <Page title="Endpoints" lead="What is served now. Figures are of the last minutes, live.">
      <Await of={list}>
        {({ endpoints }) =>
          endpoints.length === 0 ? (
            <Empty title="Nothing is served yet">
              <p>An endpoint in <code>mlwright.yaml</code> follows an alias; once a model carries it, requests are answered at the Open Inference Protocol:</p>
              <Code text={`curl ${location.origin}/v2/models/visits/infer -H 'content-type: application/json' -d '{"inputs":[…]}'`} />
            </Empty>
          ) : (
            <Table
              label="Endpoints"
              rows={endpoints}
              id={(endpoint) => endpoint.name}
              href={(endpoint) => `/endpoints/${enc(endpoint.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Endpoint', width: 'minmax(150px, 1fr)', render: (endpoint) => endpoint.name },
                { key: 'serves', label: 'Serves', width: 'minmax(150px, 1fr)', render: (endpoint) => (endpoint.variants.length ? endpoint.variants.map((variant) => `${variant.model} v${variant.version}${endpoint.variants.length > 1 ? ` ${weight(variant.weight, endpoint)}` : ''}`).join(', ') : <span className="muted">nothing deployed</span>) },
                { key: 'traffic', label: 'Traffic', width: 'minmax(120px, 180px)', render: (endpoint) => <Spark height={22} label={`requests per second on ${endpoint.name}`} values={endpoint.traffic.series.slice(-90).map((point) => point[1])} /> },
                { key: 'rps', label: 'req/s', align: 'num', width: '84px', render: (endpoint) => number(Math.round(endpoint.traffic.rps * 10) / 10) },
                { key: 'p50', label: 'p50', align: 'num', width: '90px', render: (endpoint) => millis(endpoint.traffic.p50_ms) },
                { key: 'p99', label: 'p99', align: 'num', width: '90px', render: (endpoint) => millis(endpoint.traffic.p99_ms) },
                { key: 'requests', label: 'Requests', align: 'num', width: '100px', render: (endpoint) => number(endpoint.traffic.requests) },
                { key: 'errors', label: 'Errors', align: 'num', width: '100px', render: (endpoint) => <span className={endpoint.traffic.errors > 0 ? 'alarm-text' : undefined}>{number(endpoint.traffic.errors)}</span> },
              ]}
            />
          )
        }
      </Await>
    </Page>
  );
}

export function weight(value: number, endpoint: { variants: { weight: number }[] }): string {
  const total = endpoint.variants.reduce((sum, variant) => sum + variant.weight, 0);
  return percent(total > 0 ? value / total : 0);
}
