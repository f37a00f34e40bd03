// One run: live curves, what went in, what came out, what people wrote about it.
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { ApiError, type Run, type RunDetail, call } from '../api';
import { between, duration, metric, short, useNow } from '../format';
import { Artifacts } from '../parts/artifacts';
import { Ago, Await, Dialog, Empty, Failure, Id, Page, State, Strip, Tabs, isLive } from '../parts/basics';
import { Curves } from '../parts/curves';
import { Details } from '../parts/run_details';
import { columnsOf, needed, usual } from '../parts/run_columns';
import { useRows, useRunList } from '../parts/run_query';
import { type Row, rowsOf } from '../parts/run_rows';
import { Table } from '../parts/table';
import { Link, enc, useParam } from '../router';
import { refresh, useApi } from '../store';
import '../styles/runs.css';

const SYSTEM = 'system/';
/** New metric names come without an event. */
const LIVE_EVERY = 3000;
const PARENT = 'mlflow.parentRunId';

export default function RunPage({ args: [id = ''] }: { args: string[] }) {
  const run = useApi<RunDetail>(`/runs/${enc(id)}`, { topics: ['run', 'model', 'step', 'pipeline'] });
  const [tab] = useParam('tab', 'curves');
  const [renaming, setRenaming] = useState(false);
  const live = isLive(run.data?.status);
  const now = useNow(live ? 1000 : 60_000);
  const reload = run.reload;
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(reload, LIVE_EVERY);
    return () => clearInterval(timer);
  }, [live, reload]);
  const children = useRunList({ experiment: '', filter: `tags.\`${PARENT}\` = '${id.replaceAll('-', '')}'`, order_by: [], group: '' }).list;
  const names = Object.keys(run.data?.metrics ?? {}).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join('\n');
  const keys = useMemo(() => {
    const all = names.split('\n').filter(Boolean);
    return { own: all.filter((key) => !key.startsWith(SYSTEM)), system: all.filter((key) => key.startsWith(SYSTEM)) };
  }, [names]);
  const runs = useMemo(() => [{ id: id.replaceAll('-', ''), name: 'this run', live }], [id, live]);
  return (
    <Await of={run}>
      {(data) => (
        <Page
          crumbs={[['Runs', '/runs'], [data.experiment, `/runs?experiment=${enc(data.experiment)}`]]}
          title={<>{data.name || short(data.id)} <State value={data.status} /></>}
          actions={
            <>
              <button type="button" onClick={() => setRenaming(true)}>Rename</button>
              <Link className="button" href={`/lineage?kind=run&key=${enc(data.id)}`}>Lineage</Link>
              <Link className="button" href={`/runs?experiment=${enc(data.experiment)}&selected=${enc(data.id)}`}>Compare with…</Link>
            </>
          }
        >
          {data.deleted && <div className="notice calm stale"><strong>This run is deleted</strong><span>Restore it with <code>MlflowClient().restore_run("{data.id}")</code>.</span></div>}
          <Strip
            items={[
              ['Started', <Ago key="a" at={data.started_at} />],
              ['Duration', duration(between(data.started_at, data.ended_at, now))],
              ...(data.tags[PARENT] ? [['Part of', <Parent key="pa" id={data.tags[PARENT]} />] as [string, ReactNode]] : []),
              ...(data.pipeline_run ? [['Step of', <Link key="p" href={`/pipeline-runs/${enc(data.pipeline_run.id)}?step=${enc(data.pipeline_run.step)}`}>{data.pipeline_run.pipeline}, {data.pipeline_run.step}</Link>] as [string, ReactNode]] : []),
              ...(data.models?.length ? [['Registered as', <Models key="m" models={data.models} />] as [string, ReactNode]] : []),
              ...(data.inputs?.length ? [['Data', <Inputs key="i" inputs={data.inputs} />] as [string, ReactNode]] : []),
              ['Id', <Id key="id" value={data.id} />],
            ]}
          />
          <Tabs
            current={tab}
            tabs={[
              { key: 'curves', label: 'Metrics', href: `/runs/${enc(id)}`, count: keys.own.length },
              { key: 'params', label: 'Parameters and notes', href: `/runs/${enc(id)}?tab=params`, count: Object.keys(data.params).length },
              { key: 'artifacts', label: 'Artifacts', href: `/runs/${enc(id)}?tab=artifacts` },
              ...(keys.system.length > 0 ? [{ key: 'system', label: 'System', href: `/runs/${enc(id)}?tab=system`, count: keys.system.length }] : []),
              ...(children && children.ids.length > 0 ? [{ key: 'children', label: 'Runs below', href: `/runs/${enc(id)}?tab=children`, count: children.ids.length }] : []),
            ]}
          />
          {tab === 'curves' && (keys.own.length === 0 ? (
            <Empty title="No metric yet"><p>Curves are drawn here while the run logs, one chart a metric.</p></Empty>
          ) : (
            <Metrics data={data} runs={runs} keys={keys.own} />
          ))}
          {tab === 'system' && <Curves runs={runs} keys={keys.system} />}
          {tab === 'params' && <Details run={data} />}
          {tab === 'artifacts' && <Artifacts run={id} models={data.logged_models ?? []} />}
          {tab === 'children' && children && <Children list={children} />}
          {renaming && <Rename run={data} onClose={() => setRenaming(false)} />}
        </Page>
      )}
    </Await>
  );
}

/** Single values as figures, curves as charts. */
function Metrics({ data, runs, keys }: { data: RunDetail; runs: { id: string; name: string; live: boolean }[]; keys: string[] }) {
  const single = keys.filter((key) => (data.summaries?.[key]?.points ?? 2) === 1);
  const curves = keys.filter((key) => !single.includes(key));
  return (
    <div className="stack">
      {single.length > 0 && (
        <dl className="figures">
          {single.slice(0, 200).map((key) => (
            <div key={key}>
              <dt className="clip" title={key}>{key}</dt>
              <dd>{metric(data.metrics[key])}</dd>
            </div>
          ))}
        </dl>
      )}
      {curves.length > 0 && <Curves runs={runs} keys={curves} />}
    </div>
  );
}

function Parent({ id }: { id: string }) {
  const parent = useApi<Run>(`/runs/${enc(id)}`, { topics: [] });
  return <Link href={`/runs/${enc(id)}`}>{parent.data?.name || short(id)}</Link>;
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

const rowKey = (row: Row) => row.key;
const rowHref = (row: Row) => (row.run ? `/runs/${row.run}` : undefined);

function Children({ list }: { list: NonNullable<ReturnType<typeof useRunList>['list']> }) {
  const [keys, setKeys] = useState<string[] | null>(null);
  const ids = list.ids.slice(0, 8).join();
  useEffect(() => {
    void call<{ runs: Run[] }>('/runs/rows', { method: 'POST', body: { ids: ids.split(',') } }).then((page) => setKeys(['status', 'duration', ...usual(page.runs)]), () => setKeys(['status', 'duration']));
  }, [ids]);
  const rows = useRows(keys ? needed(keys) : null);
  const shown = useMemo(() => rowsOf(list, '', new Set()), [list]);
  const columns = useMemo(() => columnsOf(keys ?? ['status', 'duration'], rows, () => {}), [keys, rows.get]);
  const want = rows.want;
  const range = useCallback((from: number, to: number) => want(shown.slice(from, to + 1).flatMap((row) => row.run ?? [])), [shown, want]);
  return (
    <Table
      label="Runs below"
      rows={shown}
      columns={columns}
      id={rowKey}
      href={rowHref}
      height="calc(100vh - 300px)"
      onRange={range}
      stamp={(row) => (row.run ? rows.get(row.run) : row)}
      keys
    />
  );
}

function Rename({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const [name, setName] = useState(run.name);
  const [error, setError] = useState<ApiError | null>(null);
  const save = async () => {
    try {
      await call(`/runs/${enc(run.id)}`, { method: 'PATCH', body: { name: name.trim() } });
      refresh();
      onClose();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
  };
  return (
    <Dialog title="Rename the run" onClose={onClose} footer={<><button type="button" onClick={onClose}>Cancel</button><button type="button" className="primary" disabled={!name.trim()} onClick={() => void save()}>Rename</button></>}>
      <input type="text" aria-label="Name" value={name} autoFocus onChange={(event) => setName(event.target.value)} onKeyDown={(event) => { if (event.key === 'Enter' && name.trim()) void save(); }} />
      {error && <Failure error={error} />}
    </Dialog>
  );
}
