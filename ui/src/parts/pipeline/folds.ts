// Which graphs and loops are open, and which iteration of a loop is looked at: all of it stands in the address.
import { useMemo } from 'react';
import type { StepRun } from '../../api';
import { setParams, useParam } from '../../router';
import { type Tree, isHolder, isLoop, sizeOf, stateOf } from './tree';

/** Of a run with at most so many tasks every graph is open at first; loops never are. */
const SMALL = 40;
const NOTHING = '-';
/** All graphs and loops; iterations stay as they are. */
const ALL = '*';

export interface Folds {
  isOpen: (row: StepRun) => boolean;
  toggle: (row: StepRun) => void;
  all: (open: boolean) => void;
  /** the iteration that is shown of a loop */
  at: (loop: StepRun) => number;
  setAt: (loop: StepRun, iteration: number) => void;
}

/**
 * The loop around the task that is looked at shows its iteration: `asked` is the one that the address names, `chosen` the one that is shown
 * without being asked for, which gives way to the iteration that the address names.
 */
export function useFolds(tree: Tree | undefined, asked: string, chosen: string): Folds {
  const [open] = useParam('open');
  const [at] = useParam('at');
  return useMemo(() => {
    const small = tree !== undefined && tree.complete && tree.rows.length <= SMALL;
    const named = open === '' ? null : new Set(open === NOTHING ? [] : open.split(','));
    const isOpen = (row: StepRun) => (open === ALL ? row.iteration == null : named ? named.has(row.name) : small && !isLoop(row));
    const picked = new Map(at.split(',').map((part): [string, number] => [part.slice(0, part.lastIndexOf(':')), Number(part.slice(part.lastIndexOf(':') + 1))]));
    const inside = (loop: StepRun, name: string) => {
      if (!name.startsWith(`${loop.name}/`)) return undefined;
      const iteration = Number(name.slice(loop.name.length + 1).split('/')[0]);
      return Number.isInteger(iteration) ? iteration : undefined;
    };
    const write = (names: string[]) => setParams({ open: names.length > 0 ? names.join(',') : NOTHING });
    const holders = () => (tree?.rows ?? []).filter((row) => isHolder(tree as Tree, row));
    return {
      isOpen,
      toggle: (row) => {
        const before = named && open !== ALL ? [...named] : holders().filter(isOpen).map((holder) => holder.name);
        write(before.includes(row.name) ? before.filter((name) => name !== row.name) : [...before, row.name]);
      },
      all: (wide) => setParams({ open: wide ? ALL : NOTHING }),
      at: (loop) => Math.min(inside(loop, asked) ?? picked.get(loop.name) ?? inside(loop, chosen) ?? first(tree, loop), Math.max(0, (tree ? sizeOf(tree, loop) : 1) - 1)),
      setAt: (loop, iteration) => {
        picked.set(loop.name, iteration);
        // The same task, of the other iteration.
        const shown = asked || chosen;
        const there = inside(loop, shown) === undefined ? undefined : [loop.name, iteration, ...shown.slice(loop.name.length + 1).split('/').slice(1)].join('/');
        const known = there === undefined || tree?.complete === false || tree?.byName.has(there);
        setParams({ ...(there === undefined ? {} : { step: known ? there : `${loop.name}/${iteration}` }), at: [...picked].filter(([name]) => name !== '').map(([name, value]) => `${name}:${value}`).join(',') });
      },
    };
  }, [tree, open, at, asked, chosen]);
}

/** What failed, else what runs, else the first. */
function first(tree: Tree | undefined, loop: StepRun): number {
  const rows = tree?.children.get(loop.id) ?? [];
  const found = rows.find((row) => row.state === 'failed') ?? rows.find((row) => stateOf(row) === 'running');
  return found?.iteration ?? 0;
}
