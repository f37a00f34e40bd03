// A table at a ref: its rows, scrolled to any place, and the profiles of its columns.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react';
import { ApiError, type Json, call, query } from '../../api';
import type { TableColumn, TableFacts, TableProfile, TableRows } from '../../data_types';
import { bytes, count, number } from '../../format';
import { Link, useParam } from '../../router';
import { useApi } from '../../store';
import { Bones, Failure, Segments } from '../basics';
import { ColumnProfiles } from '../profile';
import { type Column, Table } from '../table';
import { pageOf, refApi, tableName } from './paths';

/** Rows of one request, and most rows that one list scrolls: a browser draws no longer one. */
const BLOCK = 200;
const MOST = 500_000;
/** Columns that are shown without being asked. */
const WIDE = 60;

export function TableView({ repository, reference, path, stamp = '' }: { repository: string; reference: string; path: string; stamp?: string }) {
  const [show, setShow] = useParam('show', 'rows');
  const found = useApi<TableFacts & { columns: TableColumn[] }>(`${refApi(repository, reference)}/table${query({ path })}${stamp && `&etag=${encodeURIComponent(stamp)}`}`, { topics: [] });
  if (!found.data) return <div className="inset">{found.error ? <Failure error={found.error} /> : <Bones lines={6} />}</div>;
  const { columns, ...facts } = found.data;
  return (
    <div>
      <div className="row inset">
        <Segments label="Show" value={show as 'rows' | 'columns'} onChange={setShow} options={[['rows', 'Rows'], ['columns', 'Columns']] as const} />
        <span className="soft">{count(facts.rows, 'row')}, {count(columns.length, 'column')}{facts.files > 1 ? `, ${count(facts.files, 'file')}` : ''}</span>
        <span className="muted">{facts.format}, {bytes(facts.bytes)}</span>
        <Link className="button push" href={pageOf(repository, 'query', { ref: reference, sql: `select * from ${tableName(repository, reference, path)} limit 100` })}>Query…</Link>
      </div>
      {show === 'columns' ? <Profiles repository={repository} reference={reference} path={path} stamp={stamp} columns={columns} /> : <Rows key={`${reference} ${path} ${stamp}`} repository={repository} reference={reference} path={path} facts={facts} columns={columns} />}
    </div>
  );
}

function Profiles({ repository, reference, path, stamp, columns }: { repository: string; reference: string; path: string; stamp: string; columns: TableColumn[] }) {
  const found = useApi<TableProfile>(`${refApi(repository, reference)}/table/profile${query({ path, etag: stamp })}`, { topics: [] });
  if (!found.data) return <div className="inset">{found.error ? <Failure error={found.error} /> : <Bones lines={8} height={30} />}</div>;
  const { profile, sampled } = found.data;
  return (
    <>
      {sampled && <p className="inset muted">Of a sample of {count(profile.rows, 'row')}.</p>}
      <ColumnProfiles columns={columns} profiles={profile.columns} rows={profile.rows} />
    </>
  );
}

const isNumber = (type: string) => /^(u?int|float|decimal|double|long|integer)/i.test(type);

export function cell(value: Json | undefined) {
  if (value === null || value === undefined) return <span className="muted">null</span>;
  if (typeof value === 'object') return <span className="mono">{JSON.stringify(value)}</span>;
  return String(value);
}

const titleOf = (value: Json | undefined) => (value === null || value === undefined ? undefined : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Table columns for values that stand in the order of `columns`. */
export function valueColumns<R>(columns: TableColumn[], of: (row: R, place: number) => Json | undefined): Column<R>[] {
  return columns.map((column, place) => ({
    key: `${place}`,
    label: column.name,
    width: `minmax(${Math.min(260, Math.max(96, column.name.length * 8 + 30))}px, 1fr)`,
    align: isNumber(column.type) ? 'num' as const : undefined,
    title: (row) => titleOf(of(row, place)),
    render: (row) => cell(of(row, place)),
  }));
}

function Rows({ repository, reference, path, facts, columns }: { repository: string; reference: string; path: string; facts: TableFacts; columns: TableColumn[] }) {
  const [from, setFrom] = useParam('row');
  const [all, setAll] = useState(false);
  const base = Math.min(Math.max(0, Math.trunc(Number(from) || 1) - 1), Math.max(0, facts.rows - 1));
  const shown = useMemo(() => (all ? columns : columns.slice(0, WIDE)), [all, columns]);
  const length = Math.min(facts.rows - base, MOST);
  const places = useMemo(() => Array.from({ length }, (_, index) => base + index), [base, length]);
  const blocks = useRef(new Map<number, Json[][] | 'reading'>());
  const [version, draw] = useReducer((old: number) => old + 1, 0);
  const [error, setError] = useState<ApiError | null>(null);
  const names = all || columns.length <= WIDE ? '' : shown.map((column) => column.name).filter((name) => !name.includes(',')).join(',');
  useEffect(() => {
    blocks.current = new Map();
    draw();
  }, [names]);
  const read = useCallback(
    async (block: number) => {
      const kept = blocks.current;
      if (kept.has(block)) return;
      kept.set(block, 'reading');
      try {
        const answer = await call<TableRows>(`${refApi(repository, reference)}/table/rows${query({ path, offset: block * BLOCK, limit: BLOCK, columns: names })}`);
        kept.set(block, answer.rows);
        setError(null);
      } catch (problem) {
        kept.delete(block);
        setError(problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem)));
      }
      if (kept === blocks.current) draw();
    },
    [repository, reference, path, names],
  );
  const rowAt = useCallback((place: number) => {
    const block = blocks.current.get(Math.floor(place / BLOCK));
    return block === undefined || block === 'reading' ? undefined : block[place % BLOCK];
  }, []);
  // Scrolling passes over what it does not stop at.
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const range = useCallback(
    (first: number, last: number) => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        for (let block = Math.floor((base + first) / BLOCK); block <= Math.floor((base + last) / BLOCK); block += 1) void read(block);
      }, 60);
    },
    [base, read],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  const table = useMemo(() => {
    const values = valueColumns<number>(shown, (place, at) => rowAt(place)?.[at]).map((column) => ({ ...column, render: (place: number) => (rowAt(place) === undefined ? <i className="cell-bone" /> : column.render(place)) }));
    return [{ key: '#', label: 'Row', align: 'num' as const, width: '84px', render: (place: number) => <span className="muted">{number(place + 1)}</span> }, ...values];
  }, [shown, rowAt, version]);
  if (facts.rows === 0) return <p className="inset muted">The table has no rows.</p>;
  return (
    <>
      {error && <div className="inset"><Failure error={error} stale /></div>}
      <Table label="Rows" rows={places} columns={table} id={String} height="62vh" onRange={range} stamp={(place) => rowAt(place) ?? 'reading'} />
      <div className="row inset">
        {columns.length > shown.length && <button type="button" className="bare" onClick={() => setAll(true)}>Show all {columns.length} columns</button>}
        {facts.rows > BLOCK && <GoTo rows={facts.rows} onGo={(row) => setFrom(row > 1 ? String(row) : null)} />}
        {base > 0 && <span className="muted">from row {number(base + 1)} on <button type="button" className="bare" onClick={() => setFrom(null)}>from the first</button></span>}
        {base + length < facts.rows && <span className="muted">up to row {number(base + length)}</span>}
      </div>
    </>
  );
}

function GoTo({ rows, onGo }: { rows: number; onGo: (row: number) => void }) {
  const [text, setText] = useState('');
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); onGo(Math.min(rows, Math.max(1, Number(text) || 1))); }}>
      <label className="row muted">Go to row <input type="number" min={1} max={rows} value={text} onChange={(event) => setText(event.target.value)} style={{ width: 120 }} /></label>
    </form>
  );
}
