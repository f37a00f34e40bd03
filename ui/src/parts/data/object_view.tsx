// One object at a ref: what it is, what is in it, and which commits changed it.
import { useEffect, useState } from 'react';
import { ApiError, headers, query } from '../../api';
import type { Commit, Repository, StoredObject } from '../../data_types';
import { bytes, moment } from '../../format';
import { Link, navigate, useParam } from '../../router';
import { useApi } from '../../store';
import { Ago, Await, Bones, Facts, Failure, Id, Panel, Segments } from '../basics';
import { Download } from '../artifacts';
import { PICTURE, Picture, Text } from '../preview';
import { Table } from '../table';
import { DeleteDialog } from './delete';
import { usePages } from './pages';
import { STAGED, TOPICS, baseName, commitPage, digits, fileApi, isTable, objectPage, parentOf, refApi, subject } from './paths';
import { TableView } from './table_view';
import '../../styles/artifacts.css';

const PICTURES = /\.(png|jpe?g|gif|webp|svg|ico|bmp)$/i;
/** Bytes of a text that are read. */
const HEAD = 256 << 10;

type View = 'content' | 'history';

export function ObjectView({ repository, reference, branch, path }: { repository: Repository; reference: string; branch: string | null; path: string }) {
  const [view, setView] = useParam('view', 'content');
  const [deleting, setDeleting] = useState(false);
  const found = useApi<StoredObject>(`${refApi(repository.name, reference)}/stat${query({ path })}`, { topics: TOPICS, every: branch ? STAGED : false });
  const file = fileApi(repository.name, reference, path);
  return (
    <Await of={found} lines={5}>
      {(object) => (
        <div className="stack">
          <div className="row">
            <Segments label="View" value={view as View} onChange={setView} options={[['content', 'Content'], ['history', 'History']] as const} />
            <span className="row push">
              {branch && !repository.read_only && <button type="button" className="danger" onClick={() => setDeleting(true)}>Delete…</button>}
              <Download address={file} name={baseName(path)} />
            </span>
          </div>
          <div className="columns">
            {view === 'history' ? <History repository={repository} reference={reference} path={path} /> : (
              <Panel title={<span className="clip">{baseName(path)}</span>} flush={isTable(path)}>
                {isTable(path) ? <TableView repository={repository.name} reference={reference} path={path} stamp={object.etag} /> : <Content key={object.etag} object={object} file={file} />}
              </Panel>
            )}
            <About object={object} repository={repository.name} reference={reference} />
          </div>
          {deleting && branch && <DeleteDialog repository={repository.name} branch={branch} paths={[path]} onClose={() => setDeleting(false)} onDone={() => navigate(objectPage(repository.name, reference, parentOf(path)))} />}
        </div>
      )}
    </Await>
  );
}

const STORED = { blob: 'as one file', slice: 'in a pack of small objects', parts: 'in the parts of its upload', external: 'where it was imported from' } as const;

function About({ object, repository, reference }: { object: StoredObject; repository: string; reference: string }) {
  return (
    <Panel title="Object">
      <Facts
        items={[
          ['Size', <span key="s" title={`${object.size.toLocaleString('en')} bytes`}>{bytes(object.size)}</span>],
          ['Modified', moment(object.modified_at)],
          ['Type', object.content_type],
          ['ETag', <Id key="e" value={object.etag} />],
          ...Object.entries(object.checksums).map(([name, value]): [string, React.ReactNode] => [name.toUpperCase(), <span key={name} className="mono">{value}</span>]),
          ['Stored', STORED[object.stored]],
          ['Address', object.address && <span key="a" className="mono">{object.address}</span>],
          ['lakeFS', <span key="l" className="mono">lakefs://{repository}/{reference}/{object.path}</span>],
          ['S3', <span key="3" className="mono">s3://{repository}/{reference}/{object.path}</span>],
          ...Object.entries(object.metadata).map(([key, value]): [string, React.ReactNode] => [key, value]),
        ]}
      />
    </Panel>
  );
}

function Content({ object, file }: { object: StoredObject; file: string }) {
  const picture = PICTURES.test(object.path);
  const name = baseName(object.path);
  if (object.size === 0) return <p className="muted">The object is empty.</p>;
  if (picture && object.size <= PICTURE) return <div className="preview"><Picture name={name} file={file} /></div>;
  if (picture) return <p className="muted">A picture of {bytes(object.size)}. Download it to look at it.</p>;
  return <Head name={name} size={object.size} file={file} />;
}

/** The beginning of a file, if it is text. */
function Head({ name, size, file }: { name: string; size: number; file: string }) {
  const [text, setText] = useState<string | null | undefined>(undefined);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      const response = await fetch(`/api/v1${file}`, { headers: { ...headers(), range: `bytes=0-${HEAD - 1}` }, signal: stop.signal });
      if (!response.ok) throw new ApiError(response.status, 'http', `${response.status} ${response.statusText}`);
      const content = await response.arrayBuffer();
      try {
        // As a stream, so that a character that the end cuts is no error.
        const decoded = new TextDecoder('utf-8', { fatal: true }).decode(content, { stream: true });
        setText(decoded.includes('\0') ? null : decoded);
      } catch {
        setText(null);
      }
    };
    read().catch((problem: unknown) => {
      if (!stop.signal.aborted) setError(problem instanceof ApiError ? problem : new ApiError(0, 'preview', String(problem)));
    });
    return () => stop.abort();
  }, [file]);
  if (error) return <Failure error={error} />;
  if (text === undefined) return <Bones lines={6} />;
  if (text === null) return <p className="muted">A binary file of {bytes(size)}. Download it to look inside.</p>;
  return <div className="preview"><Text name={name} text={text} truncated={size > HEAD} size={size} /></div>;
}

function History({ repository, reference, path }: { repository: Repository; reference: string; path: string }) {
  const log = usePages<Commit>('commits', `${refApi(repository.name, reference)}/log${query({ path, limit: 50 })}`, { topics: TOPICS });
  if (!log.items) return log.error ? <Failure error={log.error} /> : <Bones lines={5} />;
  return (
    <Panel title="Commits that changed it" flush>
      <Table
        label="Commits that changed it"
        rows={log.items}
        id={(commit) => commit.id}
        height={log.items.length > 12 ? '60vh' : undefined}
        onEnd={log.more}
        empty="No commit changed it: it is not committed yet, or came with a merge."
        columns={[
          { key: 'message', label: 'Message', width: 'minmax(180px, 2fr)', title: (commit) => commit.message, render: (commit) => <Link href={commitPage(repository.name, commit.id)}>{subject(commit.message)}</Link> },
          { key: 'by', label: 'By', width: '120px', render: (commit) => commit.committer },
          { key: 'at', label: 'When', width: '100px', render: (commit) => <Ago at={commit.created_at} /> },
          { key: 'look', label: 'As it was', width: '130px', render: (commit) => <Link className="mono" href={objectPage(repository.name, commit.id, path)}>{digits(commit.id)}</Link> },
        ]}
      />
    </Panel>
  );
}
