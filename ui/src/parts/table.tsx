// The one table. Small ones are drawn whole; with `height` the rows are virtual, so that 100,000 of them scroll.
import { type VirtualItem, useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, type ReactNode, memo, useCallback, useEffect, useRef, useState } from 'react';
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
  /** the caller sorts by it, though the table knows no value */
  sortable?: boolean;
  /** before the content, and outside of the link of the row */
  before?: (row: T) => ReactNode;
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
  href?: (row: T) => string | undefined;
  sort?: Sort | null;
  onSort?: (sort: Sort) => void;
  selected?: ReadonlySet<string>;
  /** `all` are the rows between the last choice and this one, when shift was held */
  onSelect?: (id: string, on: boolean, all?: string[]) => void;
  selectable?: (row: T) => boolean;
  /** a CSS height: turns scrolling inside the table on */
  height?: string;
  empty?: ReactNode;
  onEnd?: () => void;
  /** which rows are drawn, so that they can be read */
  onRange?: (first: number, last: number) => void;
  /** changes when the content of a row does, though the row is the same object */
  stamp?: (row: T) => unknown;
  /** a row that is one cell from side to side, such as the head of a group */
  span?: (row: T) => ReactNode | null;
  /** what Enter does to a row that has no address */
  onOpen?: (row: T) => void;
  current?: string;
  keys?: boolean;
  /** the first column stays when the others scroll sideways */
  pin?: boolean;
}

/** Pixels; `--row` in the style sheet says the same. */
const ROW = 34;

/** Elements of rows that scroll out are used again for rows that scroll in; more than are ever drawn at once. */
const POOL = 512;

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
  const { rows, columns, id, href, height, onEnd, onRange } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const anchor = useRef<string | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
    enabled: height !== undefined,
  });
  const items: Pick<VirtualItem, 'index' | 'start'>[] = height === undefined ? rows.map((_, index) => ({ index, start: 0 })) : virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  const template = columns.map((column) => column.width ?? 'minmax(120px, 1fr)').join(' ');
  // Rows are grids of their own: the same least width for all of them keeps their tracks in line when they scroll sideways.
  const least = columns.reduce((sum, column) => sum + Number(/\d+/.exec(column.width ?? '120')?.[0] ?? 120), 0);

  useEffect(() => {
    if (height !== undefined && onEnd && rows.length > 0 && last >= rows.length - 30) onEnd();
  }, [height, onEnd, last, rows.length]);
  useEffect(() => {
    if (height !== undefined && rows.length > 0) onRange?.(first, last);
  }, [height, onRange, first, last, rows]);

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
            if (row && props.onSelect && (props.selectable?.(row) ?? true)) props.onSelect(id(row), !props.selected?.has(id(row)));
          },
          Enter: () => {
            const row = rows[at];
            const to = row && href?.(row);
            if (to) navigate(to);
            else if (row) props.onOpen?.(row);
          },
        }
      : {},
  );

  // One function for all rows and all draws, so that a row that stays the same is not drawn again.
  const held = useRef(props);
  held.current = props;
  const select = useCallback((key: string, on: boolean, shift: boolean) => {
    const { rows: all, id: name, onSelect } = held.current;
    const from = shift && anchor.current !== null ? all.findIndex((row) => name(row) === anchor.current) : -1;
    anchor.current = key;
    if (from < 0) return onSelect?.(key, on);
    const to = all.findIndex((row) => name(row) === key);
    const between = all.slice(Math.min(from, to), Math.max(from, to) + 1).filter((row) => held.current.selectable?.(row) ?? true);
    onSelect?.(key, on, between.map(name));
  }, []);

  return (
    <div ref={scroller} className="table" role="table" aria-label={props.label} aria-rowcount={rows.length + 1} tabIndex={0} style={height === undefined ? undefined : { maxHeight: height }}>
      <div className="tr thead" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template, minWidth: least }}>
        {columns.map((column, index) => (
          <HeaderCell key={column.key} column={column} first={index === 0} {...props} />
        ))}
      </div>
      <div className="body" role="rowgroup" style={{ minWidth: least, ...(height === undefined || rows.length === 0 ? {} : { height: virtual.getTotalSize(), position: 'relative' }) }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const key = id(row);
          return (
            <MemoRow
              key={height === undefined ? key : item.index % POOL}
              row={row}
              id={key}
              index={item.index}
              start={height === undefined ? null : item.start}
              at={(props.keys === true && item.index === at) || key === props.current}
              chosen={props.selected ? props.selected.has(key) : undefined}
              select={props.onSelect && (props.selectable?.(row) ?? true) ? select : undefined}
              pinned={props.pin === true || props.onSelect !== undefined}
              href={href?.(row)}
              columns={columns as readonly Column<unknown>[]}
              template={template}
              stamp={props.stamp ? props.stamp(row) : row}
              whole={props.span?.(row) ?? null}
            />
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

interface RowProps {
  row: unknown;
  id: string;
  index: number;
  start: number | null;
  at: boolean;
  chosen: boolean | undefined;
  select: ((id: string, on: boolean, shift: boolean) => void) | undefined;
  pinned: boolean;
  href: string | undefined;
  columns: readonly Column<unknown>[];
  template: string;
  stamp: unknown;
  whole: ReactNode | null;
}

const MemoRow = memo(function Row({ row, id, index, start, at, chosen, select, pinned, href, columns, template, whole }: RowProps) {
  const place = start === null ? {} : { position: 'absolute' as const, width: '100%', transform: `translateY(${start}px)` };
  if (whole !== null) {
    return (
      <div className="tr whole" role="row" aria-rowindex={index + 2} data-index={index} data-at={at} style={place}>
        <span role="cell" className="td">{whole}</span>
      </div>
    );
  }
  return (
    <div
      className="tr"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      data-index={index}
      data-link={href !== undefined}
      data-at={at}
      style={{ gridTemplateColumns: template, ...place }}
      onClick={(event) => {
        if (!href || (event.target as Element).closest('a,button,input,label')) return;
        navigate(href);
      }}
    >
      {columns.map((column, place) => {
        const content = column.render(row);
        const first = place === 0;
        return (
          <span key={column.key} role="cell" className={`td${column.align ? ` ${column.align}` : ''}${first && pinned ? ' pin' : ''}`} title={column.title?.(row)}>
            {first && select && <input type="checkbox" aria-label={`select ${column.value?.(row) ?? id}`} checked={chosen ?? false} onClick={(event: MouseEvent<HTMLInputElement>) => select(id, event.currentTarget.checked, event.shiftKey)} onChange={() => {}} />}
            {column.before?.(row)}
            {first && href ? <Link href={href}>{content}</Link> : content}
          </span>
        );
      })}
    </div>
  );
});

function HeaderCell<T>({ column, first, sort, onSort, onSelect, pin }: TableProps<T> & { column: Column<T>; first: boolean }) {
  const active = sort?.key === column.key;
  const className = `th${column.align ? ` ${column.align}` : ''}${first && (pin || onSelect) ? ' pin' : ''}`;
  const sortable = onSort && (column.sortable ?? column.value !== undefined);
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
