// Parallel coordinates: one line a run, one axis a parameter or metric. Drag on an axis to keep part of it.
import { useMemo, useRef, useState } from 'react';
import type { Run } from '../api';
import { metric, short } from '../format';
import { enc, navigate, useParam } from '../router';
import { direction } from './diff';
import { type Field, decades, position, valueOf } from './fields';
import { Popover } from './popover';
import { useWidth } from './use_width';
import '../styles/plots.css';

const HEIGHT = 380;
const TOP = 44;
const BOTTOM = 18;
/** Between two axes, at least. */
const GAP = 150;
const LEFT = 70;
const y = (share: number) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);

/** Parameters and the metric that matters; the reader adds others. */
function usualAxes(fields: Field[]): string[] {
  const metrics = fields.filter((field) => field.key.startsWith('metrics.'));
  const judged = metrics.filter((field) => direction(field.label));
  const params = fields.filter((field) => field.key.startsWith('params.')).slice(0, 5);
  return [...params, ...(judged.length > 0 ? judged : metrics).slice(0, 3)].map((field) => field.key);
}

export function Parallel({ runs, names, fields }: { runs: Run[]; names: string[]; fields: Field[] }) {
  const [text, setText] = useParam('axes');
  const [kept, setKept] = useState<Record<string, [number, number]>>({});
  const [over, setOver] = useState<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const room = useWidth(box, 300);
  const chosen = text ? text.split(',') : usualAxes(fields);
  const axes = chosen.flatMap((key) => fields.find((field) => field.key === key) ?? []);
  const target = axes.at(-1);
  const placed = useMemo(
    () => runs.map((run) => axes.map((field) => position(field, valueOf(run, field.key), decades(field)))),
    [runs, chosen.join()],
  );
  const gap = Math.max(GAP, (room - LEFT * 2) / Math.max(1, axes.length - 1));
  const width = LEFT * 2 + Math.max(1, axes.length - 1) * gap;
  const x = (place: number) => LEFT + place * gap;
  const inside = (places: (number | null)[]) =>
    axes.every((field, place) => {
      const range = kept[field.key];
      const at = places[place];
      return !range || (at !== null && at !== undefined && at >= range[0] && at <= range[1]);
    });
  const shown = placed.map(inside);
  const remaining = shown.filter(Boolean).length;
  if (axes.length < 2) return <p className="muted">Parallel coordinates need two parameters or metrics that differ between these runs.</p>;
  return (
    <div className="stack" ref={box}>
      <div className="row">
        <Popover label="Axes">
          {() => fields.map((field) => (
            <label key={field.key}>
              <input type="checkbox" checked={chosen.includes(field.key)} onChange={(event) => setText((event.target.checked ? [...chosen, field.key] : chosen.filter((key) => key !== field.key)).join(','))} />
              <span className="clip">{field.label}</span>
            </label>
          ))}
        </Popover>
        <span className="muted">{target ? `Coloured by ${target.label}.` : ''} Drag along an axis to keep a part of it.</span>
        {Object.keys(kept).length > 0 && <><span>{remaining} of {runs.length} kept</span><button type="button" onClick={() => setKept({})}>Keep all</button></>}
        {over !== null && <b className="clip">{names[over]}</b>}
      </div>
      <div className="plot-scroll" tabIndex={0} role="region" aria-label="Parallel coordinates">
        <svg width={Math.floor(width)} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} className="parallel" role="img" aria-label={`Parallel coordinates of ${runs.length} runs over ${axes.map((field) => field.label).join(', ')}`}>
          {runs.map((run, index) => {
            const points = (placed[index] ?? []).flatMap((at, place) => (at === null ? [] : [`${x(place)},${y(at).toFixed(1)}`]));
            const share = placed[index]?.at(-1);
            return (
              <polyline
                key={run.id}
                points={points.join(' ')}
                data-off={!shown[index]}
                data-over={over === index}
                style={{ stroke: share === null || share === undefined ? 'var(--ink-3)' : `color-mix(in oklab, var(--s1) ${Math.round(share * 100)}%, var(--s2))` }}
                onPointerEnter={() => setOver(index)}
                onPointerLeave={() => setOver(null)}
                onClick={() => navigate(`/runs/${enc(run.id)}`)}
              >
                <title>{`${names[index] ?? short(run.id)}\n${axes.map((field) => `${field.label} ${shownValue(valueOf(run, field.key))}`).join('\n')}`}</title>
              </polyline>
            );
          })}
          {axes.map((field, place) => (
            <Axis key={field.key} field={field} x={x(place)} range={kept[field.key]} onRange={(range) => setKept((old) => {
              const next = { ...old };
              if (range) next[field.key] = range;
              else delete next[field.key];
              return next;
            })} />
          ))}
        </svg>
      </div>
    </div>
  );
}

function shownValue(value: string | number | null): string {
  return value === null ? '–' : typeof value === 'number' ? metric(value) : value;
}

function Axis({ field, x, range, onRange }: { field: Field; x: number; range: [number, number] | undefined; onRange: (range: [number, number] | null) => void }) {
  const [from, setFrom] = useState<number | null>(null);
  const share = (event: React.PointerEvent<SVGElement>) => {
    const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
    return Math.min(1, Math.max(0, 1 - (event.clientY - (box?.top ?? 0) - TOP) / (HEIGHT - TOP - BOTTOM)));
  };
  return (
    <g>
      <text x={x} y={16} textAnchor="middle" className="axis-name">{field.label.length > 20 ? `${field.label.slice(0, 19)}…` : field.label}<title>{field.label}</title></text>
      <line x1={x} x2={x} y1={TOP} y2={HEIGHT - BOTTOM} className="axis" />
      {field.ticks.map(([at, label]) => (
        <text key={label + at} x={x - 7} y={y(at) + 4} textAnchor="end" className="tick">{label.length > 12 ? `${label.slice(0, 11)}…` : label}</text>
      ))}
      {range && <rect x={x - 7} width={14} y={y(range[1])} height={Math.max(2, y(range[0]) - y(range[1]))} className="kept" />}
      <rect
        x={x - 14}
        width={28}
        y={TOP - 8}
        height={HEIGHT - TOP - BOTTOM + 16}
        fill="transparent"
        style={{ cursor: 'ns-resize', touchAction: 'none' }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setFrom(share(event));
        }}
        onPointerMove={(event) => {
          if (from === null) return;
          const to = share(event);
          if (Math.abs(to - from) > 0.01) onRange([Math.min(from, to), Math.max(from, to)]);
        }}
        onPointerUp={(event) => {
          if (from !== null && Math.abs(share(event) - from) <= 0.01) onRange(null);
          setFrom(null);
        }}
      />
    </g>
  );
}
