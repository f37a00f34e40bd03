// The tasks of a run as a tree: graphs, loops and their iterations hold others.
import type { PipelineRun, StepRun } from '../../api';

export interface Tree {
  run: PipelineRun;
  /** each after what holds it */
  rows: StepRun[];
  byId: Map<string, StepRun>;
  byName: Map<string, StepRun>;
  /** by the id of what holds them, '' for the top */
  children: Map<string, StepRun[]>;
  /** every row of the run is here */
  complete: boolean;
}

export const TOP = '';

export type Counts = Record<string, number>;

/** Rows that came twice count once, as they were read last. */
export function grow(run: PipelineRun, more: StepRun[]): Tree {
  const byId = new Map<string, StepRun>();
  // The root graph itself is the run.
  for (const row of [...run.steps, ...more]) if (row.id !== run.id && row.name !== '') byId.set(row.id, row);
  const children = new Map<string, StepRun[]>();
  for (const row of byId.values()) {
    const parent = holder(run, row);
    const beside = children.get(parent);
    if (beside) beside.push(row);
    else children.set(parent, [row]);
  }
  for (const beside of children.values()) {
    if (beside.some((row) => row.iteration != null)) beside.sort((a, b) => (a.iteration ?? 0) - (b.iteration ?? 0));
  }
  const rows: StepRun[] = [];
  const walk = (parent: string) => {
    for (const row of children.get(parent) ?? []) {
      rows.push(row);
      walk(row.id);
    }
  };
  walk(TOP);
  return { run, rows, byId, byName: new Map(rows.map((row) => [row.name, row])), children, complete: !run.truncated };
}

function holder(run: PipelineRun, row: StepRun): string {
  return !row.parent || row.parent === run.id ? TOP : row.parent;
}

export const below = (tree: Tree, row: StepRun | null): StepRun[] => tree.children.get(row?.id ?? TOP) ?? [];

export function parentOf(tree: Tree, row: StepRun): StepRun | null {
  return row.parent ? (tree.byId.get(row.parent) ?? null) : null;
}

/** From the top down to it, itself last. */
export function wayTo(tree: Tree, row: StepRun): StepRun[] {
  const way = [row];
  for (let up = parentOf(tree, row); up; up = parentOf(tree, up)) way.unshift(up);
  return way;
}

export function titleOf(row: StepRun): string {
  if (row.iteration != null) return `#${row.iteration}`;
  return row.display_name || row.task || row.name;
}

export const taskOf = (row: StepRun): string => row.task ?? row.name;

export const isLoop = (row: StepRun): boolean => row.shape === 'loop';

/** Whether it holds others, which may not be known yet. */
export function isHolder(tree: Tree, row: StepRun): boolean {
  return row.shape === 'loop' || row.shape === 'graph' || (row.children?.total ?? 0) > 0 || tree.children.has(row.id);
}

/** Whether a row stands for itself in a list of works. Of a large run, what an iteration holds may not be known. */
export const isLeaf = (tree: Tree, row: StepRun): boolean => !isHolder(tree, row) || (!tree.complete && row.iteration != null && !tree.children.has(row.id));

const OVER = new Set(['succeeded', 'failed', 'cancelled', 'skipped', 'finished']);
export const isOver = (state: string): boolean => OVER.has(state);

/** What a row shows as: its state, and what the state alone does not say. */
export function stateOf(row: { state: string; cached?: boolean; shape?: string; due_at?: string | null }): string {
  if (row.state === 'succeeded' && row.cached) return 'cached';
  if (!isOver(row.state) && row.due_at) return 'retrying';
  if (row.state === 'running' && row.shape === 'approval') return 'asking';
  if (row.state === 'ready') return 'queued';
  return row.state;
}

/** What it holds by state. */
export function countsOf(tree: Tree, row: StepRun): Counts {
  if (tree.complete || !row.children) return tally(below(tree, row));
  const { total: _, ...states } = row.children;
  return shown(states);
}

/** The server counts by the states that rows have. */
function shown(counts: Counts): Counts {
  const { ready, ...others } = counts;
  return ready ? { ...others, queued: ready } : others;
}

export function tally(rows: StepRun[]): Counts {
  const counts: Counts = {};
  for (const row of rows) counts[stateOf(row)] = (counts[stateOf(row)] ?? 0) + 1;
  return counts;
}

export const sum = (counts: Counts): number => Object.values(counts).reduce((all, one) => all + one, 0);

export function sizeOf(tree: Tree, row: StepRun): number {
  return row.children?.total ?? below(tree, row).length;
}

/** Works of the whole run by state, where they are known. */
export function countsOfRun(tree: Tree): Counts {
  if (!tree.complete && tree.run.counts) return shown(tree.run.counts);
  return tally(tree.rows.filter((row) => !isHolder(tree, row)));
}

const at = (time: string | null | undefined): number | null => (time ? Date.parse(time) : null);

/** Since when nothing but room was missing: all that it needs had ended, and what holds it had begun. Milliseconds. */
export function readyAt(tree: Tree, row: StepRun): number | null {
  if (row.ready_at) return at(row.ready_at);
  const parent = parentOf(tree, row);
  const needs = new Set(row.needs);
  let ready = Math.max(at(parent ? parent.started_at : (tree.run.started_at ?? tree.run.created_at)) ?? 0, at(row.created_at) ?? 0);
  if (row.needs.length > 0) {
    for (const beside of below(tree, parent)) {
      if (!needs.has(taskOf(beside))) continue;
      const end = at(beside.ended_at);
      if (end === null) return null;
      ready = Math.max(ready, end);
    }
  }
  return ready > 0 ? ready : null;
}

export function waited(tree: Tree, row: StepRun, now: number): number | null {
  const ready = readyAt(tree, row);
  if (ready === null || (row.state === 'waiting' && !row.started_at) || row.state === 'skipped') return null;
  const start = at(firstStart(row)) ?? (isOver(row.state) ? null : now);
  return start === null ? null : Math.max(0, start - ready);
}

/** Of the first attempt. */
export function firstStart(row: StepRun): string | null {
  return row.attempts?.[0]?.started_at ?? row.started_at ?? null;
}

/**
 * What runs again when these do: they themselves with all that they hold, and all that needs them, on every level.
 * What holds them begins again, too, but keeps what has succeeded.
 */
export function touched(tree: Tree, from: StepRun[]): StepRun[] {
  const again = new Set<StepRun>();
  const opened = new Set<StepRun>();
  const whole = (row: StepRun) => {
    if (again.has(row)) return;
    again.add(row);
    for (const inside of below(tree, row)) whole(inside);
    after(row);
  };
  const after = (row: StepRun) => {
    const parent = parentOf(tree, row);
    if (row.iteration == null) for (const beside of below(tree, parent)) if (beside.needs.includes(taskOf(row))) whole(beside);
    if (parent && !again.has(parent) && !opened.has(parent)) {
      opened.add(parent);
      after(parent);
    }
  };
  from.forEach(whole);
  return tree.rows.filter((row) => again.has(row));
}

/** The task that a reader wants: what failed first, else what runs, else what ran last. */
export function interesting(tree: Tree): StepRun | undefined {
  const works = tree.rows.filter((row) => !isHolder(tree, row));
  const failed = works.filter((row) => row.state === 'failed').sort((a, b) => (a.ended_at ?? '').localeCompare(b.ended_at ?? ''));
  const started = works.filter((row) => row.started_at).sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? ''));
  // Of a large run most tasks are not here; what holds them is.
  if (!tree.complete && !failed[0]) {
    const top = below(tree, null);
    return top.find((row) => row.state === 'failed') ?? top.find((row) => row.state === 'running') ?? top.filter((row) => row.started_at).at(-1) ?? top[0];
  }
  return failed[0] ?? works.find((row) => stateOf(row) === 'asking') ?? works.find((row) => row.state === 'running') ?? started.at(-1) ?? works[0] ?? tree.rows[0];
}

/** The chain of tasks that decided how long the run took: from the last to end, back over what each waited for. */
export function critical(tree: Tree): Set<string> {
  const chain = new Set<string>();
  const last = (rows: StepRun[]) => rows.filter((row) => row.ended_at && row.started_at).sort((a, b) => (a.ended_at ?? '').localeCompare(b.ended_at ?? '')).at(-1);
  const follow = (rows: StepRun[]) => {
    let row = last(rows);
    while (row && !chain.has(row.id)) {
      chain.add(row.id);
      follow(below(tree, row));
      const needs = new Set(row.needs);
      row = last(rows.filter((beside) => needs.has(taskOf(beside))));
    }
  };
  follow(below(tree, null));
  return chain;
}

/** One line of a list in which rows are folded. `row` is null for an iteration that was not read yet. */
export interface Line {
  key: string;
  row: StepRun | null;
  depth: number;
  /** null if there is nothing to fold */
  open: boolean | null;
  parent: StepRun | null;
  iteration: number | null;
}

/** The rows below what is open, in order. Iterations that were not read have their place. */
export function lines(tree: Tree, open: (row: StepRun) => boolean): Line[] {
  const list: Line[] = [];
  const walk = (parent: StepRun | null, depth: number) => {
    const rows = below(tree, parent);
    const add = (row: StepRun) => {
      const folds = isHolder(tree, row) && (sizeOf(tree, row) > 0 || !tree.complete);
      list.push({ key: row.id, row, depth, open: folds ? open(row) : null, parent, iteration: row.iteration ?? null });
      if (folds && open(row)) walk(row, depth + 1);
    };
    if (parent && isLoop(parent) && !tree.complete) {
      const known = new Map(rows.map((row) => [row.iteration, row]));
      for (let iteration = 0; iteration < sizeOf(tree, parent); iteration += 1) {
        const row = known.get(iteration);
        if (row) add(row);
        else list.push({ key: `${parent.id}/${iteration}`, row: null, depth, open: null, parent, iteration });
      }
    } else rows.forEach(add);
  };
  walk(null, 0);
  return list;
}
