// A run with its tasks, live. Of large runs the server gives the top only: what is opened or scrolled to is read in pages.
import { useCallback, useMemo, useState } from 'react';
import { ApiError, type PipelineRun, type StepRun, query } from '../../api';
import { enc } from '../../router';
import { useApi, useApis } from '../../store';
import { type Line, type Tree, grow, isHolder, isLoop } from './tree';

const PAGE = 200;
const TOPICS = ['pipeline', 'step', 'run.'];
/** Milliseconds between readings while events pour in; a large run changes all the time. */
const SLOW = 1500;
const NONE: readonly string[] = [];

/** The iterations of a loop from `first` to `last`, or all that a graph holds. */
export interface Want {
  parent: StepRun;
  first?: number;
  last?: number;
  /** in this state alone, wherever they are */
  state?: string;
}

export interface LiveRun {
  data: PipelineRun | undefined;
  error: ApiError | null;
  tree: Tree | undefined;
  /** What is looked at now; all of it replaces what was wanted before. */
  want: (what: Want[]) => void;
}

export function useRun(id: string): LiveRun {
  const [large, setLarge] = useState(false);
  const burst = large ? SLOW : undefined;
  const detail = useApi<PipelineRun>(`/pipeline-runs/${enc(id)}`, { topics: TOPICS, about: id, burst });
  const truncated = detail.data?.truncated === true;
  const many = truncated || (detail.data?.steps.length ?? 0) > 300;
  if (many !== large) setLarge(many);
  const [wanted, setWanted] = useState(NONE);
  const pages = useApis<{ steps: StepRun[] }>(truncated ? wanted : NONE, { topics: TOPICS, about: id, burst: SLOW });
  const data = detail.data;
  const tree = useMemo(() => data && grow(data, pages.flatMap((page) => page.data?.steps ?? [])), [data, pages]);
  const want = useCallback(
    (what: Want[]) => {
      const paths = [...new Set(what.flatMap((one) => addresses(id, one)))];
      setWanted((before) => (before.length === paths.length && paths.every((path, index) => path === before[index]) ? before : paths));
    },
    [id],
  );
  return { data, error: detail.error, tree, want };
}

/** The state that the server knows for what is shown. */
const STORED: Record<string, string> = { cached: 'succeeded', queued: 'ready', asking: 'running', retrying: 'ready' };

function addresses(id: string, { parent, first, last, state }: Want): string[] {
  const at = (more: Record<string, number | string>) => `/pipeline-runs/${enc(id)}/steps${query({ parent: parent.id, ...more })}`;
  if (state) return [at({ state: STORED[state] ?? state, limit: 1000 })];
  if (!isLoop(parent)) return [at({ limit: 1000 })];
  const paths: string[] = [];
  for (let page = Math.floor((first ?? 0) / PAGE); page <= Math.floor((last ?? first ?? 0) / PAGE); page += 1) paths.push(at({ at: page * PAGE, limit: PAGE }));
  return paths;
}

/** What must be read so that the task of this name is known, as far as the way to it is known by now. */
export function wantsOf(tree: Tree, name: string): Want[] {
  const wants: Want[] = [];
  const parts = name.split('/');
  for (let length = 1; length < parts.length; length += 1) {
    const row = tree.byName.get(parts.slice(0, length).join('/'));
    if (!row || !isHolder(tree, row)) continue;
    const iteration = Number(parts[length]);
    if (!isLoop(row)) wants.push({ parent: row });
    else if (Number.isInteger(iteration)) wants.push({ parent: row, first: iteration });
  }
  return wants;
}

/** The pages of iterations that these lines lie in. */
export function placesOf(list: readonly Line[]): Want[] {
  const places = new Map<string, Want>();
  for (const { parent, iteration } of list) {
    if (!parent || !isLoop(parent) || iteration === null) continue;
    const first = Math.floor(iteration / PAGE) * PAGE;
    places.set(`${parent.id} ${first}`, { parent, first });
  }
  return [...places.values()];
}

export const samePlace = (a: Want, b: Want | undefined): boolean => a.parent.id === b?.parent.id && a.first === b.first;
