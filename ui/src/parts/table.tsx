// The one table. Small ones are drawn whole; with `height` the rows are virtual, so that 100,000 of them scroll.
import { type VirtualItem, useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useKeys } from '../keys';
import { Link, navigate } from '../router';

export interface Column<T> {
  key: string;
  label: string;
  /** a CSS grid track; the default shares the space that is left */
  width?: string;
  align?: 'num';
  value?: (row: T) => string | number | null | undefined;
  render: (row: T) => ReactNode;
  title?: (row: T) => string | undefined;
}

export interface Sort {
  key: string;
  down: boolean;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  id: (row: T) => string;
  href?: (row: T) => string;
  sort?: Sort | null;
  onSort?: (sort: Sort) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (id: string, on: boolean) => void;
  /** a CSS height: turns scrolling inside the table on */
  height?: string;
  empty?: ReactNode;
  onEnd?: () => void;
  current?: string;
  keys?: boolean;
}

/** Pixels; `--row` in the style sheet says the same. */
const ROW = 34;

export function compare(a: string | number | null | undefined, b: string | number | null | undefined, down: boolean): number {
  const missing = (value: unknown) => value === null || value === undefined || value === '' || Number.isNaN(value);
  // What is missing stands last in both directions.
  if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });
  return down ? -order : order;
}

export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sort: Sort | null | undefined): readonly T[] {
  const key = sort?.key;
  const column = columns.find((candidate) => candidate.key === key);
  if (!sort || !column?.value) return rows;
  const value = column.value;
  return [...rows].sort((a, b) => compare(value(a), value(b), sort.down));
}

export function Table<T>(props: TableProps<T>) {
  const { rows, columns, id, href, height, onEnd } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    enabled: height !== undefined,
  });
  const items: Pick<VirtualItem, 'index' | 'start'>[] = height === undefined ? rows.map((_, index) => ({ index, start: 0 })) : virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  const template = columns.map((column) => column.width ?? 'minmax(120px, 1fr)').join(' ');
  // Rows are grids of their own: the same least width for all of them keeps their tracks in line when they scroll sideways.
  const least = columns.reduce((sum, column) => sum + Number(/\d+/.exec(column.width ?? '120')?.[0] ?? 120), 0);

  useEffect(() => {
    if (height !== undefined && onEnd && rows.length > 0 && last >= rows.length - 30) onEnd();
  }, [height, onEnd, last, rows.length]);

  const move = (step: number) => {
    if (!props.keys || rows.length === 0) return;
    const next = Math.max(0, Math.min(rows.length - 1, at + step));
    setAt(next);
    if (height !== undefined) virtual.scrollToIndex(next);
    else scroller.current?.querySelector(`[data-index="${next}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  useKeys(
    props.keys
      ? {
          j: () => move(1),
          k: () => move(-1),
          x: () => {
            const row = rows[at];
            if (row && props.onSelect) props.onSelect(id(row), !props.selected?.has(id(row)));
          },
          Enter: () => {
            const row = rows[at];
            if (row && href) navigate(href(row));
          },
        }
      : {},
  );

  return (
    <div ref={scroller} className="table" role="table" aria-label={props.label} aria-rowcount={rows.length + 1} tabIndex={0} style={height === undefined ? undefined : { maxHeight: height }}>
      <div className="tr thead" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template, minWidth: least }}>
        {columns.map((column, index) => (
          <HeaderCell key={column.key} column={column} first={index === 0} {...props} />
        ))}
      </div>
      <div className="body" role="rowgroup" style={{ minWidth: least, ...(height === undefined ? {} : { height: virtual.getTotalSize(), position: 'relative' }) }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const key = id(row);
          return (
            <div
              key={key}
              className="tr"
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={props.selected ? props.selected.has(key) : undefined}
              data-index={item.index}
              data-link={href !== undefined}
              data-at={(props.keys && item.index === at) || key === props.current}
              style={{
                gridTemplateColumns: template,
                ...(height === undefined ? {} : { position: 'absolute', width: '100%', transform: `translateY(${item.start}px)` }),
              }}
              onClick={(event) => {
                if (!href || (event.target as Element).closest('a,button,input,label')) return;
                navigate(href(row));
              }}
            >
              {columns.map((column, index) => (
                <BodyCell key={column.key} column={column} row={row} first={index === 0} {...props} />
              ))}
            </div>
          );
        })}
        {rows.length === 0 && (
          <div className="none" role="row">
            <span role="cell">{props.empty ?? 'Nothing here yet.'}</span>
          </div>
        )}
      </div>
    </div>
  );
}

function HeaderCell<T>({ column, first, sort, onSort, onSelect }: TableProps<T> & { column: Column<T>; first: boolean }) {
  const active = sort?.key === column.key;
  const className = `th${column.align ? ` ${column.align}` : ''}${first && onSelect ? ' pin' : ''}`;
  const sortable = onSort && column.value;
  return (
    <span role="columnheader" className={className} aria-sort={active ? (sort.down ? 'descending' : 'ascending') : undefined} title={column.label}>
      {sortable ? (
        <button type="button" onClick={() => onSort({ key: column.key, down: active ? !sort.down : column.align === 'num' })}>
          <span className="clip">{column.label}</span>
          {active && <span aria-hidden="true">{sort.down ? '↓' : '↑'}</span>}
        </button>
      ) : (
        column.label
      )}
    </span>
  );
}

function BodyCell<T>({ column, row, first, id, href, selected, onSelect }: TableProps<T> & { column: Column<T>; row: T; first: boolean }) {
  const content = column.render(row);
  const body = first && href ? <Link href={href(row)}>{content}</Link> : content;
  const key = id(row);
  return (
    <span role="cell" className={`td${column.align ? ` ${column.align}` : ''}${first && onSelect ? ' pin' : ''}`} title={column.title?.(row)}>
      {first && onSelect && <input type="checkbox" aria-label={`select ${column.value?.(row) ?? key}`} checked={selected?.has(key) ?? false} onChange={(event) => onSelect(key, event.target.checked)} />}
      {body}
    </span>
  );
}
