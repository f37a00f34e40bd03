// When each task waited and ran, on one time axis. Only the rows in view are drawn; a drag over the axis zooms in.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type PointerEvent, type ReactNode, memo, useEffect, useMemo, useRef, useState } from 'react';
import type { StepRun } from '../../api';
import { clock, count, duration, moment } from '../../format';
import { setParams, useParam } from '../../router';
import type { Folds } from './folds';
import { CountBar, TaskGlyph, countsText, wordOf } from './state';
import { type Counts, type Line, type Tree, countsOf, critical, firstStart, isHolder, isLoop, isOver, lines, readyAt, sizeOf, stateOf, titleOf } from './tree';

const ROW = 28;

interface Bar {
  from: number;
  to: number;
  state: string;
  title: string;
}

interface Props {
  tree: Tree;
  folds: Folds;
  chosen: StepRun | undefined;
  now: number;
  onPick: (row: StepRun) => void;
  onRange: (shown: Line[]) => void;
}

export function Gantt({ tree, folds, chosen, now, onPick, onRange }: Props) {
  const [zoom] = useParam('zoom');
  const [path] = useParam('critical');
  const list = useMemo(() => lines(tree, folds.isOpen), [tree, folds]);
  const chain = useMemo(() => (path ? critical(tree) : null), [tree, path]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: list.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? -1];
  useEffect(() => onRange(list.slice(first, last + 1)), [list, first, last, onRange]);

  const start = Date.parse(tree.run.started_at ?? tree.run.created_at);
  const end = Math.max(tree.run.ended_at && isOver(tree.run.state) ? Date.parse(tree.run.ended_at) : now, start + 1);
  const whole = end - start;
  const part = /^(\d+)-(\d+)$/.exec(zoom);
  const from = part ? start + Number(part[1]) : start;
  const to = part ? Math.max(start + Number(part[2]), from + 1) : end + whole * 0.01;
  const share = (at: number) => `${(((at - from) / (to - from)) * 100).toFixed(4)}%`;
  const ticks = axis(from - start, to - start);
  const [over, setOver] = useState<number | null>(null);

  return (
    <>
      <div className="gantt-tools row">
        <span className="muted">From {moment(start)}{part ? `: ${duration(from - start)} to ${duration(to - start)}` : ''}</span>
        <label className="row"><input type="checkbox" checked={path !== ''} onChange={(event) => setParams({ critical: event.target.checked ? '1' : null })} /> what decided the duration</label>
        {part && <button type="button" onClick={() => setParams({ zoom: null })}>Whole run</button>}
      </div>
      <div className="gantt" ref={scroller} role="table" aria-label="Tasks over time" aria-rowcount={list.length + 1} tabIndex={0}>
        <div className="gantt-row gantt-head" role="row">
          <span role="columnheader" className="gantt-name">{count(list.length, 'row')}</span>
          <span role="columnheader" className="gantt-time" aria-label={`time, ${duration(whole)} in all`}>
            <Brush onOver={setOver} onZoom={(a, b) => setParams({ zoom: `${Math.max(0, Math.round(from - start + a * (to - from)))}-${Math.round(from - start + b * (to - from))}` })}>
              {ticks.map((tick) => <span key={tick} className="tick" style={{ left: share(start + tick) }}>{tickText(tick)}</span>)}
              {over !== null && <b className="tick at" style={{ left: `${over * 100}%` }}>{clock(from + over * (to - from))}</b>}
            </Brush>
          </span>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          <span className="gantt-grid" aria-hidden="true">
            {ticks.map((tick) => <i key={tick} style={{ left: share(start + tick) }} />)}
            {over !== null && <i className="at" style={{ left: `${over * 100}%` }} />}
          </span>
          {items.map((item) => {
            const line = list[item.index];
            if (!line) return null;
            const { row } = line;
            return (
              <GanttRow
                key={line.key}
                tree={tree}
                line={line}
                index={item.index}
                top={item.start}
                current={row !== null && row.id === chosen?.id}
                off={chain !== null && !(row && chain.has(row.id))}
                from={from}
                to={to}
                now={row && isOver(row.state) ? 0 : now}
                toggle={folds.toggle}
                onPick={onPick}
              />
            );
          })}
        </div>
      </div>
      <p className="gantt-key muted">
        <span><i className="bar" data-state="line" /> in line for room</span>
        <span><i className="bar" data-state="succeeded" /> ran</span>
        <span><i className="bar" data-state="failed" /> failed attempt</span>
        <span><i className="bar" data-state="holder" /> graph or loop</span>
        <span>Drag over the axis to zoom.</span>
      </p>
    </>
  );
}

interface RowProps {
  tree: Tree;
  line: Line;
  index: number;
  top: number;
  current: boolean;
  off: boolean;
  from: number;
  to: number;
  /** 0 if it has ended */
  now: number;
  toggle: (row: StepRun) => void;
  onPick: (row: StepRun) => void;
}

/** What is drawn of a row does not change when others do. */
const sameRow = (a: RowProps, b: RowProps): boolean =>
  a.line.row === b.line.row && a.line.open === b.line.open && a.index === b.index && a.top === b.top && a.current === b.current && a.off === b.off && a.from === b.from && a.to === b.to && a.now === b.now && (a.line.row === null || isOver(a.line.row.state) || a.tree === b.tree);

const GanttRow = memo(function GanttRow({ tree, line, index, top, current, off, from, to, now, toggle, onPick }: RowProps) {
  const { row } = line;
  const state = row ? stateOf(row) : '';
  const share = (at: number) => `${(((at - from) / (to - from)) * 100).toFixed(4)}%`;
  return (
    <div role="row" aria-rowindex={index + 2} className="gantt-row" data-at={current} data-off={off} style={{ transform: `translateY(${top}px)`, position: 'absolute', width: '100%' }}>
      <span role="cell" className="gantt-name" style={{ paddingLeft: 8 + line.depth * 14 }}>
        {row && line.open !== null ? <button type="button" className="fold" aria-expanded={line.open} aria-label={`${line.open ? 'close' : 'open'} ${titleOf(row)}`} onClick={() => toggle(row)}>{line.open ? '▾' : '▸'}</button> : <span className="fold" />}
        {row ? <button type="button" className="bare" title={row.name} onClick={() => onPick(row)}><TaskGlyph state={state} /> {titleOf(row)}</button> : <i className="cell-bone" />}
      </span>
      <span role="cell" className="gantt-time" onClick={() => row && onPick(row)}>
        {row && bars(tree, row, now).map((bar, place) => bar.to >= from && bar.from <= to && (
          <i key={place} className="bar" data-state={bar.state} title={bar.title} style={{ left: share(Math.max(bar.from, from)), width: `max(3px, ${((Math.min(bar.to, to) - Math.max(bar.from, from)) / (to - from)) * 100}%)` }} />
        ))}
        {row && isLoop(row) && sizeOf(tree, row) > 0 && row.started_at && <Note counts={countsOf(tree, row)} total={sizeOf(tree, row)} left={Math.max(0, (Date.parse(row.started_at) - from) / (to - from))} right={Math.min(1, ((row.ended_at ? Date.parse(row.ended_at) : now) - from) / (to - from))} />}
        {row && <span className="visually-hidden">{wordOf(state)}</span>}
      </span>
    </div>
  );
}, sameRow);

/** What a loop holds, beside its bar where there is room. Both ends are 0 to 1 of the axis. */
function Note({ counts, total, left, right }: { counts: Counts; total: number; left: number; right: number }) {
  if (right < left) return null;
  const style = right < 0.68 ? { left: `${right * 100}%` } : left > 0.32 ? { right: `${(1 - left) * 100}%` } : { left: `${((left + right) / 2) * 100}%`, transform: 'translateX(-50%)' };
  return <span className="bar-note" style={style}><CountBar counts={counts} total={total} /> {countsText(counts, total)}</span>;
}

/** In line, then each attempt. */
function bars(tree: Tree, row: StepRun, now: number): Bar[] {
  const list: Bar[] = [];
  const ms = (time: string | null | undefined) => (time ? Date.parse(time) : null);
  const holds = isHolder(tree, row);
  const ready = readyAt(tree, row);
  const begun = ms(firstStart(row)) ?? (isOver(row.state) ? null : now);
  if (!holds && ready !== null && begun !== null && row.state !== 'waiting' && begun - ready > 0) list.push({ from: ready, to: begun, state: 'line', title: `in line for ${duration(begun - ready)}` });
  for (const attempt of row.attempts ?? []) {
    if (attempt.attempt >= row.attempt) continue;
    const [from, to] = [ms(attempt.started_at), ms(attempt.ended_at)];
    if (from !== null && to !== null) list.push({ from, to, state: attempt.state, title: `attempt ${attempt.attempt}: ${attempt.state}, ${duration(to - from)}${attempt.message ? `\n${attempt.message}` : ''}` });
  }
  const from = ms(row.started_at);
  if (from === null) return list;
  const to = ms(row.ended_at) ?? now;
  const state = stateOf(row);
  list.push({ from, to, state: holds ? `holder ${state === 'failed' ? 'bad' : ''}`.trim() : state, title: `${row.attempt > 1 ? `attempt ${row.attempt}: ` : ''}${wordOf(state)}, ${duration(to - from)}\n${clock(from)} to ${row.ended_at ? clock(to) : 'now'}` });
  return list;
}

/** Round steps of time, at most eight. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 43200e3, 86400e3];

function axis(from: number, to: number): number[] {
  const step = STEPS.find((size) => (to - from) / size <= 8) ?? 86400e3 * Math.ceil((to - from) / 8 / 86400e3);
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at < to - step * 0.3; at += step) ticks.push(at);
  return ticks;
}

/** `0`, `20 s`, `1 min`, `1 min 30 s`, `2 h`. */
function tickText(ms: number): string {
  return ms === 0 ? '0' : duration(ms).replace(/(\d+ (?:min|h|d)) 0 (?:s|min|h)$/, '$1');
}

/** Takes a drag from one place to another, both 0 to 1. */
function Brush({ onZoom, onOver, children }: { onZoom: (from: number, to: number) => void; onOver: (at: number | null) => void; children: ReactNode }) {
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const place = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  return (
    <span
      className="brush"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([place(event), place(event)]);
      }}
      onPointerMove={(event) => {
        onOver(place(event));
        if (drag) setDrag([drag[0], place(event)]);
      }}
      onPointerLeave={() => onOver(null)}
      onPointerUp={() => {
        if (drag && Math.abs(drag[1] - drag[0]) > 0.01) onZoom(Math.min(...drag), Math.max(...drag));
        setDrag(null);
      }}
      onDoubleClick={() => setParams({ zoom: null })}
    >
      {children}
      {drag && <i className="brushed" style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }} />}
    </span>
  );
}
