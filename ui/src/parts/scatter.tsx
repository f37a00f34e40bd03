// Any parameter or metric against any other, one point a run.
import { useRef, useState } from 'react';
import type { Run } from '../api';
import { metric, short } from '../format';
import { enc, navigate, useParam } from '../router';
import { direction } from './diff';
import { type Field, decades, position, valueOf } from './fields';
import { useWidth } from './use_width';
import '../styles/plots.css';

const HEIGHT = 380;
const LEFT = 72;
const RIGHT = 20;
const TOP = 12;
const BOTTOM = 40;

export function Scatter({ runs, names, fields }: { runs: Run[]; names: string[]; fields: Field[] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 300);
  const metrics = fields.filter((field) => field.key.startsWith('metrics.'));
  const usualY = (metrics.find((field) => direction(field.label)) ?? metrics[0] ?? fields.at(-1))?.key ?? '';
  const usualX = (fields.find((field) => field.numeric && field.key !== usualY) ?? fields.find((field) => field.key !== usualY))?.key ?? '';
  const [xKey, setX] = useParam('sx', usualX);
  const [yKey, setY] = useParam('sy', usualY);
  const [colourKey, setColour] = useParam('colour');
  const [over, setOver] = useState<number | null>(null);
  const find = (key: string) => fields.find((field) => field.key === key);
  const [fx, fy, fc] = [find(xKey), find(yKey), find(colourKey)];
  if (fields.length < 2) return <p className="muted">A scatter plot needs two parameters or metrics that differ between these runs.</p>;
  const px = (share: number) => LEFT + share * (width - LEFT - RIGHT);
  const py = (share: number) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const points = runs.flatMap((run, index) => {
    const [a, b] = [fx && position(fx, valueOf(run, fx.key), decades(fx)), fy && position(fy, valueOf(run, fy.key), decades(fy))];
    return a === null || a === undefined || b === null || b === undefined ? [] : [{ run, index, x: px(a), y: py(b), c: fc ? position(fc, valueOf(run, fc.key), decades(fc)) : null }];
  });
  const colour = (index: number, share: number | null) =>
    !fc ? `var(--s${(index % 8) + 1})` : share === null ? 'var(--ink-3)' : fc.numeric ? `color-mix(in oklab, var(--s1) ${Math.round(share * 100)}%, var(--s2))` : `var(--s${(Math.round(share * Math.max(1, fc.values.length - 1)) % 8) + 1})`;
  const hovered = points.find((point) => point.index === over);
  const Pick = ({ label, value, onChange, none }: { label: string; value: string; onChange: (key: string | null) => void; none?: string }) => (
    <label className="row soft">
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value)} style={{ maxWidth: 200 }}>
        {none !== undefined && <option value="">{none}</option>}
        {fields.map((field) => <option key={field.key} value={field.key}>{field.label}</option>)}
      </select>
    </label>
  );
  return (
    <div className="stack" ref={box}>
      <div className="row">
        {Pick({ label: 'x', value: xKey, onChange: setX })}
        {Pick({ label: 'y', value: yKey, onChange: setY })}
        {Pick({ label: 'Colour', value: colourKey, onChange: setColour, none: 'by run' })}
        {fc && !fc.numeric && <span className="row">{fc.values.slice(0, 8).map((value, place) => <span key={value} className="row"><i className="swatch" style={{ background: `var(--s${(place % 8) + 1})`, margin: 0 }} />{value}</span>)}</span>}
        {points.length < runs.length && <span className="muted">{runs.length - points.length} without a value are left out</span>}
      </div>
      <svg width="100%" height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} className="scatter" role="img" aria-label={`${fy?.label ?? ''} against ${fx?.label ?? ''} of ${points.length} runs`}>
        {fx && fx.ticks.map(([at, label]) => (
          <g key={`x${at}`}>
            <line x1={px(at)} x2={px(at)} y1={TOP} y2={HEIGHT - BOTTOM} className="grid-line" />
            <text x={px(at)} y={HEIGHT - BOTTOM + 16} textAnchor="middle" className="tick">{label.length > 12 ? `${label.slice(0, 11)}…` : label}</text>
          </g>
        ))}
        {fy && fy.ticks.map(([at, label]) => (
          <g key={`y${at}`}>
            <line x1={LEFT} x2={width - RIGHT} y1={py(at)} y2={py(at)} className="grid-line" />
            <text x={LEFT - 8} y={py(at) + 4} textAnchor="end" className="tick">{label.length > 12 ? `${label.slice(0, 11)}…` : label}</text>
          </g>
        ))}
        <text x={(LEFT + width - RIGHT) / 2} y={HEIGHT - 6} textAnchor="middle" className="axis-name">{fx?.label}</text>
        <text x={14} y={(TOP + HEIGHT - BOTTOM) / 2} textAnchor="middle" className="axis-name" transform={`rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})`}>{fy?.label}</text>
        {points.map((point) => (
          <circle
            key={point.run.id}
            cx={point.x}
            cy={point.y}
            r={over === point.index ? 7 : 5}
            style={{ fill: colour(point.index, point.c) }}
            onPointerEnter={() => setOver(point.index)}
            onPointerLeave={() => setOver(null)}
            onClick={() => navigate(`/runs/${enc(point.run.id)}`)}
          >
            <title>{`${names[point.index] ?? short(point.run.id)}\n${[fx, fy, fc].flatMap((field) => (field ? [`${field.label} ${told(valueOf(point.run, field.key))}`] : [])).join('\n')}`}</title>
          </circle>
        ))}
        {hovered && <text x={Math.min(hovered.x + 10, width - RIGHT - 10)} y={hovered.y - 10} textAnchor={hovered.x > width * 0.7 ? 'end' : 'start'} className="point-name">{names[hovered.index]}</text>}
      </svg>
    </div>
  );
}

function told(value: string | number | null): string {
  return value === null ? '–' : typeof value === 'number' ? metric(value) : value;
}
