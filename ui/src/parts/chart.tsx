// The one chart: lines over steps or time, with a shared cursor and a legend that reads the values under it.
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import '../styles/chart.css';

export interface Line {
  name: string;
  /** index of the series colour, 0-based; lines of one run share it across charts */
  colour: number;
  points: [number, number | null][];
  /** drawn faint below the smoothed line */
  raw?: [number, number | null][];
  dash?: boolean;
  /** a band behind the line, over the same x values */
  low?: [number, number | null][];
  high?: [number, number | null][];
}

interface ChartProps {
  title: string;
  lines: Line[];
  time?: boolean;
  log?: boolean;
  height?: number;
  sync?: string;
  format: (value: number | null) => string;
  /** for the y axis, where it is written shorter than a value */
  tick?: (value: number) => string;
  /** the axis begins at zero */
  zero?: boolean;
  xFormat?: (value: number) => string;
  /** what is zero or less has no place on it */
  xLog?: boolean;
  /** called when the reader drags over a part of x, or double-clicks back */
  onZoom?: (zoomed: boolean) => void;
  actions?: ReactNode;
}

/** More lines than these need no legend of their own in every chart. */
const CROWD = 4;

/** How one series of the plot is drawn. */
type Role = 'line' | 'faint' | 'edge';

function colours(): { series: string[]; ink: string; line: string } {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { series: [1, 2, 3, 4, 5, 6, 7, 8].map((index) => read(`--s${index}`)), ink: read('--ink-3'), line: read('--line') };
}

function useScheme(): boolean {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, [query]);
  return dark;
}

/** Lines have their own x values; uPlot wants one shared, ascending list. */
function align(lines: { points: [number, number | null][] }[]): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  const place = new Map(xs.map((x, index) => [x, index]));
  const columns = lines.map((line) => {
    const column = new Array<number | null | undefined>(xs.length);
    for (const [x, y] of line.points) column[place.get(x) ?? 0] = y;
    return column;
  });
  return [xs, ...columns] as uPlot.AlignedData;
}

export function Chart(props: ChartProps) {
  const { title, lines, time, log, height = 190, sync, zero, xLog } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const format = useRef(props.format);
  format.current = props.format;
  const tick = useRef(props.tick);
  tick.current = props.tick;
  const xFormat = useRef(props.xFormat);
  xFormat.current = props.xFormat;
  const dark = useScheme();

  const zoomed = useRef(false);
  const onZoom = useRef(props.onZoom);
  onZoom.current = props.onZoom;
  const drawn = useMemo(
    () =>
      lines.flatMap((line): (Line & { role: Role })[] => [
        ...(line.raw ? [{ ...line, points: line.raw, role: 'faint' as const }] : []),
        { ...line, role: 'line' },
        ...(line.low && line.high ? [{ ...line, points: line.high, role: 'edge' as const }, { ...line, points: line.low, role: 'edge' as const }] : []),
      ]),
    [lines],
  );
  const data = useMemo(() => align(xLog ? drawn.map((line) => ({ points: line.points.filter(([x]) => x > 0) })) : drawn), [drawn, xLog]);
  const shape = JSON.stringify([drawn.map((line) => [line.name, line.colour, line.role, line.dash, line.points.length === 1]), time, log, xLog, zero, dark, height, sync]);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const { series, ink, line } = colours();
    const axis: uPlot.Axis = { stroke: ink, font: '11px "IBM Plex Sans Variable", sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: element.clientWidth || 300,
      height,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false }, ...(sync ? { sync: { key: sync } } : {}) },
      scales: {
        x: { time: time ?? false, distr: xLog ? 3 : 1 },
        y: {
          distr: log ? 3 : 1,
          ...(log ? {} : { range: (_, low, high) => range(low, high, zero ?? false) }),
        },
      },
      axes: [
        { ...axis, size: 26, space: 70, ...(time ? { values: (_, ticks, __, ___, step) => ticks.map((tick) => timeTick(tick, step)) } : { values: (_, ticks) => ticks.map((tick) => (xFormat.current ? xFormat.current(tick) : Number.isInteger(tick) ? tick.toLocaleString('en') : '')) }) },
        { ...axis, size: 56, values: (_, ticks) => ticks.map((value) => (value === null ? '' : (tick.current ?? format.current)(value))) },
      ],
      series: [
        {},
        ...drawn.map((item): uPlot.Series => {
          const colour = series[item.colour % series.length] ?? ink;
          if (item.role === 'edge') return { label: item.name, stroke: 'transparent', width: 0, spanGaps: true, points: { show: false } };
          return {
            label: item.name,
            stroke: colour,
            alpha: item.role === 'faint' ? 0.25 : 1,
            width: item.role === 'faint' ? 1 : 1.75,
            spanGaps: true,
            ...(item.dash ? { dash: [5, 4] } : {}),
            points: { show: item.points.length === 1, size: 7, fill: colour },
          };
        }),
      ],
      bands: drawn.flatMap((item, index) => (item.role === 'edge' && drawn[index + 1]?.role === 'edge' && drawn[index - 1]?.role !== 'edge' ? [{ series: [index + 1, index + 2] as [number, number], fill: `${series[item.colour % series.length] ?? ink}2e` }] : [])),
      hooks: {
        setCursor: [(self) => setCursor(self.cursor.idx ?? null)],
        setSelect: [(self) => { if (self.select.width > 2) { zoomed.current = true; onZoom.current?.(true); } }],
      },
    };
    const made = new uPlot(options, data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width) made.setSize({ width: element.clientWidth, height });
    });
    watch.observe(element);
    const out = () => {
      zoomed.current = false;
      onZoom.current?.(false);
    };
    element.addEventListener('dblclick', out);
    return () => {
      element.removeEventListener('dblclick', out);
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
    // `data` is set below without a rebuild; `shape` holds everything that needs one.
  }, [shape]);

  useEffect(() => {
    // A part that the reader zoomed to stays where it is while points come in.
    plot.current?.setData(data, !zoomed.current);
    if (zoomed.current) plot.current?.redraw();
  }, [data]);

  const shown = cursor;
  return (
    <figure className="chart">
      <figcaption>
        <span className="name">{title}</span>
        {props.actions}
        {lines.length <= CROWD && (
          <span className="legend">
            {lines.map((line) => (
              <LegendItem key={line.name} line={line} single={lines.length === 1} x={shown === null ? null : (data[0][shown] ?? null)} format={props.format} />
            ))}
          </span>
        )}
      </figcaption>
      <div ref={host} role="img" aria-label={`${title}: ${lines.map((line) => `${line.name} last ${props.format(line.points.at(-1)?.[1] ?? null)}`).join(', ')}`} style={{ height }} />
      {lines.length > CROWD && shown !== null && <Under lines={lines} x={data[0][shown] ?? 0} format={props.format} xFormat={props.xFormat} left={(plot.current?.cursor.left ?? 0) < (plot.current?.over.clientWidth ?? 0) / 2} />}
    </figure>
  );
}

/** Where there are many lines, the values under the cursor stand beside it, the highest first. */
function Under({ lines, x, format, xFormat, left }: { lines: Line[]; x: number; format: (value: number | null) => string; xFormat?: (value: number) => string; left: boolean }) {
  const values = lines.map((line) => ({ line, value: at(line.points, x) })).filter((item): item is { line: Line; value: number } => item.value !== null);
  values.sort((a, b) => b.value - a.value);
  return (
    <div className="under" data-side={left ? 'right' : 'left'} aria-hidden="true">
      {xFormat && <span className="muted">{xFormat(x)}</span>}
      {values.slice(0, 12).map(({ line, value }) => (
        <span key={line.name} className="key"><i style={{ background: `var(--s${(line.colour % 8) + 1})` }} /><span className="clip">{line.name}</span><b>{format(value)}</b></span>
      ))}
      {values.length > 12 && <span className="muted">and {values.length - 12} more</span>}
    </div>
  );
}

function LegendItem({ line, x, single, format }: { line: Line; x: number | null; single: boolean; format: (value: number | null) => string }) {
  const value = x === null ? line.points.at(-1)?.[1] : at(line.points, x);
  return (
    <span className="key">
      {!single && <i style={{ background: `var(--s${(line.colour % 8) + 1})` }} />}
      {!single && <span className="clip">{line.name}</span>}
      <b>{format(value ?? null)}</b>
    </span>
  );
}

/** The value of a line at `x`, or at its last point before. */
function at(points: [number, number | null][], x: number): number | null {
  let found: number | null = null;
  for (const [px, py] of points) {
    if (px > x) break;
    found = py;
  }
  return found;
}

/** Twenty-four hours, in the reader's zone, as exact as the distance of the ticks (seconds). */
function timeTick(at: number, step: number): string {
  const date = new Date(at * 1000);
  if (step >= 86_400) return date.toLocaleDateString('en-GB', { day: '2-digit', month: 'short' });
  return date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', ...(step < 60 ? { second: '2-digit' } : {}) });
}

function range(low: number | null, high: number | null, zero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (zero) return [0, high <= 0 ? 1 : high * 1.08];
  if (low === high) {
    const pad = Math.abs(low) * 0.1 || 1;
    return [low - pad, high + pad];
  }
  const pad = (high - low) * 0.07;
  return [low - pad, high + pad];
}

/** Exponential moving average with bias correction, as experiment trackers draw it; `weight` in 0..1. */
export function smooth(points: [number, number | null][], weight: number): [number, number | null][] {
  let average = 0;
  let norm = 0;
  return points.map(([x, y]) => {
    if (y === null || !Number.isFinite(y)) return [x, y];
    average = average * weight + y * (1 - weight);
    norm = norm * weight + (1 - weight);
    return [x, average / norm];
  });
}
