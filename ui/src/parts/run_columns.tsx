// Columns of the table of runs: which there are, which stand there usually, and the chooser.
import { useState } from 'react';
import type { Run } from '../api';
import { between, duration, metric, short, useNow } from '../format';
import { Ago, State, isLive } from './basics';
import { Popover } from './popover';
import type { Rows } from './run_query';
import type { Row } from './run_rows';
import type { Column } from './table';

export interface Keys {
  metrics: string[];
  params: string[];
  tags: string[];
}

const FIXED = ['status', 'experiment', 'started', 'duration', 'owner'];
const LABELS: Record<string, string> = { status: 'Status', experiment: 'Experiment', started: 'Started', duration: 'Duration', owner: 'Started by' };
/** Keys of one kind that the chooser shows at once; the search finds the others. */
const SHOWN = 60;

/** A float's full digits stay in the title. */
function tidy(text: string): string {
  return /^-?\d+\.\d{7,}$/.test(text) ? String(Number(Number(text).toPrecision(6))) : text;
}

function Lasted({ run }: { run: Run }) {
  const now = useNow(isLive(run.status) ? 1000 : 600_000);
  return <>{duration(between(run.started_at, run.ended_at, now))}</>;
}

const NONE = <span className="muted">–</span>;

function cell(key: string, run: Run) {
  const dot = key.indexOf('.');
  const name = key.slice(dot + 1);
  switch (dot < 0 ? key : key.slice(0, dot)) {
    case 'metrics':
      return run.metrics[name] === undefined ? NONE : metric(run.metrics[name]);
    case 'params':
      return run.params[name] === undefined ? NONE : tidy(run.params[name]);
    case 'tags':
      return run.tags[name] === undefined ? NONE : run.tags[name].split('\n', 1)[0];
    case 'status':
      return <State value={run.status} />;
    case 'experiment':
      return run.experiment;
    case 'started':
      return <Ago at={run.started_at} />;
    case 'duration':
      return <Lasted run={run} />;
    case 'owner':
      return run.tags['mlflow.user'] ?? NONE;
    default:
      return NONE;
  }
}

function title(key: string, run: Run): string | undefined {
  const name = key.slice(key.indexOf('.') + 1);
  if (key.startsWith('metrics.')) return run.metrics[name] === undefined ? undefined : String(run.metrics[name]);
  if (key.startsWith('params.')) return run.params[name];
  if (key.startsWith('tags.')) return run.tags[name]?.slice(0, 300);
  return undefined;
}

const WIDTHS: Record<string, string> = { status: '112px', experiment: 'minmax(110px, 150px)', started: '104px', duration: '104px', owner: 'minmax(90px, 130px)', metrics: 'minmax(96px, 130px)', params: 'minmax(110px, 150px)', tags: 'minmax(100px, 170px)' };

/** A row whose run has not come yet shows a bone in each cell. */
function bone(run: Run | undefined, draw: (run: Run) => React.ReactNode): React.ReactNode {
  return run ? draw(run) : <span className="cell-bone" aria-hidden="true" />;
}

export function columnsOf(keys: string[], rows: Rows, toggle: (key: string) => void): Column<Row>[] {
  const of = (row: Row) => (row.run ? rows.get(row.run) : undefined);
  return [
    {
      key: 'name',
      label: 'Run',
      width: 'minmax(230px, 1.4fr)',
      sortable: true,
      value: (row) => of(row)?.name || row.key,
      title: (row) => row.run ?? undefined,
      render: (row) => {
        const run = of(row);
        const head = row.head;
        return (
          <span className="run-name" style={{ paddingLeft: row.depth * 18 }}>
            {head && (
              <button type="button" className="fold" aria-expanded={head.open} aria-label={`${head.open ? 'hide' : 'show'} the ${head.count} runs below ${run?.name ?? ''}`} onClick={(event) => { event.preventDefault(); event.stopPropagation(); toggle(row.key); }}>
                {head.open ? '▾' : '▸'}
              </button>
            )}
            <span className="clip">{run ? run.name || short(run.id) : short(row.run)}</span>
            {head && <span className="muted">{head.count}</span>}
          </span>
        );
      },
    },
    ...keys.map((key): Column<Row> => {
      const group = key.includes('.') ? key.slice(0, key.indexOf('.')) : key;
      return {
        key,
        label: LABELS[key] ?? key.slice(key.indexOf('.') + 1),
        width: WIDTHS[group],
        ...(group === 'metrics' || group === 'duration' ? { align: 'num' as const } : {}),
        sortable: true,
        title: (row) => {
          const run = of(row);
          return run && title(key, run);
        },
        render: (row) => bone(of(row), (run) => cell(key, run)),
      };
    }),
  ];
}

/** What has to be read for these columns. */
export function needed(keys: string[]): string[] {
  return keys.flatMap((key) => (key.includes('.') ? [key] : key === 'owner' ? ['tags.mlflow.user'] : []));
}

/** The columns of most runs, metrics first; what every run has says more than what one has. */
export function usual(runs: Run[]): string[] {
  const tally = (of: (run: Run) => object) => {
    const seen = new Map<string, number>();
    for (const run of runs) for (const key of Object.keys(of(run))) if (!key.startsWith('system/')) seen.set(key, (seen.get(key) ?? 0) + 1);
    return [...seen].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([key]) => key);
  };
  return [
    ...tally((run) => run.metrics).slice(0, 4).map((key) => `metrics.${key}`),
    ...tally((run) => run.params).slice(0, 4).map((key) => `params.${key}`),
  ];
}

export function ColumnChooser({ keys, chosen, standard, onChange }: { keys: Keys; chosen: string[]; standard: string[]; onChange: (keys: string[] | null) => void }) {
  const [text, setText] = useState('');
  const groups: [string, string[]][] = [
    ['Run', FIXED],
    ['Metrics', keys.metrics.map((key) => `metrics.${key}`)],
    ['Parameters', keys.params.map((key) => `params.${key}`)],
    ['Tags', keys.tags.map((key) => `tags.${key}`)],
  ];
  const at = (key: string) => LABELS[key] ?? key.slice(key.indexOf('.') + 1);
  const move = (key: string, step: number) => {
    const next = [...chosen];
    const from = next.indexOf(key);
    next.splice(from, 1);
    next.splice(Math.max(0, from + step), 0, key);
    onChange(next);
  };
  return (
    <Popover label="Columns">
      {() => (
        <>
          <input type="search" aria-label="Find a column" placeholder="Find a column" style={{ width: '100%' }} value={text} onChange={(event) => setText(event.target.value)} autoFocus />
          {text === '' && chosen.length > 0 && (
            <div>
              <h3>Shown, in this order</h3>
              {chosen.map((key, index) => (
                <div key={key} className="chosen">
                  <label>
                    <input type="checkbox" checked onChange={() => onChange(chosen.filter((other) => other !== key))} />
                    <span className="clip">{at(key)}</span>
                  </label>
                  <button type="button" className="bare" disabled={index === 0} aria-label={`move ${at(key)} left`} onClick={() => move(key, -1)}>←</button>
                  <button type="button" className="bare" disabled={index === chosen.length - 1} aria-label={`move ${at(key)} right`} onClick={() => move(key, 1)}>→</button>
                </div>
              ))}
            </div>
          )}
          {groups.map(([group, all]) => {
            const matching = all.filter((key) => (text === '' ? !chosen.includes(key) : true) && at(key).toLowerCase().includes(text.toLowerCase()));
            return matching.length === 0 ? null : (
              <div key={group}>
                <h3>{group}</h3>
                {matching.slice(0, SHOWN).map((key) => (
                  <label key={key}>
                    <input type="checkbox" checked={chosen.includes(key)} onChange={(event) => onChange(event.target.checked ? [...chosen, key] : chosen.filter((other) => other !== key))} />
                    <span className="clip" title={at(key)}>{at(key)}</span>
                  </label>
                ))}
                {matching.length > SHOWN && <p className="muted">and {matching.length - SHOWN} more: type to find them</p>}
              </div>
            );
          })}
          <button type="button" className="bare" disabled={chosen.join() === standard.join()} onClick={() => onChange(null)}>Back to the usual columns</button>
        </>
      )}
    </Popover>
  );
}
