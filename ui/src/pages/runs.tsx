// Every run in one table: filter, sort, choose columns, group, select, compare. The address holds all of it.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type Experiment, type Run, call } from '../api';
import { count, number } from '../format';
import { useKeys } from '../keys';
import { Bones, Code, Empty, Failure, Page, isLive } from '../parts/basics';
import { FilterBox } from '../parts/filter_box';
import { ColumnChooser, type Keys, columnsOf, needed, usual } from '../parts/run_columns';
import { asFilter, orderBy, useRows, useRunList } from '../parts/run_query';
import { SavedViews } from '../parts/run_views';
import { type Row, rowsOf } from '../parts/run_rows';
import { type Sort, Table } from '../parts/table';
import { navigate, setParams, useLocation, useParam } from '../router';
import { useApi } from '../store';
import '../styles/runs.css';

/** As many as a comparison can show. */
const MOST_SELECTED = 100;
const NO_KEYS: Keys = { metrics: [], params: [], tags: [] };
const GROUPS: [string, string][] = [['', 'No groups'], ['parent', 'Nested runs'], ['experiment', 'Experiment'], ['status', 'Status'], ['owner', 'Started by']];

function parseSort(text: string): Sort {
  return text.startsWith('-') ? { key: text.slice(1), down: true } : { key: text, down: false };
}

/** The columns that stand there when nobody chose any, found in the newest runs. */
function useUsual(ids: string[] | undefined, experiment: string): string[] | null {
  const [found, setFound] = useState<{ of: string; keys: string[] } | null>(null);
  const settled = useRef('?');
  const some = ids?.slice(0, 12).join() ?? '';
  useEffect(() => {
    if (some === '' || settled.current === experiment) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        const page = await call<{ runs: Run[] }>('/runs/rows', { method: 'POST', body: { ids: some.split(',') }, signal: stop.signal });
        const keys = usual(page.runs);
        setFound((old) => (old?.of === experiment && old.keys.join() === keys.join() ? old : { of: experiment, keys }));
        // A first run that logged nothing yet says nothing about the columns.
        if (keys.length > 0) settled.current = experiment;
        else if (page.runs.some((run) => isLive(run.status))) timer = setTimeout(() => void read(), 2500);
      } catch {
        // The list itself says what is wrong with the server.
      }
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [some, experiment]);
  return useMemo(() => (found ? ['status', ...(experiment ? [] : ['experiment']), 'started', 'duration', ...found.keys] : null), [found, experiment]);
}

export default function Runs() {
  const { search } = useLocation();
  const [experiment, setExperiment] = useParam('experiment');
  const [filter, setFilter] = useParam('q');
  const [sortText, setSort] = useParam('sort', '-started');
  const [group, setGroup] = useParam('group');
  const sort = useMemo(() => parseSort(sortText), [sortText]);
  const asked = search.get('columns');
  const experiments = useApi<{ experiments: Experiment[] }>('/experiments', { topics: ['experiment'] });
  // MLflow's links name an experiment by its number; the address here carries its name.
  const numbered = experiments.data?.experiments.find((item) => item.id === experiment)?.name;
  useEffect(() => {
    if (numbered) setExperiment(numbered);
  }, [numbered, setExperiment]);

  const { list, error, busy } = useRunList({ experiment, filter: asFilter(filter), order_by: orderBy(sort.key, sort.down), group });
  const keys = useApi<Keys>(`/runs/keys?experiment=${encodeURIComponent(experiment)}`, { topics: ['run.finished'] }).data ?? NO_KEYS;
  const standard = useUsual(asked === null ? list?.ids : undefined, experiment);
  const chosen = useMemo(() => (asked === null ? (standard ?? ['status', 'started', 'duration']) : asked.split(',').filter(Boolean)), [asked, standard]);
  const rows = useRows(asked === null && standard === null && list?.ids.length !== 0 ? null : needed(chosen));

  const [folds, setFolds] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setFolds(new Set()), [group]);
  const toggle = useCallback((key: string) => {
    setFolds((old) => {
      const next = new Set(old);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  }, []);
  const shown = useMemo(() => (list ? rowsOf(list, group, folds) : []), [list, group, folds]);
  // Not on `rows.version`: rows that came are told by their stamp, and the others are not drawn again.
  const columns = useMemo(() => columnsOf(chosen, rows, toggle), [chosen, rows.get, toggle]);
  const want = rows.want;
  const range = useCallback((first: number, last: number) => want(shown.slice(first, last + 1).flatMap((row) => row.run ?? [])), [shown, want]);

  const selectedText = search.get('selected') ?? '';
  const selected = useMemo(() => new Set(selectedText.split(',').filter(Boolean)), [selectedText]);
  const select = useCallback(
    (id: string, on: boolean, all: string[] = [id]) => {
      const next = new Set(selected);
      for (const one of all) if (on) next.add(one); else next.delete(one);
      setParams({ selected: [...next].slice(0, MOST_SELECTED).join(',') });
    },
    [selected],
  );
  const compareSelected = () => navigate(`/compare?runs=${[...selected].join(',')}`);
  useKeys({ c: selected.size > 1 ? compareSelected : undefined });

  const total = list?.ids.length ?? 0;
  const heads = shown.filter((row) => row.head && row.run === null).length;
  return (
    <Page
      title="Runs"
      lead={list ? `${count(total, 'run')}${list.more ? ' and more' : ''}${heads > 0 ? ` in ${count(heads, 'group')}` : ''}${filter ? ' match the filter' : ''}` : ' '}
      actions={
        <>
          <button type="button" disabled={total < 2} title="Curves, parallel coordinates and a scatter plot of the runs at the top" onClick={() => navigate(`/compare?runs=${(list?.ids ?? []).slice(0, MOST_SELECTED).join(',')}&tab=parallel`)}>
            Plot {total > MOST_SELECTED ? `the first ${MOST_SELECTED}` : 'all'}
          </button>
          <button type="button" className="primary" disabled={selected.size < 2} onClick={compareSelected}>
            Compare{selected.size > 0 ? ` ${selected.size}` : ''}
          </button>
        </>
      }
    >
      <div className="row run-tools">
        <select aria-label="Experiment" value={experiment} onChange={(event) => setExperiment(event.target.value)}>
          <option value="">All experiments</option>
          {experiments.data?.experiments.map((item) => <option key={item.id} value={item.name}>{item.name}</option>)}
          {experiment && !experiments.data?.experiments.some((item) => item.name === experiment) && <option value={experiment}>{experiment}</option>}
        </select>
        <FilterBox value={filter} onChange={setFilter} keys={keys} error={error?.status === 400 ? error : null} />
        <GroupBy value={group} keys={keys} onChange={setGroup} />
        <ColumnChooser keys={keys} chosen={chosen} standard={standard ?? chosen} onChange={(next) => setParams({ columns: next === null ? null : next.join(',') || ',' })} />
        <SavedViews />
        {selected.size > 0 && <button type="button" onClick={() => setParams({ selected: null })}>Clear {selected.size}</button>}
      </div>
      {error && error.status !== 400 && <Failure error={error} stale={list !== null} />}
      {rows.error && !error && <Failure error={rows.error} stale />}
      {!list ? (
        error ? (error.status === 400 && <button type="button" className="bare" onClick={() => setFilter(null)}>Take the filter away</button>) : <Bones lines={10} height={22} />
      ) : total === 0 && !filter && !error ? (
        <NoRuns experiment={experiment} />
      ) : (
        <div className="run-table" aria-busy={busy}>
          <Table
            label="Runs"
            rows={shown}
            columns={columns}
            id={rowKey}
            href={rowHref}
            sort={sort}
            onSort={(next) => setSort((next.down ? '-' : '') + next.key)}
            selected={selected}
            onSelect={select}
            selectable={isRun}
            height="calc(100vh - 186px)"
            empty={<span className="row">No run matches the filter. <button type="button" className="bare" onClick={() => setFilter(null)}>Take the filter away</button></span>}
            onRange={range}
            stamp={(row) => (row.run ? rows.get(row.run) : row)}
            span={(row) => (row.run === null && row.head ? <GroupHead row={row} toggle={toggle} /> : null)}
            onOpen={(row) => toggle(row.key)}
            keys
          />
        </div>
      )}
      {selected.size > 0 && <p className="visually-hidden" role="status">{count(selected.size, 'run')} selected</p>}
    </Page>
  );
}

const rowKey = (row: Row) => row.key;
const rowHref = (row: Row) => (row.run ? `/runs/${row.run}` : undefined);
const isRun = (row: Row) => row.run !== null;

function GroupHead({ row, toggle }: { row: Row; toggle: (key: string) => void }) {
  const head = row.head;
  if (!head) return null;
  return (
    <button type="button" className="group-head" aria-expanded={head.open} onClick={() => toggle(row.key)}>
      <span aria-hidden="true">{head.open ? '▾' : '▸'}</span>
      <b className="clip">{head.label ?? 'without a value'}</b>
      <span className="muted">{number(head.count)}</span>
    </button>
  );
}

function GroupBy({ value, keys, onChange }: { value: string; keys: Keys; onChange: (group: string | null) => void }) {
  const own = keys.tags.filter((key) => !key.startsWith('mlflow.'));
  const known = new Set([...GROUPS.map(([key]) => key), ...keys.params.map((key) => `params.${key}`), ...own.map((key) => `tags.${key}`)]);
  return (
    <select aria-label="Group by" value={value} onChange={(event) => onChange(event.target.value)} style={{ maxWidth: 160 }}>
      {GROUPS.map(([key, label]) => <option key={key} value={key}>{label}</option>)}
      {!known.has(value) && <option value={value}>{value}</option>}
      {keys.params.length > 0 && <optgroup label="Parameters">{keys.params.slice(0, 300).map((key) => <option key={key} value={`params.${key}`}>{key}</option>)}</optgroup>}
      {own.length > 0 && <optgroup label="Tags">{own.slice(0, 300).map((key) => <option key={key} value={`tags.${key}`}>{key}</option>)}</optgroup>}
    </select>
  );
}

function NoRuns({ experiment }: { experiment: string }) {
  return (
    <Empty title={experiment ? `No run in ${experiment} yet` : 'No run yet'}>
      <p>Anything that logs with MLflow's own client appears here while it runs.</p>
      <Code label="Python" text={`import mlflow\n\nmlflow.set_tracking_uri("${location.origin}")\nmlflow.set_experiment("${experiment || 'first'}")\nwith mlflow.start_run():\n    mlflow.log_metric("loss", 0.42, step=1)`} />
    </Empty>
  );
}
