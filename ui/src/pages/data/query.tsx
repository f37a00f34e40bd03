// SQL over the tables of a ref.
import { useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, type Json, call, query } from '../../api';
import type { Entry, Listed, QueryAnswer, Repository } from '../../data_types';
import { bytes, count, duration } from '../../format';
import { AtRef, RepositoryPage } from '../../parts/data/frame';
import { TOPICS, commitPage, digits, isTable, objectPage, refApi, tableName } from '../../parts/data/paths';
import { valueColumns } from '../../parts/data/table_view';
import { Failure, Panel } from '../../parts/basics';
import { Icon } from '../../parts/icons';
import { Table } from '../../parts/table';
import { Link, setParams, useParam } from '../../router';
import { useApi } from '../../store';

const ROWS = 1000;
/** Entries of the ref that are looked through for tables. */
const LOOKED = 1000;

export default function Query({ args: [name = ''] }: { args: string[] }) {
  return <RepositoryPage name={name} section="query">{(repository, reference) => <AtRef repository={repository} reference={reference}>{() => <Body key={reference} repository={repository} reference={reference} />}</AtRef>}</RepositoryPage>;
}

function Body({ repository, reference }: { repository: Repository; reference: string }) {
  const [asked] = useParam('sql');
  const [text, setText] = useState(asked);
  const [answer, setAnswer] = useState<{ data: QueryAnswer; took: number } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState<AbortController | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const tables = useApi<Listed<'objects', Entry>>(`${refApi(repository.name, reference)}/objects${query({ limit: LOOKED })}`, { topics: TOPICS }).data?.objects.filter((entry) => isTable(entry.path)) ?? [];
  const run = async (sql: string) => {
    if (sql.trim() === '') return;
    busy?.abort();
    const stop = new AbortController();
    setBusy(stop);
    setError(null);
    setParams({ sql });
    const began = performance.now();
    try {
      const data = await call<QueryAnswer>('/data/query', { method: 'POST', body: { sql, limit: ROWS }, signal: stop.signal });
      setAnswer({ data, took: performance.now() - began });
    } catch (problem) {
      if (!stop.signal.aborted) setError(problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem)));
    }
    setBusy((now) => (now === stop ? null : now));
  };
  // A query in the address is one that somebody sent; it only reads.
  const first = useRef(true);
  useEffect(() => {
    if (first.current && asked) void run(asked);
    first.current = false;
  }, []);
  const put = (path: string) => {
    const name = tableName(repository.name, reference, path);
    setText((old) => (old.trim() === '' ? `select * from ${name} limit 100` : `${old.trimEnd()} ${name}`));
    box.current?.focus();
  };
  return (
    <div className="columns">
      <div className="stack">
        <form className="sql" onSubmit={(event) => { event.preventDefault(); void run(text); }}>
          <textarea
            ref={box}
            rows={5}
            aria-label="SQL"
            spellCheck={false}
            placeholder={`select label, count(*) from ${tableName(repository.name, reference, 'labels.parquet')} group by label`}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                void run(text);
              }
            }}
          />
          <div className="row">
            <button type="submit" className="primary" disabled={busy !== null || text.trim() === ''}>{busy ? 'Running…' : 'Run'}</button>
            {busy ? <button type="button" onClick={() => { busy.abort(); setBusy(null); }}>Stop</button> : <span className="muted"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>}
            {answer && <button type="button" className="push" onClick={() => save(answer.data)}>Save as CSV</button>}
          </div>
        </form>
        {error && <Failure error={error} title="The query failed" />}
        {answer && <Answer answer={answer.data} took={answer.took} />}
      </div>
      <Panel title={`Tables at ${reference.length > 20 ? digits(reference) : reference}`} flush>
        <ul className="table-list" aria-label="Tables">
          {tables.slice(0, 100).map((entry) => (
            <li key={entry.path}>
              <button type="button" className="bare" title={`put ${entry.path} into the query`} onClick={() => put(entry.path)}><Icon name="table" /> {entry.path}</button>
              <Link className="muted" href={objectPage(repository.name, reference, entry.path)} aria-label={`look at ${entry.path}`}>look</Link>
            </li>
          ))}
          {tables.length === 0 && <li className="muted">No Parquet, CSV or JSON lines file among the first {LOOKED} objects.</li>}
        </ul>
        <p className="inset muted">Any table of any repository and ref is called <code>repo@ref:path</code>; a folder is one table of all its files.</p>
      </Panel>
    </div>
  );
}

function Answer({ answer, took }: { answer: QueryAnswer; took: number }) {
  const rows = useMemo(() => answer.rows.map((values, place) => ({ values, place })), [answer]);
  const columns = useMemo(() => valueColumns<{ values: Json[] }>(answer.columns, (row, place) => row.values[place]), [answer]);
  return (
    <>
      <p className="soft" role="status">{count(rows.length, 'row')}{answer.more ? ' shown, there are more' : ''}, {duration(took)}</p>
      <Table label="Answer" rows={rows} columns={columns} id={(row) => String(row.place)} height={rows.length > 15 ? '60vh' : undefined} empty="No row." />
      {answer.tables.length > 0 && (
        <ul className="read">
          {answer.tables.map((table) => (
            <li key={table.name} className="muted">read {table.name}, {count(table.rows, 'row')}, {bytes(table.bytes)}, commit <Link className="mono" href={commitPage(table.name.split('@')[0] ?? '', table.commit)}>{digits(table.commit)}</Link>{table.with_staged ? ' with uncommitted changes' : ''}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function save(answer: QueryAnswer): void {
  const quote = (value: Json | undefined) => {
    const text = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [answer.columns.map((column) => quote(column.name)).join(','), ...answer.rows.map((row) => row.map(quote).join(','))];
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' }));
  link.download = 'answer.csv';
  link.click();
  URL.revokeObjectURL(link.href);
}
