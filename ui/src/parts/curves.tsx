// The metric curves of one run or several: one chart a metric, one colour a run, one cursor for all.
import { useMemo } from 'react';
import type { MetricSeries } from '../api';
import { duration, metric, number } from '../format';
import { useParam } from '../router';
import { Segments } from './basics';
import { Chart, type Line, smooth } from './chart';

export interface RunCurves {
  name: string;
  series: MetricSeries['series'];
}

type Axis = 'step' | 'time' | 'elapsed';

export function Curves({ runs, filter }: { runs: RunCurves[]; filter?: boolean }) {
  const [axis, setAxis] = useParam('x', 'step');
  const [scale, setScale] = useParam('y', 'linear');
  const [weightText, setWeight] = useParam('smooth', '0');
  const [text, setText] = useParam('metric');
  const weight = Math.min(0.99, Math.max(0, Number(weightText) || 0));
  const keys = useMemo(() => {
    const all = new Map<string, number>();
    for (const run of runs) for (const [key, points] of Object.entries(run.series)) all.set(key, Math.max(all.get(key) ?? 0, points.length));
    // Curves first, single values after them.
    return [...all].sort((a, b) => Number(b[1] > 1) - Number(a[1] > 1) || a[0].localeCompare(b[0], 'en', { numeric: true }));
  }, [runs]);
  const shown = keys.filter(([key]) => key.toLowerCase().includes(text.toLowerCase()));
  const curves = shown.filter(([, points]) => points > 1);
  if (keys.length === 0) return <p className="muted">No metric was logged yet.</p>;
  return (
    <div className="stack">
      <div className="row">
        {(filter ?? keys.length > 6) && <input type="search" aria-label="Filter metrics" placeholder="Filter metrics" value={text} onChange={(event) => setText(event.target.value)} />}
        {curves.length > 0 && (
          <>
            <Segments label="X axis" value={axis as Axis} onChange={setAxis} options={[['step', 'Step'], ['elapsed', 'Elapsed'], ['time', 'Time']] as const} />
            <Segments label="Y axis" value={scale as 'linear' | 'log'} onChange={setScale} options={[['linear', 'Linear'], ['log', 'Log']] as const} />
            <label className="row soft">
              Smoothing
              <input type="range" min="0" max="0.99" step="0.01" value={weight} onChange={(event) => setWeight(event.target.value)} aria-label="Smoothing" />
              <span style={{ width: 32 }}>{weight.toFixed(2)}</span>
            </label>
          </>
        )}
      </div>
      <div className="charts">
        {curves.map(([key]) => (
          <div className="panel" key={key} style={{ padding: '10px 12px 6px' }}>
            <Chart
              title={key}
              lines={lines(runs, key, axis as Axis, weight)}
              time={axis === 'time'}
              log={scale === 'log' && positive(runs, key)}
              sync="curves"
              format={metric}
              tick={number}
              xFormat={axis === 'elapsed' ? (x) => duration(x * 1000) : (x) => (Number.isInteger(x) ? number(x) : '')}
            />
          </div>
        ))}
      </div>
      {curves.length < shown.length && <Singles runs={runs} keys={shown.filter(([, points]) => points <= 1).map(([key]) => key)} />}
    </div>
  );
}

function lines(runs: RunCurves[], key: string, axis: Axis, weight: number): Line[] {
  return runs.flatMap((run, index) => {
    const points = run.series[key];
    if (!points) return [];
    const begin = points[0]?.[1] ?? 0;
    const drawn = points.map(([step, at, value]): [number, number | null] => [axis === 'step' ? step : axis === 'time' ? at / 1000 : (at - begin) / 1000, value]);
    return [{ name: run.name, colour: index, points: weight > 0 ? smooth(drawn, weight) : drawn, ...(weight > 0 ? { raw: drawn } : {}) }];
  });
}

/** A log axis has no place for zero or less. */
function positive(runs: RunCurves[], key: string): boolean {
  return runs.every((run) => (run.series[key] ?? []).every(([, , value]) => value === null || value > 0));
}

function Singles({ runs, keys }: { runs: RunCurves[]; keys: string[] }) {
  return (
    <dl className="figures">
      {keys.map((key) => (
        <div key={key}>
          <dt className="clip" title={key}>{key}</dt>
          {runs.map((run) => (
            <dd key={run.name}>
              {metric(run.series[key]?.at(-1)?.[2])}
              {runs.length > 1 && <small className="clip">{run.name}</small>}
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}
