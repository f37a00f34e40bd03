// Small pictures of data, as plain SVG: a spark line, a strip of verdicts, a histogram against its baseline.
import type { Histogram } from '../api';
import { number, percent } from '../format';

export function Spark({ values, label, height = 30 }: { values: (number | null)[]; label: string; height?: number }) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <svg className="spark" height={height} role="img" aria-label={`${label}: no history yet`} />;
  const top = Math.max(...known, 1e-12);
  const points = values.map((value, index) => [(index / (values.length - 1)) * 100, 29 - ((value ?? 0) / top) * 26] as const);
  const line = points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ');
  return (
    <svg className="spark" height={height} viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={`${label}: last ${number(known.at(-1))}, highest ${number(top)}`}>
      <polygon points={`0,30 ${line} 100,30`} fill="var(--accent)" opacity="0.13" />
      <polyline points={line} fill="none" stroke="var(--accent)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
    </svg>
  );
}

export interface Tick {
  key: string;
  tone: 'good' | 'alarm' | 'warn' | 'busy' | 'still';
  /** 0..1 of the strip's height; 1 if absent */
  size?: number;
  title: string;
}

/** One mark a verdict, oldest left: height is the amount, a red one also differs in shape. */
export function Ticks({ ticks, label }: { ticks: Tick[]; label: string }) {
  const bad = ticks.filter((tick) => tick.tone === 'alarm').length;
  return (
    <div className="ticks" role="img" aria-label={`${label}: ${ticks.length} shown, ${bad} need attention`}>
      {ticks.map((tick) => (
        <i key={tick.key} data-tone={tick.tone} title={tick.title} style={{ height: `${Math.round(Math.max(0.16, tick.size ?? 1) * 100)}%` }} />
      ))}
    </div>
  );
}

function shares(counts: number[]): number[] {
  const total = counts.reduce((sum, value) => sum + value, 0);
  return counts.map((value) => (total > 0 ? value / total : 0));
}

function binName(histogram: Histogram, index: number): string {
  if (histogram.categories) return histogram.categories[index] ?? 'other';
  const low = histogram.edges?.[index];
  const high = histogram.edges?.[index + 1];
  if (low === undefined || high === undefined) return `bin ${index + 1}`;
  return `${number(low)} to ${number(high)}`;
}

/** Shares per bin: the baseline as a grey ground with an outline, the present as bars in front. */
export function Bars({ baseline, current, label, height = 96 }: { baseline?: Histogram | null; current?: Histogram | null; label: string; height?: number }) {
  const shape = current ?? baseline;
  if (!shape) return <p className="muted">No distribution was stored.</p>;
  const before = baseline ? shares(baseline.counts) : [];
  const after = current ? shares(current.counts) : [];
  const bins = Math.max(before.length, after.length);
  const top = Math.max(...before, ...after, 1e-9);
  const width = 100 / bins;
  const alone = !baseline || !current;
  const names: Histogram = baseline?.edges || baseline?.categories ? baseline : shape;
  const labels = names.categories ? null : names.edges;
  return (
    <div className="bars">
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" height={height} role="img" aria-label={label}>
        {Array.from({ length: bins }, (_, index) => {
          const b = ((before[index] ?? 0) / top) * 96;
          const a = ((after[index] ?? 0) / top) * 96;
          const x = index * width;
          return (
            <g key={index}>
              <title>{`${binName(names, index)}: ${baseline ? `baseline ${percent(before[index])}` : ''}${baseline && current ? ', ' : ''}${current ? `now ${percent(after[index])}` : ''}`}</title>
              <rect x={x} y={0} width={width} height={100} fill="transparent" />
              {baseline && <rect x={x + width * 0.06} y={100 - b} width={width * 0.88} height={b} fill={alone ? 'var(--s1)' : 'var(--base-fill)'} />}
              {current && <rect x={x + width * (alone ? 0.06 : 0.26)} y={100 - a} width={width * (alone ? 0.88 : 0.48)} height={a} fill="var(--s1)" />}
              {baseline && !alone && <line x1={x + width * 0.06} x2={x + width * 0.94} y1={100 - b} y2={100 - b} stroke="var(--base-line)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />}
            </g>
          );
        })}
        <line x1="0" x2="100" y1="100" y2="100" stroke="var(--line-strong)" vectorEffect="non-scaling-stroke" />
      </svg>
      {labels ? (
        <div className="ends">
          <span>{number(labels[0])}</span>
          <span>{number(labels.at(-1))}</span>
        </div>
      ) : (
        <div className="cats" style={{ gridTemplateColumns: `repeat(${bins}, minmax(0, 1fr))` }}>
          {(names.categories ?? []).map((name) => (
            <span key={name} className="clip" title={name}>{name}</span>
          ))}
        </div>
      )}
    </div>
  );
}

/** How far a score is, with its threshold as a mark on the same line. */
export function Gauge({ value, threshold, alarm, label }: { value: number | null; threshold: number; alarm: boolean; label: string }) {
  const top = Math.max(threshold * 2, (value ?? 0) * 1.05, 1e-12);
  return (
    <svg className="gauge" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${label}: ${number(value)} of ${number(threshold)} allowed`}>
      <rect y="3" width="100" height="4" fill="var(--sunken)" />
      <rect y="3" width={((value ?? 0) / top) * 100} height="4" fill={alarm ? 'var(--alarm)' : 'var(--base-line)'} />
      <line x1={(threshold / top) * 100} x2={(threshold / top) * 100} y1="0" y2="10" stroke="var(--ink)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
