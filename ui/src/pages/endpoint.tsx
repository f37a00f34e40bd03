// An endpoint: live traffic and latency, who answers, and every revision with a way back.
import { useState } from 'react';
import '../styles/serving.css';
import { ApiError, type EndpointDetail, type Revision, call } from '../api';
import { millis, moment, number, percent, short } from '../format';
import { Ago, Await, Code, Dialog, Facts, Failure, Figures, Id, Page, Panel, State } from '../parts/basics';
import { Chart } from '../parts/chart';
import { Diff, type DiffRow } from '../parts/diff';
import { RolloutPanel } from '../parts/serving/rollout';
import { TryIt } from '../parts/serving/try_it';
import { Weights, again, modelOf } from '../parts/serving/weights';
import { Table } from '../parts/table';
import { Link, enc } from '../router';
import { refresh, useApi } from '../store';
import { weight } from './endpoints';

export default function EndpointPage({ args: [name = ''] }: { args: string[] }) {
  const endpoint = useApi<EndpointDetail>(`/endpoints/${enc(name)}`, { every: 1000 });
  const [back, setBack] = useState<Revision | null>(null);
  return (
    <Await of={endpoint}>
      {(data) => {
        const { traffic } = data;
        const revisions = [...data.revisions].sort((a, b) => b.number - a.number);
        const current = revisions.find((revision) => revision.number === data.revision) ?? revisions[0];
        return (
          <Page
            crumbs={[['Endpoints', '/endpoints']]}
            title={<>{data.name} {current ? <span className="tag">revision {current.number}</span> : <State value="idle" label="nothing deployed" />}</>}
            actions={current && <Link className="button" href={`/lineage?kind=endpoint_revision&key=${enc(current.uid)}`}>Lineage</Link>}
          >
            <div className="stack">
              <Figures
                items={[
                  { name: 'Requests per second', value: number(Math.round(traffic.rps * 10) / 10) },
                  { name: 'Median latency', value: millis(traffic.p50_ms), note: 'p50' },
                  { name: 'Slowest of 100', value: millis(traffic.p99_ms), note: 'p99' },
                  { name: 'Requests', value: number(traffic.requests), note: 'answered so far' },
                  { name: 'Errors', value: <span className={traffic.errors > 0 ? 'alarm-text' : undefined}>{number(traffic.errors)}</span>, note: traffic.requests > 0 ? percent(traffic.errors / traffic.requests) : undefined },
                ]}
              />
              <div className="halves">
                <Panel label="Traffic">
                  <Chart title="Requests per second" time zero sync="endpoint" format={(value) => number(value === null ? null : Math.round(value * 10) / 10)} lines={[{ name: 'requests/s', colour: 0, points: traffic.series.map((point) => [point[0] / 1000, point[1]]) }]} />
                </Panel>
                <Panel label="Latency">
                  <Chart title="Latency" time zero sync="endpoint" format={millis} lines={[{ name: 'p50', colour: 0, points: traffic.series.map((point) => [point[0] / 1000, point[2]]) }, { name: 'p99', colour: 1, points: traffic.series.map((point) => [point[0] / 1000, point[3]]) }]} />
                </Panel>
              </div>
              <Panel title="Who answers" flush>
                <Weights endpoint={data} />
              </Panel>
              {data.settings?.features && (
                <Panel title="Looked up">
                  <Facts
                    items={[
                      ['Callers send', <b>{data.settings.features.key}</b>],
                      ['Its values come from', <Link href={`/datasets/${enc(data.settings.features.dataset)}`}>{data.settings.features.dataset} version {data.settings.features.version}</Link>],
                      ['Inputs', data.settings.features.columns?.join(', ') ?? 'all that it has'],
                      ['A key that is not there', { error: 'is refused', null: 'leaves them missing', default: 'has the defaults' }[data.settings.features.missing]],
                    ]}
                  />
                </Panel>
              )}
              {data.rollout && (
                <Panel title={`Rollout of ${data.rollout.candidate}`}>
                  <RolloutPanel rollout={data.rollout} />
                </Panel>
              )}
              <Panel title="Try it">
                <TryIt endpoint={data.name} />
              </Panel>
              <Panel title="Revisions" flush>
                <Table
                  label="Revisions"
                  rows={revisions}
                  id={(revision) => revision.uid}
                  columns={[
                    { key: 'number', label: 'Revision', width: '110px', render: (revision) => <>{revision.number}{revision === current ? <span className="muted"> serving</span> : null}</> },
                    { key: 'variants', label: 'Served', width: 'minmax(180px, 1fr)', render: (revision) => revision.variants.map((variant) => `${modelOf(variant)}${revision.variants.length > 1 ? ` ${weight(variant.weight, revision)}` : ''}`).join(', ') },
                    { key: 'by', label: 'By', width: 'minmax(100px, 160px)', render: (revision) => revision.created_by ?? '–' },
                    { key: 'at', label: 'Deployed', width: '120px', title: (revision) => moment(revision.created_at), render: (revision) => <Ago at={revision.created_at} /> },
                    { key: 'id', label: 'Id', width: '130px', render: (revision) => <Id value={revision.uid} /> },
                    { key: 'back', label: 'Roll back', width: '110px', render: (revision) => (revision === current ? null : <button type="button" className="bare" onClick={() => setBack(revision)}>roll back…</button>) },
                  ]}
                />
              </Panel>
              <Panel title="Call it">
                <Code text={`curl ${location.origin}/v2/models/${enc(data.name)}        # inputs and outputs\ncurl ${location.origin}/v2/models/${enc(data.name)}/infer -H 'content-type: application/json' -d @request.json`} />
              </Panel>
            </div>
            {back && current && <RollBack endpoint={data} from={current} to={back} onClose={() => setBack(null)} />}
          </Page>
        );
      }}
    </Await>
  );
}

function RollBack({ endpoint, from, to, onClose }: { endpoint: EndpointDetail; from: Revision; to: Revision; onClose: () => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const side = (revision: Revision) => new Map(revision.variants.map((variant) => [modelOf(variant), variant]));
  const [a, b] = [side(from), side(to)];
  const rows: DiffRow[] = [...new Set([...a.keys(), ...b.keys()])].flatMap((name): DiffRow[] => {
    const [x, y] = [a.get(name), b.get(name)];
    return [
      { group: name, name: 'share of traffic', values: [x ? weight(x.weight, from) : undefined, y ? weight(y.weight, to) : undefined] },
      { group: name, name: 'model digest', values: [x?.digest, y?.digest], render: (value) => short(String(value)) },
    ];
  });
  const act = async () => {
    setBusy(true);
    try {
      await call(`/endpoints/${enc(endpoint.name)}`, { method: 'PUT', body: { variants: to.variants.map(again) } });
      refresh();
      onClose();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Roll ${endpoint.name} back to revision ${to.number}`}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="button" className="primary" disabled={busy} onClick={() => void act()}>Serve what revision {to.number} served</button>
        </>
      }
    >
      <p className="soft">The models are loaded and warmed up before traffic moves; requests in flight finish where they began. {endpoint.traffic.rps > 0 ? `${number(Math.round(endpoint.traffic.rps))} requests a second move.` : 'No traffic flows now.'} Aliases stay where they are.</p>
      <Diff label="Now and then" sides={[`now, revision ${from.number}`, `revision ${to.number}`]} rows={rows} />
      {error && <Failure error={error} />}
    </Dialog>
  );
}
