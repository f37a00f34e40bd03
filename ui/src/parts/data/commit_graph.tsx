// The lines beside a log: a lane for each line of history that is open at a row, drawn row by row.
import type { Commit } from '../../data_types';

export interface GraphRow {
  /** the commit's own lane */
  lane: number;
  /** lanes that pass or arrive from above, and where they stand below */
  lines: { from: number; to: number; colour: number; start: boolean }[];
  /** lanes that come in from the row above */
  above: { lane: number; colour: number; ends: boolean }[];
  colour: number;
  width: number;
}

/** Lanes that are drawn; histories wider than that share the last one. */
const MOST = 12;
const COLOURS = 6;

/** Commits stand newest first, each after all of its children. */
export function graphOf(commits: readonly Commit[]): GraphRow[] {
  // What each open lane waits for.
  let open: ({ id: string; colour: number } | null)[] = [];
  let colours = 0;
  const free = () => {
    const at = open.indexOf(null);
    return at < 0 ? open.length : at;
  };
  return commits.map((commit) => {
    const waiting = open.flatMap((lane, at) => (lane?.id === commit.id ? [at] : []));
    const lane = waiting[0] ?? free();
    const colour = open[lane]?.colour ?? colours++ % COLOURS;
    const above = open.flatMap((one, at) => (one ? [{ lane: at, colour: one.colour, ends: one.id === commit.id }] : []));
    const next = open.map((one) => (one?.id === commit.id ? null : one));
    while (next.length <= lane) next.push(null);
    const lines: GraphRow['lines'] = next.flatMap((one, at) => (one ? [{ from: at, to: at, colour: one.colour, start: false }] : []));
    const before = open;
    open = next;
    commit.parents.forEach((parent, place) => {
      const known = open.findIndex((one) => one?.id === parent);
      if (known >= 0) {
        lines.push({ from: lane, to: known, colour: open[known]?.colour ?? 0, start: true });
        return;
      }
      const to = place === 0 ? lane : free();
      const own = place === 0 ? colour : colours++ % COLOURS;
      while (open.length <= to) open.push(null);
      open[to] = { id: parent, colour: own };
      lines.push({ from: lane, to, colour: own, start: true });
    });
    while (open.length > 0 && open.at(-1) === null) open = open.slice(0, -1);
    return { lane, lines, above, colour, width: Math.max(before.length, open.length, lane + 1) };
  });
}

const STEP = 14;
const HEIGHT = 34;
const x = (lane: number) => 9 + Math.min(lane, MOST - 1) * STEP;
const ink = (colour: number) => `var(--s${colour + 1})`;

export const graphWidth = (rows: readonly GraphRow[]) => 9 + Math.min(MOST, Math.max(1, ...rows.map((row) => row.width))) * STEP;

export function GraphCell({ row, merge, width }: { row: GraphRow; merge: boolean; width: number }) {
  const half = HEIGHT / 2;
  return (
    <svg className="graph-cell" width={width} height={HEIGHT} role="img" aria-label={merge ? 'merge' : 'commit'}>
      {row.above.map((line) => <path key={`a${line.lane}`} d={line.ends ? `M${x(line.lane)},0 C${x(line.lane)},${half / 2} ${x(row.lane)},${half / 2} ${x(row.lane)},${half}` : `M${x(line.lane)},0 V${half}`} stroke={ink(line.colour)} />)}
      {row.lines.map((line, index) => <path key={index} d={line.from === line.to ? `M${x(line.from)},${half} V${HEIGHT}` : `M${x(line.from)},${half} C${x(line.from)},${half * 1.6} ${x(line.to)},${half * 1.4} ${x(line.to)},${HEIGHT}`} stroke={ink(line.colour)} />)}
      <circle cx={x(row.lane)} cy={half} r={merge ? 4.5 : 4} fill={merge ? 'var(--surface)' : ink(row.colour)} stroke={ink(row.colour)} />
    </svg>
  );
}
