// The tasks of a run as a table: as a tree, or, where they are sorted or sought, as a plain list.
import { useCallback, useMemo } from 'react';
import type { StepRun } from '../../api';
import { between, clock, duration, moment, number } from '../../format';
import { paramsHref, setParams, useParam } from '../../router';
import { type Column, type Sort, Table, sorted } from '../table';
import type { Folds } from './folds';
import { CountBar, STATES, TaskState, countsText } from './state';
import { type Line, type Tree, countsOf, firstStart, isHolder, isLeaf, lines, sizeOf, stateOf, titleOf, waited, wayTo } from './tree';

interface Props {
  tree: Tree;
  folds: Folds;
  chosen: StepRun | undefined;
  now: number;
  /** there is room for what each task says */
  wide: boolean;
  onRange: (shown: Line[]) => void;
}

export function TaskTable({ tree, folds, chosen, now, wide, onRange }: Props) {
  const [find] = useParam('q');
  const [state] = useParam('state');
  const [order] = useParam('sort');
  const sort: Sort | null = order ? { key: order.replace(/^-/, ''), down: order.startsWith('-') } : null;
  const flat = find !== '' || state !== '' || sort !== null;
  const list = useMemo(() => {
    if (!flat) return lines(tree, folds.isOpen);
    const wanted = find.toLowerCase();
    return tree.rows
      .filter((row) => isLeaf(tree, row) && (state === '' || stateOf(row) === state) && (wanted === '' || row.name.toLowerCase().includes(wanted) || (row.display_name ?? '').toLowerCase().includes(wanted)))
      .map((row): Line => ({ key: row.id, row, depth: 0, open: null, parent: null, iteration: row.iteration ?? null }));
  }, [tree, folds, flat, find, state]);
  const columns = useMemo((): Column<Line>[] => {
    const of = <T,>(get: (row: StepRun) => T) => (line: Line) => (line.row ? get(line.row) : null);
    return [
      {
        key: 'task',
        label: 'Task',
        width: 'minmax(190px, 1.6fr)',
        value: of((row) => row.name),
        title: of((row) => row.name) as (line: Line) => string,
        render: ({ row, depth, iteration }) => (
          <span className="task-name" style={{ paddingLeft: flat ? 0 : depth * 16 + 20 }}>
            {row ? (flat ? wayTo(tree, row).map(titleOf).join(' › ') : titleOf(row)) : <span className="muted">#{number(iteration)}</span>}
          </span>
        ),
      },
      { key: 'state', label: 'State', width: '148px', value: of((row) => STATES.indexOf(stateOf(row) as (typeof STATES)[number])), render: ({ row }) => (!row ? <i className="cell-bone" /> : !wide && isHolder(tree, row) && sizeOf(tree, row) > 0 ? <TaskState state={stateOf(row)} label={<CountBar counts={countsOf(tree, row)} total={sizeOf(tree, row)} />} /> : <TaskState state={stateOf(row)} />) },
      { key: 'started', label: 'Started', width: '88px', value: of((row) => firstStart(row)), title: ({ row }) => (row ? moment(firstStart(row)) : undefined), render: ({ row }) => clock(row && firstStart(row)) },
      { key: 'waited', label: 'In line', align: 'num', width: '80px', value: of((row) => waited(tree, row, now)), render: ({ row }) => (row && !isHolder(tree, row) ? duration(waited(tree, row, now)) : '') },
      { key: 'took', label: 'Took', align: 'num', width: '100px', value: of((row) => between(row.started_at, row.ended_at, now)), render: ({ row }) => (row ? duration(between(row.started_at, row.ended_at, now)) : '') },
      { key: 'attempt', label: 'Try', align: 'num', width: '52px', value: of((row) => row.attempt), render: ({ row }) => (row && row.attempt > 1 ? row.attempt : '') },
      ...(wide ? [{
        key: 'message',
        label: 'What it says',
        width: 'minmax(180px, 2fr)',
        title: ({ row }) => row?.message ?? undefined,
        render: ({ row }) => {
          if (!row) return '';
          const total = isHolder(tree, row) ? sizeOf(tree, row) : 0;
          return total > 0 ? <span className="counted"><CountBar counts={countsOf(tree, row)} total={total} /> {countsText(countsOf(tree, row), total)}</span> : <span className={row.state === 'failed' ? 'alarm-text' : 'muted'}>{row.message ?? ''}</span>;
        },
      } satisfies Column<Line>] : []),
    ];
  }, [tree, flat, now, wide]);
  const shown = useMemo(() => sorted(list, columns, sort), [list, columns, order]);
  const range = useCallback((first: number, last: number) => onRange(flat ? [] : shown.slice(first, last + 1)), [shown, flat, onRange]);
  // The button that folds stands before the link of the row, which covers the rest of its first cell.
  const withFolds = useMemo(() => columns.map((column, index) => (index === 0 ? { ...column, before: (line: Line) => line.row && line.open !== null ? <Fold line={line} folds={folds} /> : null } : column)), [columns, folds]);
  return (
    <>
      {!tree.complete && flat && <p className="none-drawn muted">This run is large: names are sought and sorted among the tasks that were read so far, at most 1,000 of a loop.</p>}
      <Table
        label="Tasks"
        rows={shown}
        columns={withFolds}
        id={(line) => line.key}
        href={(line) => (line.row ? paramsHref({ step: line.row.name }) : undefined)}
        current={chosen?.id}
        keys={flat}
        sort={sort}
        onSort={(next) => setParams({ sort: sort?.key === next.key && sort.down !== next.down && !next.down ? null : `${next.down ? '-' : ''}${next.key}` })}
        height="min(68vh, 720px)"
        onRange={range}
        stamp={(line) => (line.row ? `${line.row.id} ${line.row.state} ${line.row.attempt} ${line.row.ended_at ?? now} ${JSON.stringify(line.row.children ?? 0)} ${line.open}` : line)}
        empty={flat ? 'No task is like that.' : 'No task yet.'}
      />
    </>
  );
}

function Fold({ line, folds }: { line: Line; folds: Folds }) {
  const row = line.row as StepRun;
  return <button type="button" className="fold" style={{ left: 8 + line.depth * 16 }} aria-expanded={line.open ?? false} aria-label={`${line.open ? 'close' : 'open'} ${titleOf(row)}`} onClick={() => folds.toggle(row)}>{line.open ? '▾' : '▸'}</button>;
}
