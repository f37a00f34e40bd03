// What a file looks like: text, JSON, CSV and Parquet as tables, Markdown, pictures.
import { useEffect, useMemo, useState } from 'react';
import { ApiError, headers } from '../api';
import { bytes, count, number } from '../format';
import { useApi } from '../store';
import { Bones, Failure, Segments } from './basics';
import { Markdown } from './markdown';

type Answer =
  | { kind: 'text'; text: string; truncated: boolean; size: number }
  | { kind: 'table'; columns: { name: string; type: string }[]; rows: (string | null)[][]; total: number; size: number }
  | { kind: 'image'; size: number }
  | { kind: 'binary'; size: number; reason?: string };

/** Bytes of a picture that is loaded without being asked. */
export const PICTURE = 16 << 20;
const ROWS = 200;

/** `preview` and `file` are addresses below /api/v1. */
export function Preview({ name, preview, file }: { name: string; preview: string; file: string }) {
  const answer = useApi<Answer>(preview, { topics: [] });
  if (!answer.data) return answer.error ? <Failure error={answer.error} /> : <Bones lines={6} />;
  const shown = answer.data;
  return (
    <div className="preview">
      {shown.kind === 'text' ? (
        <Text name={name} text={shown.text} truncated={shown.truncated} size={shown.size} />
      ) : shown.kind === 'table' ? (
        <Grid columns={shown.columns} rows={shown.rows} note={`${shown.rows.length < shown.total ? `the first ${shown.rows.length} of ` : ''}${count(shown.total, 'row')}, ${count(shown.columns.length, 'column')}`} />
      ) : shown.kind === 'image' && shown.size <= PICTURE ? (
        <Picture name={name} file={file} />
      ) : (
        <p className="muted">{shown.kind === 'image' ? 'A picture' : 'A binary file'} of {bytes(shown.size)}{shown.kind === 'binary' && shown.reason ? `: ${shown.reason}` : ''}. Download it to look inside.</p>
      )}
    </div>
  );
}

export function Picture({ name, file }: { name: string; file: string }) {
  const [source, setSource] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = async () => {
      const response = await fetch(`/api/v1${file}`, { headers: headers(), signal: stop.signal });
      if (!response.ok) throw new ApiError(response.status, 'http', `${response.status} ${response.statusText}`);
      const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
      const type = extension === 'svg' ? 'image/svg+xml' : extension === 'jpg' ? 'image/jpeg' : extension === 'ico' ? 'image/x-icon' : `image/${extension}`;
      const reader = new FileReader();
      // As data, because the server sends files as downloads and the page's policy allows nothing else.
      reader.onload = () => setSource(String(reader.result));
      reader.readAsDataURL(new Blob([await response.arrayBuffer()], { type }));
    };
    load().catch((problem: unknown) => {
      if (!stop.signal.aborted) setError(problem instanceof ApiError ? problem : new ApiError(0, 'picture', String(problem)));
    });
    return () => stop.abort();
  }, [file, name]);
  if (error) return <Failure error={error} />;
  return source ? <img src={source} alt={name} /> : <Bones lines={5} height={30} />;
}

type View = 'read' | 'source';

export function Text({ name, text, truncated, size }: { name: string; text: string; truncated: boolean; size: number }) {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const [view, setView] = useState<View>('read');
  const json = useMemo(() => {
    if (extension !== 'json' || truncated) return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return undefined;
    }
  }, [text, extension, truncated]);
  const split = extension === 'tsv' ? '\t' : extension === 'csv' ? ',' : null;
  const grid = useMemo(() => (split ? separated(text, split, truncated) : null), [text, split, truncated]);
  const written = ['md', 'markdown'].includes(extension);
  const read = written ? <Markdown text={text} /> : json !== undefined ? <pre className="code" tabIndex={0} aria-label={name}><Tree value={json} depth={0} /></pre> : grid && grid.length > 0 ? (
    <Grid columns={(grid[0] ?? []).map((column) => ({ name: column, type: '' }))} rows={grid.slice(1, ROWS + 1)} note={grid.length - 1 > ROWS || truncated ? `the first ${number(Math.min(ROWS, grid.length - 1))} rows` : count(grid.length - 1, 'row')} />
  ) : null;
  return (
    <>
      {read && (
        <Segments label="View" value={view} onChange={setView} options={[['read', written ? 'Document' : json !== undefined ? 'Tree' : 'Table'], ['source', 'Source']] as const} />
      )}
      {read && view === 'read' ? read : <pre className="code" tabIndex={0} aria-label={name}>{text || '(empty)'}</pre>}
      {truncated && <p className="muted">The first 256 KiB of {bytes(size)}.</p>}
    </>
  );
}

/** RFC 4180. The last line of a text that was cut is left out. */
function separated(text: string, split: string, cut: boolean): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length && rows.length <= ROWS + 1; at += 1) {
    const here = text[at] ?? '';
    if (quoted) {
      if (here !== '"') cell += here;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (here === '"' && cell === '') quoted = true;
    else if (here === split) {
      row.push(cell);
      cell = '';
    } else if (here === '\n') {
      row.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell);
      rows.push(row);
      row = [];
      cell = '';
    } else cell += here;
  }
  if (!cut && (cell !== '' || row.length > 0) && rows.length <= ROWS + 1) rows.push([...row, cell]);
  return rows;
}

function Grid({ columns, rows, note }: { columns: { name: string; type: string }[]; rows: (string | null)[][]; note: string }) {
  const numeric = columns.map((_, place) => rows.length > 0 && rows.every((row) => row[place] === null || row[place] === '' || !Number.isNaN(Number(row[place]))));
  return (
    <>
      <div className="grid-view" tabIndex={0} role="region" aria-label={note}>
        <table>
          <thead>
            <tr>{columns.map((column, place) => <th key={place} scope="col" className={numeric[place] ? 'num' : undefined}>{column.name}{column.type && <small>{column.type}</small>}</th>)}</tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>{columns.map((_, place) => <td key={place} className={numeric[place] ? 'num' : undefined} title={row[place] ?? undefined}>{row[place] === null || row[place] === undefined ? <span className="muted">null</span> : row[place]}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">{note}</p>
    </>
  );
}

export const JsonTree = ({ value }: { value: unknown }) => <Tree value={value} depth={0} />;

/** JSON with its parts folded; what is short stands on one line. */
function Tree({ value, name, depth }: { value: unknown; name?: string; depth: number }) {
  const label = name === undefined ? null : <span className="json-key">{name}: </span>;
  if (value === null || typeof value !== 'object') {
    return <span className="json-line">{label}<span data-type={typeof value}>{typeof value === 'string' ? JSON.stringify(value) : String(value)}</span></span>;
  }
  const entries: [string, unknown][] = Array.isArray(value) ? value.map((item, index) => [String(index), item]) : Object.entries(value);
  const brackets = Array.isArray(value) ? '[]' : '{}';
  const short = JSON.stringify(value);
  if (entries.length === 0 || (short.length < 60 && entries.every(([, item]) => item === null || typeof item !== 'object'))) return <span className="json-line">{label}{short}</span>;
  return (
    <details open={depth < 2} className="json-part">
      <summary>{label}<span className="muted">{brackets[0]} {count(entries.length, 'entry', 'entries')} {brackets[1]}</span></summary>
      {entries.slice(0, 500).map(([key, item]) => <Tree key={key} name={key} value={item} depth={depth + 1} />)}
      {entries.length > 500 && <span className="json-line muted">and {entries.length - 500} more</span>}
    </details>
  );
}
