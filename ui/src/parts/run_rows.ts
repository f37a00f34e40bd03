// What stands in the table of runs: runs, heads of groups, and runs below the run that they are part of.
import type { RunList } from './run_query';

export interface Row {
  key: string;
  run: string | null;
  depth: number;
  /** a group's head, or a run with children */
  head?: { label: string | null; count: number; open: boolean };
}

/** `folds` are the keys of heads that are not as they usually are: groups are open, parents closed. */
export function rowsOf(list: RunList, group: string, folds: ReadonlySet<string>): Row[] {
  const { ids, groups } = list;
  if (!groups) return ids.map((id) => ({ key: id, run: id, depth: 0 }));
  return group === 'parent' ? nested(ids, groups, folds) : grouped(ids, groups, folds);
}

function grouped(ids: string[], { values, of }: NonNullable<RunList['groups']>, folds: ReadonlySet<string>): Row[] {
  const members = new Map<number, string[]>();
  ids.forEach((id, index) => {
    const place = of[index] ?? -1;
    const known = members.get(place);
    if (known) known.push(id);
    else members.set(place, [id]);
  });
  const rows: Row[] = [];
  for (const [place, runs] of members) {
    const label = values[place] ?? null;
    const key = `group ${label ?? ''} ${place}`;
    const open = !folds.has(key);
    rows.push({ key, run: null, depth: 0, head: { label, count: runs.length, open } });
    if (open) for (const id of runs) rows.push({ key: id, run: id, depth: 1 });
  }
  return rows;
}

function nested(ids: string[], { values, of }: NonNullable<RunList['groups']>, folds: ReadonlySet<string>): Row[] {
  const present = new Set(ids);
  const children = new Map<string, string[]>();
  const roots: string[] = [];
  ids.forEach((id, index) => {
    const parent = values[of[index] ?? -1];
    // A parent that the filter leaves out does not hide its children.
    if (parent === undefined || parent === id || !present.has(parent)) return void roots.push(id);
    const known = children.get(parent);
    if (known) known.push(id);
    else children.set(parent, [id]);
  });
  const rows: Row[] = [];
  const seen = new Set<string>();
  const add = (id: string, depth: number) => {
    if (seen.has(id)) return;
    seen.add(id);
    const below = children.get(id);
    const open = below !== undefined && folds.has(id);
    rows.push({ key: id, run: id, depth, ...(below ? { head: { label: null, count: below.length, open } } : {}) });
    if (open) for (const child of below) add(child, Math.min(depth + 1, 8));
  };
  for (const id of roots) add(id, 0);
  return rows;
}
