// One run: live curves, what went in, what came out.
import { type Artifact, type MetricSeries, type RunDetail, query } from '../api';
import { between, bytes, duration, moment, short, useNow } from '../format';
import { Ago, Await, Bones, Empty, Facts, Failure, Id, Page, Panel, State, Strip, Tabs, isLive } from '../parts/basics';
import { Curves } from '../parts/curves';
import { Icon } from '../parts/icons';
import { Table } from '../parts/table';
import { Link, enc, useParam } from '../router';
import { useApi } from '../store';

export default function RunPage({ args: [id = ''] }: { args: string[] }) {
  const run = useApi<RunDetail>(`/runs/${enc(id)}`, { topics: ['run', 'model', 'step', 'pipeline'] });
  const [tab] = useParam('tab', 'curves');
  const live = isLive(run.data?.status);
  const now = useNow(live ? 1000 : 60_000);
  return (
    <Await of={run}>
      {(data) => (
        <Page
          crumbs={[['Runs', '/runs'], [data.experiment, `/runs?experiment=${enc(data.experiment)}`]]}
          title={<>{data.name || short(data.id)} <State value={data.status} /></>}
          actions={
            <>
              <Link className="button" href={`/lineage?kind=run&key=${enc(data.id)}`}>Lineage</Link>
              <Link className="button" href={`/runs?experiment=${enc(data.experiment)}&selected=${enc(data.id)}`}>Compare with…</Link>
            </>
          }
        >
          <Strip
            items={[
              ['Started', <Ago key="a" at={data.started_at} />],
              ['Duration', duration(between(data.started_at, data.ended_at, now))],
              ...(data.pipeline_run ? [['Step of', <Link key="p" href={`/pipeline-runs/${enc(data.pipeline_run.id)}?step=${enc(data.pipeline_run.step)}`}>{data.pipeline_run.pipeline}, {data.pipeline_run.step}</Link>] as [string, React.ReactNode]] : []),
              ...(data.models?.length ? [['Registered as', <Models key="m" models={data.models} />] as [string, React.ReactNode]] : []),
              ...(data.inputs?.length ? [['Data', <Inputs key="i" inputs={data.inputs} />] as [string, React.ReactNode]] : []),
              ['Id', <Id key="id" value={data.id} />],
            ]}
          />
          <Tabs
            current={tab}
            tabs={[
              { key: 'curves', label: 'Metrics', href: `/runs/${enc(id)}`, count: Object.keys(data.metrics).length },
              { key: 'params', label: 'Parameters and tags', href: `/runs/${enc(id)}?tab=params`, count: Object.keys(data.params).length },
              { key: 'artifacts', label: 'Artifacts', href: `/runs/${enc(id)}?tab=artifacts` },
            ]}
          />
          {tab === 'curves' && <Metrics id={id} live={live} keys={Object.keys(data.metrics)} />}
          {tab === 'params' && <Params run={data} />}
          {tab === 'artifacts' && <Artifacts id={id} />}
        </Page>
      )}
    </Await>
  );
}

function Models({ models }: { models: NonNullable<RunDetail['models']> }) {
  return (
    <span className="tags">
      {models.map((model) => <Link key={model.uid} href={`/models/${enc(model.name)}?v=${model.version}`}>{model.name} v{model.version}</Link>)}
    </span>
  );
}

function Inputs({ inputs }: { inputs: NonNullable<RunDetail['inputs']> }) {
  return (
    <span className="tags">
      {inputs.map((input, index) =>
        input.version ? (
          <Link key={index} href={`/datasets/${enc(input.dataset)}?v=${input.version}`}>{input.dataset} v{input.version}</Link>
        ) : (
          <span key={index} title={input.digest ?? undefined}>{input.dataset}{input.context ? ` (${input.context})` : ''}</span>
        ),
      )}
    </span>
  );
}

function Metrics({ id, live, keys }: { id: string; live: boolean; keys: string[] }) {
  const metrics = useApi<MetricSeries>(`/runs/${enc(id)}/metrics?max_points=500`, { topics: ['run'], every: live ? 1500 : false });
  if (!metrics.data) return metrics.error ? <Failure error={metrics.error} /> : <Bones lines={6} height={60} />;
  if (keys.length === 0 && Object.keys(metrics.data.series).length === 0) {
    return (
      <Empty title="No metric yet">
        <p>Curves are drawn here while the run logs, one chart a metric.</p>
      </Empty>
    );
  }
  return <Curves runs={[{ name: 'this run', series: metrics.data.series }]} />;
}

function Params({ run }: { run: RunDetail }) {
  const pairs = (of: Record<string, string>) => Object.entries(of).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const own = pairs(run.tags).filter(([key]) => !key.startsWith('mlflow.'));
  const system = pairs(run.tags).filter(([key]) => key.startsWith('mlflow.'));
  return (
    <div className="halves">
      <Panel title="Parameters">{Object.keys(run.params).length ? <Facts items={pairs(run.params)} /> : <p className="muted">None were logged.</p>}</Panel>
      <div className="stack">
        <Panel title="Tags">{own.length ? <Facts items={own} /> : <p className="muted">None were set.</p>}</Panel>
        {system.length > 0 && <Panel title="Set by the client">{<Facts items={system.map(([key, value]) => [key.replace('mlflow.', ''), value.length > 400 ? `${value.slice(0, 400)}…` : value])} />}</Panel>}
        <Panel title="Times">
          <Facts items={[['Started', moment(run.started_at)], ['Ended', moment(run.ended_at)], ['By', run.actor]]} />
        </Panel>
      </div>
    </div>
  );
}

function Artifacts({ id }: { id: string }) {
  const [path, setPath] = useParam('path');
  const listing = useApi<{ artifacts: Artifact[] }>(`/runs/${enc(id)}/artifacts${query({ path })}`, { topics: ['run', 'model', 'artifact'] });
  const parts = path.split('/').filter(Boolean);
  return (
    <Panel
      title={
        <span className="row">
          <button type="button" className="bare" onClick={() => setPath(null)}>artifacts</button>
          {parts.map((part, index) => (
            <span key={index}>/ <button type="button" className="bare" onClick={() => setPath(parts.slice(0, index + 1).join('/'))}>{part}</button></span>
          ))}
        </span>
      }
      flush
    >
      {listing.data ? (
        <Table
          label="Artifacts"
          rows={[...listing.data.artifacts].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || a.path.localeCompare(b.path))}
          id={(item) => item.path}
          empty="Nothing was logged here."
          columns={[
            {
              key: 'name',
              label: 'Name',
              width: 'minmax(220px, 1fr)',
              render: (item) => (
                <span className="row" style={{ flexWrap: 'nowrap' }}>
                  <span className="artifact-icon"><Icon name={item.is_dir ? 'folder' : 'file'} /></span>
                  {item.is_dir ? (
                    <button type="button" className="bare" onClick={() => setPath(item.path)}>{item.path.split('/').at(-1)}</button>
                  ) : (
                    <a href={`/api/v1/runs/${enc(id)}/artifact${query({ path: item.path })}`} download>{item.path.split('/').at(-1)}</a>
                  )}
                </span>
              ),
            },
            { key: 'size', label: 'Size', align: 'num', width: '120px', render: (item) => (item.is_dir ? '' : bytes(item.size)) },
          ]}
        />
      ) : (
        <div className="body">{listing.error ? <Failure error={listing.error} /> : <Bones lines={4} />}</div>
      )}
    </Panel>
  );
}
