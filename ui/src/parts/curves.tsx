// The metric curves of one run or several: one chart a metric, one colour a run, one cursor for all. A chart reads its
// points when it comes into view.
import { useEffect, useMemo, useRef, useState } from 'react';
import { duration, metric, number } from '../format';
import { useParam } from '../router';
import { Failure, Segments } from './basics';
import { Chart } from './chart';
import { useSeries } from './series';
import { type Axis, linesOf } from './shape_lines';

export interface CurveRun {
  id: string;
  name: string;
  live: boolean;
}

/** Charts of one section before the reader asks for more. */
const SHOWN = 48;
/** Sections that stand open at first. */
const OPEN = 6;
const POINTS = 500;
/** For a part that was zoomed to, and for a chart that was made large. */
const FINE = 4000;

export interface Look {
  axis: Axis;
  log: boolean;
  xLog: boolean;
  weight: number;
  band: boolean;
}

/** `keys` in the order in which they are drawn. */
export function Curves({ runs, keys }: { runs: CurveRun[]; keys: string[] }) {
  const [axis, setAxis] = useParam('x', 'step');
  const [scale, setScale] = useParam('y', 'linear');
  const [xScale, setXScale] = useParam('xlog');
  const [weightText, setWeight] = useParam('smooth', '0');
  const [band, setBand] = useParam('band');
  const [text, setText] = useParam('metric');
  const weight = Math.min(0.999, Math.max(0, Number(weightText) || 0));
  const look = useMemo<Look>(() => ({ axis: axis as Axis, log: scale === 'log', xLog: xScale !== '' && axis !== 'time', weight, band: band !== '' }), [axis, scale, xScale, weight, band]);
  const sections = useMemo(() => {
    const found = new Map<string, string[]>();
    for (const key of keys) {
      if (!key.toLowerCase().includes(text.toLowerCase())) continue;
      const section = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      found.set(section, [...(found.get(section) ?? []), key]);
    }
    // What the machine did comes after what the model did.
    return [...found].sort((a, b) => Number(a[0] === 'system') - Number(b[0] === 'system') || a[0].localeCompare(b[0]));
  }, [keys, text]);
  if (keys.length === 0) return <p className="muted">No metric was logged yet.</p>;
  return (
    <div className="stack">
      <div className="row">
        {keys.length > 6 && <input type="search" aria-label="Filter metrics" placeholder="Filter metrics" value={text} onChange={(event) => setText(event.target.value)} />}
        <Segments label="X axis" value={axis as Axis} onChange={setAxis} options={[['step', 'Step'], ['elapsed', 'Elapsed'], ['time', 'Time']] as const} />
        <label className="row soft"><input type="checkbox" checked={look.xLog} disabled={axis === 'time'} onChange={(event) => setXScale(event.target.checked ? '1' : null)} /> log x</label>
        <label className="row soft"><input type="checkbox" checked={look.log} onChange={(event) => setScale(event.target.checked ? 'log' : null)} /> log y</label>
        <label className="row soft" title={runs.length > 1 ? 'The mean of all runs, and from the lowest to the highest of them' : 'From the lowest to the highest value of each part, and their mean'}>
          <input type="checkbox" checked={look.band} onChange={(event) => setBand(event.target.checked ? '1' : null)} /> {runs.length > 1 ? 'mean and range' : 'range'}
        </label>
        <label className="row soft">
          Smoothing
          <input type="range" min="0" max="0.99" step="0.01" value={weight} onChange={(event) => setWeight(event.target.value)} aria-label="Smoothing" />
          <span style={{ width: 32 }}>{weight.toFixed(2)}</span>
        </label>
      </div>
      {runs.length > 1 && !look.band && (
        <div className="run-legend" aria-label="Runs">
          {runs.slice(0, 40).map((run, index) => <span key={run.id}><i className="swatch" style={{ background: `var(--s${(index % 8) + 1})`, margin: 0 }} /><span className="clip">{run.name}</span></span>)}
          {runs.length > 40 && <span className="muted">and {runs.length - 40} more</span>}
        </div>
      )}
      {sections.length === 0 && <p className="muted">No metric has “{text}” in its name.</p>}
      {sections.map(([section, members], index) => (
        <Section key={section} name={section} keys={members} runs={runs} look={look} alone={sections.length === 1} usual={index < OPEN} />
      ))}
    </div>
  );
}

function Section({ name, keys, runs, look, alone, usual }: { name: string; keys: string[]; runs: CurveRun[]; look: Look; alone: boolean; usual: boolean }) {
  const [most, setMost] = useState(SHOWN);
  const [open, setOpen] = useState(usual);
  const charts = (
    <>
      <div className="charts">
        {keys.slice(0, most).map((key) => <Curve key={key} name={key} runs={runs} look={look} />)}
      </div>
      {keys.length > most && <button type="button" onClick={() => setMost(most + SHOWN)}>Show {Math.min(SHOWN, keys.length - most)} more of {number(keys.length - most)}</button>}
    </>
  );
  if (alone) return charts;
  return (
    <details open={open} className="chart-section" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{name || 'Metrics'} <span className="muted">{keys.length}</span></summary>
      {open && charts}
    </details>
  );
}

/** Whether an element is, and whether it ever was, near the window. */
function useNear(of: React.RefObject<HTMLElement | null>): [boolean, boolean] {
  const [near, setNear] = useState(false);
  const [ever, setEver] = useState(false);
  useEffect(() => {
    const element = of.current;
    if (!element) return;
    const watch = new IntersectionObserver(([entry]) => {
      setNear(entry?.isIntersecting ?? false);
      if (entry?.isIntersecting) setEver(true);
    }, { rootMargin: '300px' });
    watch.observe(element);
    return () => watch.disconnect();
  }, [of]);
  return [near, ever];
}

function Curve({ name, runs, look }: { name: string; runs: CurveRun[]; look: Look }) {
  const box = useRef<HTMLDivElement>(null);
  const [near, ever] = useNear(box);
  const [large, setLarge] = useState(false);
  const [zoomed, setZoomed] = useState(false);
  const ids = useMemo(() => runs.map((run) => run.id), [runs]);
  const { series, error } = useSeries(ids, name, large || zoomed ? FINE : POINTS, runs.some((run) => run.live) && near, ever);
  const last = useRef(series);
  // While a finer reading is on its way, the coarse one stays.
  if (series) last.current = series;
  const shown = series ?? last.current;
  const named = useMemo(() => runs.flatMap((run, index) => (shown?.[run.id]?.length ? [{ name: run.name, colour: index, points: shown[run.id] ?? [] }] : [])), [runs, shown]);
  const lines = useMemo(() => linesOf(named, look.axis, look.weight, look.band), [named, look]);
  const positive = named.every((run) => run.points.every(([, , value]) => value === null || value > 0));
  return (
    <div className="panel curve" ref={box} data-large={large}>
      {!shown ? (
        error ? <Failure error={error} /> : <div className="bone" style={{ height: 212 }} role="status" aria-label={`loading ${name}`} />
      ) : named.length > 0 && named.every((run) => run.points.length === 1) ? (
        <Bars title={name} values={named.map((run) => ({ name: run.name, colour: run.colour, value: run.points[0]?.[2] ?? null }))} />
      ) : (
        <Chart
          title={name}
          lines={lines}
          time={look.axis === 'time'}
          log={look.log && positive}
          xLog={look.xLog}
          sync="curves"
          height={large ? 420 : 190}
          format={metric}
          tick={number}
          xFormat={look.axis === 'elapsed' ? (x) => duration(x * 1000) : (x) => (Number.isInteger(x) ? number(x) : '')}
          onZoom={setZoomed}
          actions={
            <button type="button" className="bare curve-size" aria-pressed={large} aria-label={`${large ? 'make smaller' : 'make larger'}: ${name}`} title={zoomed ? 'Double-click the chart to see all of it' : undefined} onClick={() => setLarge(!large)}>
              {large ? '⤡' : '⤢'}
            </button>
          }
        />
      )}
    </div>
  );
}

/** Single values side by side, as far as there is room. */
function Bars({ title, values }: { title: string; values: { name: string; colour: number; value: number | null }[] }) {
  const size = Math.max(...values.map(({ value }) => Math.abs(value ?? 0)), Number.MIN_VALUE);
  return (
    <figure className="chart bars">
      <figcaption><span className="name" title={title}>{title}</span></figcaption>
      <ul>
        {values.slice(0, 12).map((item) => (
          <li key={item.colour}>
            <span className="clip" title={item.name}>{item.name}</span>
            <span className="bar"><i style={{ width: `${(Math.abs(item.value ?? 0) / size) * 100}%`, background: `var(--s${(item.colour % 8) + 1})` }} /></span>
            <b>{metric(item.value)}</b>
          </li>
        ))}
      </ul>
      {values.length > 12 && <p className="muted">and {values.length - 12} more</p>}
    </figure>
  );
}
