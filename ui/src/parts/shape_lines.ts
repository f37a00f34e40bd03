// From logged points to what is drawn: the x axis, smoothing, bands.
import type { Line } from './chart';
import { smooth } from './chart';
import type { Point } from './series';

export type Axis = 'step' | 'time' | 'elapsed';
type Drawn = [number, number | null];

export interface Named {
  name: string;
  colour: number;
  points: Point[];
}

/** Seconds, or steps. Elapsed time counts from the run's first point of this metric. */
function place(points: Point[], axis: Axis): Drawn[] {
  const begin = points[0]?.[1] ?? 0;
  const drawn = points.map(([step, at, value]): Drawn => [axis === 'step' ? step : axis === 'time' ? at / 1000 : (at - begin) / 1000, value]);
  // Steps may be logged again later in time, and clocks may go back.
  return drawn.every((point, index) => index === 0 || (drawn[index - 1]?.[0] ?? 0) <= point[0]) ? drawn : drawn.sort((a, b) => a[0] - b[0]);
}

const known = (value: number | null): value is number => value !== null && Number.isFinite(value);

/** Equal parts of x: the mean of each, and its lowest and highest value. */
export function envelope(points: Drawn[], parts: number): { line: Drawn[]; low: Drawn[]; high: Drawn[] } {
  const first = points[0]?.[0] ?? 0;
  const width = ((points.at(-1)?.[0] ?? 0) - first) / parts || 1;
  const result = { line: [] as Drawn[], low: [] as Drawn[], high: [] as Drawn[] };
  let bucket: Drawn[] = [];
  const close = () => {
    const values = bucket.map(([, value]) => value).filter(known);
    const x = bucket[Math.floor(bucket.length / 2)]?.[0];
    if (values.length === 0 || x === undefined) return;
    result.line.push([x, values.reduce((sum, value) => sum + value, 0) / values.length]);
    result.low.push([x, Math.min(...values)]);
    result.high.push([x, Math.max(...values)]);
  };
  let end = first + width;
  for (const point of points) {
    while (point[0] >= end && bucket.length > 0) {
      close();
      bucket = [];
      end = first + width * (Math.floor((point[0] - first) / width) + 1);
    }
    bucket.push(point);
  }
  close();
  return result;
}

/** The value at `x` on the straight line between neighbours; null outside the run's own range. */
function at(points: Drawn[], x: number, from: number): { value: number | null; from: number } {
  let index = from;
  while (index + 1 < points.length && (points[index + 1]?.[0] ?? Infinity) <= x) index += 1;
  const [x0, y0] = points[index] ?? [Infinity, null];
  if (x < x0) return { value: null, from: index };
  const next = points[index + 1];
  if (!next) return { value: x === x0 ? y0 : null, from: index };
  if (!known(y0) || !known(next[1])) return { value: y0, from: index };
  return { value: next[0] === x0 ? next[1] : y0 + ((next[1] - y0) * (x - x0)) / (next[0] - x0), from: index };
}

/** The mean of several lines at every x, with the lowest and highest. */
export function together(lines: Drawn[][], most = 240): { line: Drawn[]; low: Drawn[]; high: Drawn[] } {
  const all = [...new Set(lines.flatMap((line) => line.map(([x]) => x)))].sort((a, b) => a - b);
  const step = Math.max(1, Math.ceil(all.length / most));
  const xs = all.filter((_, index) => index % step === 0 || index === all.length - 1);
  const from = lines.map(() => 0);
  const result = { line: [] as Drawn[], low: [] as Drawn[], high: [] as Drawn[] };
  for (const x of xs) {
    const values = lines
      .map((line, index) => {
        const found = at(line, x, from[index] ?? 0);
        from[index] = found.from;
        return found.value;
      })
      .filter(known);
    if (values.length === 0) continue;
    result.line.push([x, values.reduce((sum, value) => sum + value, 0) / values.length]);
    result.low.push([x, Math.min(...values)]);
    result.high.push([x, Math.max(...values)]);
  }
  return result;
}

/** `weight` of the moving average, 0 for none; with `band`, one run shows its own range and several show theirs together. */
export function linesOf(runs: Named[], axis: Axis, weight: number, band: boolean): Line[] {
  const placed = runs.map((run) => ({ ...run, drawn: place(run.points, axis) }));
  const smoothed = (drawn: Drawn[]) => (weight > 0 ? smooth(drawn, weight) : drawn);
  if (band && placed.length > 1) {
    const { line, low, high } = together(placed.map((run) => smoothed(run.drawn)));
    return [{ name: `mean of ${placed.length}`, colour: 0, points: line, low, high }];
  }
  return placed.map(({ name, colour, drawn }) => {
    if (band && drawn.length > 60) {
      const { line, low, high } = envelope(drawn, 120);
      return { name, colour, points: smoothed(line), low, high };
    }
    return { name, colour, ...(colour >= 8 ? { dash: true } : {}), points: smoothed(drawn), ...(weight > 0 ? { raw: drawn } : {}) };
  });
}
