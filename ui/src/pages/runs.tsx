// Every run in one table: filter, sort, choose columns, select, compare. The address holds all of it.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, type Experiment, type Run, type RunPage, call, query } from '../api';
import { between, count, duration, metric, number, short, useNow } from '../format';
import { useKeys } from '../keys';
import { onEvent } from '../live';
import { Ago, Bones, Code, Empty, Failure, Page, State, isLive } from '../parts/basics';
import { runFilter } from '../parts/run_filter';
import { type Column, type Sort, Table, sorted } from '../parts/table';
import { navigate, setParams, useLocation, useParam } from '../router';
import { useApi } from '../store';

const PAGE = 1000;
/** A refresh reads the newest runs only: what changes is among them. */
const NEWEST = 200;

/** Pages are read as the reader scrolls, or all of them once a filter or a sort needs them. */
function useRuns(experiment: string, everything: boolean) {
  const [runs, setRuns] = useState<Run[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [ready, setReady] = useState(false);
  const busy = useRef(false);

  const read = useCallback(
    async (token: string | null, limit = PAGE) => {
      if (busy.current) return;
      busy.current = true;
      try {
        const page = await call<RunPage>(`/runs${query({ experiment, limit, page_token: token })}`);
        setRuns((old) => {
          // A refresh of the first page replaces what it holds and keeps the pages read after it.
          const fresh = new Set(page.runs.map((run) => run.id));
          const others = old.filter((run) => !fresh.has(run.id));
          return token === null ? [...page.runs, ...others] : [...others, ...page.runs];
        });
        if (limit === PAGE) setNext(page.next_page_token ?? null);
        setError(null);
      } catch (problem) {
        if (problem instanceof ApiError) setError(problem);
      }
      busy.current = false;
      setReady(true);
    },
    [experiment],
  );

  useEffect(() => {
    setRuns([]);
    setNext(null);
    setReady(false);
    busy.current = false;
    void read(null);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = onEvent((event) => {
      if (!/^(run|experiment|pipeline|step)/.test(event.kind) || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        void read(null, NEWEST);
      }, 600);
    });
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [read]);

  const running = runs.some((run) => isLive(run.status));
  useEffect(() => {
    if (!running) return;
    // Metric points are recorded without an event; a running run is asked for.
    const timer = setInterval(() => void read(null, NEWEST), 3000);
    return () => clearInterval(timer);
  }, [running, read]);

  useEffect(() => {
    if (everything && next !== null) void read(next);
  }, [everything, next, read, runs.length]);

  const more = useCallback(() => {
    if (next !== null) void read(next);
  }, [next, read]);
  return { runs, error, ready, more, complete: next === null };
}

const FIXED = ['status', 'experiment', 'started', 'duration'];

/** A float's full digits stay in the title. */
function tidy(text: string): string {
  return /^-?\d+\.\d{7,}$/.test(text) ? String(Number(Number(text).toPrecision(6))) : text;
}

function columnOf(key: string, now: number): Column<Run> {
  const dot = key.indexOf('.');
  const group = dot < 0 ? '' : key.slice(0, dot);
  const name = key.slice(dot + 1);
  if (group === 'metrics') return { key, label: name, align: 'num', width: 'minmax(96px, 130px)', value: (run) => run.metrics[name], render: (run) => metric(run.metrics[name]) };
  if (group === 'params') {
    return {
      key,
      label: name,
      width: 'minmax(110px, 150px)',
      value: (run) => {
        const value = run.params[name];
        return value !== undefined && value !== '' && !Number.isNaN(Number(value)) ? Number(value) : value;
      },
      title: (run) => run.params[name],
      render: (run) => (run.params[name] === undefined ? <span className="muted">–</span> : tidy(run.params[name] ?? '')),
    };
  }
  if (group === 'tags') return { key, label: name, width: 'minmax(90px, 160px)', value: (run) => run.tags[name], title: (run) => run.tags[name], render: (run) => run.tags[name] ?? <span className="muted">–</span> };
  if (key === 'status') return { key, label: 'Status', width: '112px', value: (run) => run.status, render: (run) => <State value={run.status} /> };
  if (key === 'experiment') return { key, label: 'Experiment', width: 'minmax(110px, 150px)', value: (run) => run.experiment, render: (run) => run.experiment };
  if (key === 'started') return { key, label: 'Started', width: '104px', value: (run) => run.started_at, render: (run) => <Ago at={run.started_at} /> };
  return { key, label: 'Duration', align: 'num', width: '104px', value: (run) => between(run.started_at, run.ended_at, now), render: (run) => duration(between(run.started_at, run.ended_at, now)) };
}

/** The columns of most runs, metrics first; what every run has says more than what one has. */
function usual(runs: Run[]): string[] {
  const tally = (of: (run: Run) => object) => {
    const seen = new Map<string, number>();
    for (const run of runs.slice(0, 500)) for (const key of Object.keys(of(run))) seen.set(key, (seen.get(key) ?? 0) + 1);
    return [...seen].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([key]) => key);
  };
  return [
    ...tally((run) => run.metrics).slice(0, 4).map((key) => `metrics.${key}`),
    ...tally((run) => run.params).slice(0, 4).map((key) => `params.${key}`),
  ];
}

function parseSort(text: string): Sort {
  return text.startsWith('-') ? { key: text.slice(1), down: true } : { key: text, down: false };
}

export default function Runs() {
  const { search } = useLocation();
  const [experiment, setExperiment] = useParam('experiment');
  const [filter, setFilter] = useParam('q');
  const [sortText, setSort] = useParam('sort', '-started');
  const sort = parseSort(sortText);
  const asked = search.get('columns');
  const experiments = useApi<{ experiments: Experiment[] }>('/experiments', { topics: ['experiment', 'run.created'] });
  // MLflow's links name an experiment by its number; the address here carries its name.
  const numbered = experiments.data?.experiments.find((item) => item.id === experiment)?.name;
  useEffect(() => {
    if (numbered) setExperiment(numbered);
  }, [numbered, setExperiment]);
  const { runs, error, ready, more, complete } = useRuns(experiment, filter !== '' || sortText !== '-started');
  const live = runs.some((run) => isLive(run.status));
  const now = useNow(live ? 1000 : 60_000);

  const selected = useMemo(() => new Set((search.get('selected') ?? '').split(',').filter(Boolean)), [search]);
  const select = (id: string, on: boolean) => {
    const next = new Set(selected);
    if (on) next.add(id);
    else next.delete(id);
    setParams({ selected: [...next].join(',') });
  };
  const compareSelected = () => navigate(`/compare?runs=${[...selected].join(',')}`);
  useKeys({ c: selected.size > 1 ? compareSelected : undefined });

  const shape = runs.slice(0, 500).map((run) => Object.keys(run.metrics).length + Object.keys(run.params).length).join();
  const standard = useMemo(() => ['status', ...(experiment ? [] : ['experiment']), 'started', 'duration', ...usual(runs)], [experiment, runs.length, shape]);
  const keys = asked === null ? standard : asked.split(',').filter(Boolean);
  const columns: Column<Run>[] = [
    { key: 'name', label: 'Run', width: 'minmax(210px, 1.4fr)', value: (run) => run.name || run.id, title: (run) => run.id, render: (run) => run.name || short(run.id) },
    ...keys.map((key) => columnOf(key, now)),
  ];
  const shown = useMemo(() => sorted(runs.filter(runFilter(filter)), columns, sort), [runs, filter, sortText, keys.join()]);

  return (
    <Page
      title="Runs"
      lead={ready ? `${number(shown.length)}${shown.length === runs.length ? '' : ` of ${number(runs.length)}`}${complete ? '' : '+'} ${runs.length === 1 ? 'run' : 'runs'}${live ? ', live' : ''}` : ' '}
      actions={
        <button type="button" className="primary" disabled={selected.size < 2} onClick={compareSelected}>
          Compare{selected.size > 0 ? ` ${selected.size}` : ''}
        </button>
      }
    >
      <div className="row" style={{ marginBottom: 12 }}>
        <select aria-label="Experiment" value={experiment} onChange={(event) => setExperiment(event.target.value)}>
          <option value="">All experiments</option>
          {experiments.data?.experiments.map((item) => <option key={item.id} value={item.name}>{item.name}</option>)}
          {experiment && !experiments.data?.experiments.some((item) => item.name === experiment) && <option value={experiment}>{experiment}</option>}
        </select>
        <input className="grow" type="search" aria-label="Filter runs" placeholder="Filter: a name, status:failed, roc_auc > 0.7, params.depth = 6" value={filter} onChange={(event) => setFilter(event.target.value)} />
        {selected.size > 0 && <button type="button" onClick={() => setParams({ selected: null })}>Clear {selected.size} selected</button>}
        <ColumnChooser runs={runs} chosen={keys} standard={standard} />
      </div>
      {error && <Failure error={error} stale={runs.length > 0} />}
      {!ready ? (
        <Bones lines={10} height={22} />
      ) : runs.length === 0 && !error ? (
        <NoRuns experiment={experiment} />
      ) : (
        <Table
          label="Runs"
          rows={shown}
          columns={columns}
          id={(run) => run.id}
          href={(run) => `/runs/${run.id}`}
          sort={sort}
          onSort={(next) => setSort((next.down ? '-' : '') + next.key)}
          selected={selected}
          onSelect={select}
          height="calc(100vh - 190px)"
          empty="No run matches the filter."
          onEnd={more}
          keys
        />
      )}
      {selected.size > 0 && <p className="visually-hidden" role="status">{count(selected.size, 'run')} selected</p>}
    </Page>
  );
}

function ColumnChooser({ runs, chosen, standard }: { runs: Run[]; chosen: string[]; standard: string[] }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', away);
    addEventListener('keydown', away);
    return () => {
      removeEventListener('pointerdown', away);
      removeEventListener('keydown', away);
    };
  }, [open]);
  const groups = useMemo(() => {
    const collect = (prefix: string, of: (run: Run) => object) => [...new Set(runs.slice(0, 2000).flatMap((run) => Object.keys(of(run))))].sort().map((key) => `${prefix}.${key}`);
    return [
      ['Run', FIXED],
      ['Metrics', collect('metrics', (run) => run.metrics)],
      ['Parameters', collect('params', (run) => run.params)],
      ['Tags', collect('tags', (run) => run.tags).filter((key) => !key.startsWith('tags.mlflow.'))],
    ] as const;
  }, [runs]);
  const toggle = (key: string, on: boolean) => setParams({ columns: (on ? [...chosen, key] : chosen.filter((other) => other !== key)).join(',') || ',' });
  return (
    <div className="anchor" ref={box}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>Columns</button>
      {open && (
        <div className="popover" role="group" aria-label="Columns">
          <input type="search" aria-label="Find a column" placeholder="Find a column" style={{ width: '100%' }} value={text} onChange={(event) => setText(event.target.value)} autoFocus />
          {groups.map(([group, keys]) => {
            const matching = keys.filter((key) => key.toLowerCase().includes(text.toLowerCase()));
            return matching.length === 0 ? null : (
              <div key={group}>
                <h3>{group}</h3>
                {matching.map((key) => (
                  <label key={key}>
                    <input type="checkbox" checked={chosen.includes(key)} onChange={(event) => toggle(key, event.target.checked)} />
                    <span className="clip">{key.slice(key.indexOf('.') + 1)}</span>
                  </label>
                ))}
              </div>
            );
          })}
          <button type="button" className="bare" disabled={chosen.join() === standard.join()} onClick={() => setParams({ columns: null })}>Back to the usual columns</button>
        </div>
      )}
    </div>
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
