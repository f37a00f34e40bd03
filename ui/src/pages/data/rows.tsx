// Two versions of a table, row by row: what was added, removed and changed, by a key.
import { useEffect, useState } from 'react';
import { ApiError, type Json, call, query } from '../../api';
import type { RowChange, RowDiff, TableColumn } from '../../data_types';
import { count, number } from '../../format';
import { Mark } from '../../parts/data/differences';
import { RepositoryPage } from '../../parts/data/frame';
import { baseName, objectPage, pageOf, refApi, refLabel } from '../../parts/data/paths';
import { cell } from '../../parts/data/table_view';
import { Bones, Failure, Figures, Panel, Segments } from '../../parts/basics';
import { Popover } from '../../parts/popover';
import { Table } from '../../parts/table';
import { Link, setParams, useParam } from '../../router';
import { useApi } from '../../store';

const PAGE = 200;
type Kind = '' | 'added' | 'removed' | 'changed';

export default function Rows({ args: [name = ''] }: { args: string[] }) {
  const [path] = useParam('path');
  const [left] = useParam('left');
  const [right] = useParam('right');
  return (
    <RepositoryPage name={name} section="compare" title={<span>Rows of {baseName(path)}</span>} crumbs={[['Compare', pageOf(name, 'compare', { left, right })]]}>
      {() => <Body repository={name} left={left} right={right} path={path} />}
    </RepositoryPage>
  );
}

/** The column that most likely tells rows apart. */
function usualKey(columns: TableColumn[]): string[] {
  const names = columns.map((column) => column.name);
  const found = names.find((name) => /^(id|key|uuid|uid|pk)$/i.test(name)) ?? names.find((name) => /(_id|Id|_key|_uuid)$/.test(name)) ?? names[0];
  return found === undefined ? [] : [found];
}

function Body({ repository, left, right, path }: { repository: string; left: string; right: string; path: string }) {
  const schema = useApi<{ columns: TableColumn[] }>(`${refApi(repository, right)}/table${query({ path })}`, { topics: [] });
  const [keyText] = useParam('key');
  if (!schema.data) return schema.error ? <Failure error={schema.error} /> : <Bones lines={8} height={22} />;
  const { columns } = schema.data;
  const key = keyText ? keyText.split(',').filter(Boolean) : usualKey(columns);
  return <Compared repository={repository} left={left} right={right} path={path} columns={columns} keys={key} />;
}

/** The answer for these keys and kinds, page after page. */
function useRowDiff(body: { left: string; right: string; key: string[]; kinds: string[] }) {
  const [answer, setAnswer] = useState<RowDiff | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(true);
  const text = JSON.stringify(body);
  useEffect(() => {
    const stop = new AbortController();
    setBusy(true);
    call<RowDiff>('/data/row-diff', { method: 'POST', body: { ...JSON.parse(text), limit: PAGE }, signal: stop.signal })
      .then((page) => {
        setAnswer(page);
        setError(null);
        setBusy(false);
      })
      .catch((problem: unknown) => {
        if (stop.signal.aborted) return;
        setAnswer(null);
        setError(problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem)));
        setBusy(false);
      });
    return () => stop.abort();
  }, [text]);
  const more = async () => {
    if (busy || !answer || answer.next === null) return;
    setBusy(true);
    try {
      const page = await call<RowDiff>('/data/row-diff', { method: 'POST', body: { ...JSON.parse(text), limit: PAGE, offset: answer.next } });
      setAnswer((old) => (old === answer ? { ...page, changes: [...old.changes, ...page.changes] } : old));
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
    setBusy(false);
  };
  return { answer, error, busy, more };
}

function Compared({ repository, left, right, path, columns, keys }: { repository: string; left: string; right: string; path: string; columns: TableColumn[]; keys: string[] }) {
  const [kind, setKind] = useParam('kind');
  const name = (reference: string) => `${repository}@${reference}:${path}`;
  const { answer, error, busy, more } = useRowDiff({ left: name(left), right: name(right), key: keys, kinds: kind ? [kind] : [] });
  const others = columns.filter((column) => !keys.includes(column.name)).map((column) => column.name);
  const gone = answer?.columns_removed ?? [];
  const shown = [...others, ...gone.filter((column) => !others.includes(column))];
  return (
    <div className="stack">
      <div className="row data-tools">
        <p>From <Link href={objectPage(repository, left, path)}>{refLabel(left)}</Link> to <Link href={objectPage(repository, right, path)}>{refLabel(right)}</Link>, rows told apart by</p>
        <Popover label="Key columns" button={<span className="ref-button"><span className="muted">Key</span> <b className="clip">{keys.join(', ') || 'choose'}</b> <span aria-hidden="true" className="muted">▾</span></span>}>
          {() => columns.map((column) => (
            <label key={column.name}>
              <input type="checkbox" checked={keys.includes(column.name)} onChange={(event) => setParams({ key: (event.target.checked ? [...keys, column.name] : keys.filter((one) => one !== column.name)).join(',') })} /> <span className="clip">{column.name}</span> <span className="muted">{column.type}</span>
            </label>
          ))}
        </Popover>
        <Segments label="Kind of change" value={kind as Kind} onChange={setKind} options={[['', 'All'], ['changed', 'Changed'], ['added', 'Added'], ['removed', 'Removed']] as const} />
      </div>
      {error && <Failure error={error} title="The tables cannot be compared" />}
      {!answer ? (!error && <Bones lines={8} height={22} />) : (
        <>
          <Figures items={[{ name: 'Changed', value: number(answer.changed) }, { name: 'Added', value: number(answer.added) }, { name: 'Removed', value: number(answer.removed) }, { name: 'The same', value: number(answer.unchanged) }]} />
          <Schema answer={answer} />
          <Panel title={kind ? `Rows ${kind}` : 'Rows that differ'} flush>
            <div aria-busy={busy}>
              <Table
                label="Rows that differ"
                rows={answer.changes}
                id={(row) => `${row.kind} ${JSON.stringify(row.key)}`}
                height={answer.changes.length > 15 ? '60vh' : undefined}
                onEnd={() => void more()}
                empty={kind ? `No row was ${kind}.` : 'Every row is the same.'}
                columns={[
                  { key: 'kind', label: '', width: '42px', render: (row) => <Mark kind={row.kind} /> },
                  ...keys.map((column) => ({ key: `key ${column}`, label: column, width: 'minmax(100px, 1fr)', title: (row: RowChange) => text(row.key[column]), render: (row: RowChange) => <b>{cell(row.key[column])}</b> })),
                  ...shown.map((column) => ({ key: column, label: column, width: 'minmax(120px, 1fr)', title: (row: RowChange) => (row.changed.includes(column) ? `${text(row.left?.[column])} → ${text(row.right?.[column])}` : text((row.right ?? row.left)?.[column])), render: (row: RowChange) => <Value row={row} column={column} /> })),
                ]}
              />
            </div>
          </Panel>
          {answer.next !== null && <p className="muted">{count(answer.changes.length, 'row')} read so far</p>}
        </>
      )}
    </div>
  );
}

const text = (value: Json | undefined) => (value === null || value === undefined ? 'null' : typeof value === 'object' ? JSON.stringify(value) : String(value));

function Value({ row, column }: { row: RowChange; column: string }) {
  if (row.kind !== 'changed') return <span className={row.kind === 'removed' ? 'gone' : undefined}>{cell((row.right ?? row.left)?.[column])}</span>;
  if (!row.changed.includes(column)) return <span className="muted">{cell((row.right ?? row.left)?.[column])}</span>;
  return <span className="became"><del>{cell(row.left?.[column])}</del> <ins>{cell(row.right?.[column])}</ins></span>;
}

function Schema({ answer }: { answer: RowDiff }) {
  const lines: [string, string][] = [
    ...answer.columns_added.map((name): [string, string] => [name, 'is a new column']),
    ...answer.columns_removed.map((name): [string, string] => [name, 'is no column any more']),
    ...answer.columns_retyped.map(({ name, left, right }): [string, string] => [name, `was ${left}, is ${right}`]),
  ];
  if (lines.length === 0) return null;
  return <div className="notice calm"><strong>The columns differ</strong>{lines.map(([name, what]) => <span key={name + what}><code>{name}</code> {what}</span>)}</div>;
}
