// The objects of a repository at a ref: folders, and one object when the path names it.
import { useCallback, useMemo, useState } from 'react';
import { query } from '../../api';
import type { Difference, Entry, Listed, Repository, Resolved } from '../../data_types';
import { bytes, count } from '../../format';
import { DeleteDialog } from '../../parts/data/delete';
import { AtRef, RepositoryPage } from '../../parts/data/frame';
import { ImportDialog } from '../../parts/data/import';
import { ObjectView } from '../../parts/data/object_view';
import { usePages } from '../../parts/data/pages';
import { STAGED, TOPICS, baseName, branchApi, isTable, objectPage, pageOf, parentOf, refApi } from '../../parts/data/paths';
import { Dropped, UploadDialog } from '../../parts/data/upload';
import { Ago, Bones, Code, Empty, Failure } from '../../parts/basics';
import { Icon } from '../../parts/icons';
import { Table } from '../../parts/table';
import { Link, useParam } from '../../router';
import { useApi } from '../../store';

const PAGE = 300;

export default function Objects({ args: [name = ''] }: { args: string[] }) {
  const [path] = useParam('path');
  const folder = path === '' || path.endsWith('/');
  return (
    <RepositoryPage name={name} section="">
      {(repository, reference) => (
        <AtRef repository={repository} reference={reference} tools={() => <PathLine repository={repository} reference={reference} path={path} />}>
          {(at) => folder
            ? <Folder key={`${reference} ${path}`} repository={repository} reference={reference} at={at} path={path} />
            : <ObjectView key={`${reference} ${path}`} repository={repository} reference={reference} branch={at.branch} path={path} />}
        </AtRef>
      )}
    </RepositoryPage>
  );
}

/** The folders above, each a link. */
function PathLine({ repository, reference, path }: { repository: Repository; reference: string; path: string }) {
  const parts = path.replace(/\/$/, '').split('/');
  return (
    <nav className="path-line" aria-label="Path">
      <Link href={objectPage(repository.name, reference, '')}>{repository.name}</Link>
      {path !== '' && parts.map((part, place) => {
        const last = place === parts.length - 1;
        const to = parts.slice(0, place + 1).join('/') + (last && !path.endsWith('/') ? '' : '/');
        return <span key={place}><span className="muted" aria-hidden="true">/</span> {last ? <b aria-current="page">{part || '(empty)'}</b> : <Link href={objectPage(repository.name, reference, to)}>{part || '(empty)'}</Link>}</span>;
      })}
    </nav>
  );
}

type Open = { what: 'upload'; files: File[] } | { what: 'delete'; paths: string[] } | { what: 'import' } | null;

function Folder({ repository, reference, at, path }: { repository: Repository; reference: string; at: Resolved; path: string }) {
  const branch = repository.read_only ? null : at.branch;
  const [start, setStart] = useParam('starts');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<Open>(null);
  const list = usePages<Entry>('objects', `${refApi(repository.name, reference)}/objects${query({ prefix: path + start, delimiter: '/', limit: PAGE })}`, { topics: TOPICS, every: at.branch ? STAGED : false });
  const select = useCallback((id: string, on: boolean, all: string[] = [id]) => {
    setSelected((old) => {
      const next = new Set(old);
      for (const one of all) if (on) next.add(one); else next.delete(one);
      return next;
    });
  }, []);
  const items = list.items;
  const table = items !== undefined && items.some((item) => item.kind === 'object' && isTable(item.path));
  const columns = useMemo(() => [
    {
      key: 'name',
      label: 'Name',
      width: 'minmax(220px, 3fr)',
      value: (entry: Entry) => baseName(entry.path),
      title: (entry: Entry) => entry.path,
      render: (entry: Entry) => <span className="entry" data-kind={entry.kind}><Icon name={entry.kind === 'prefix' ? 'folder' : isTable(entry.path) ? 'table' : 'file'} /><span className="clip">{entry.path.slice(path.length) || '(empty name)'}</span></span>,
    },
    { key: 'size', label: 'Size', align: 'num' as const, width: '110px', render: (entry: Entry) => (entry.kind === 'object' ? bytes(entry.size) : '') },
    { key: 'at', label: 'Modified', width: '120px', render: (entry: Entry) => (entry.kind === 'object' ? <Ago at={entry.modified_at} /> : '') },
    { key: 'type', label: 'Type', width: 'minmax(120px, 1fr)', title: (entry: Entry) => (entry.kind === 'object' ? (entry.address ?? entry.content_type ?? undefined) : undefined), render: (entry: Entry) => (entry.kind === 'object' ? <>{entry.stored === 'external' && <span className="tag">in place</span>} <span className="soft">{entry.content_type ?? ''}</span></> : <span className="muted">folder</span>) },
  ], [path]);
  return (
    <div className="stack">
      <div className="row">
        <input type="search" aria-label="Names that start with" placeholder="Names that start with" size={26} value={start} onChange={(event) => setStart(event.target.value)} />
        <span className="muted" role="status">{items ? `${count(items.length, 'entry', 'entries')}${list.unread ? ' read so far' : ''}` : ''}</span>
        <span className="row push">
          {selected.size > 0 && branch && <button type="button" className="danger" onClick={() => setOpen({ what: 'delete', paths: [...selected] })}>Delete {selected.size}…</button>}
          {table && path !== '' && <Link className="button" href={pageOf(repository.name, 'table', { ref: reference, path })}><Icon name="table" />As one table</Link>}
          {branch && <button type="button" onClick={() => setOpen({ what: 'import' })}>Import in place…</button>}
          {branch && <button type="button" className="primary" onClick={() => setOpen({ what: 'upload', files: [] })}><Icon name="upload" />Upload…</button>}
        </span>
      </div>
      {at.branch && <Staged repository={repository} branch={at.branch} />}
      {list.error && <Failure error={list.error} stale={items !== undefined} />}
      {items === undefined ? (
        list.error ? null : <Bones lines={8} height={22} />
      ) : items.length === 0 && path === '' && start === '' ? (
        <Nothing repository={repository} reference={reference} branch={branch} />
      ) : (
        <Dropped active={branch !== null} onFiles={(files) => setOpen({ what: 'upload', files })}>
          <Table
            label="Objects"
            rows={items}
            columns={columns}
            id={(entry) => entry.path}
            href={(entry) => objectPage(repository.name, reference, entry.path)}
            selected={branch ? selected : undefined}
            onSelect={branch ? select : undefined}
            height={items.length > 20 ? 'calc(100vh - 250px)' : undefined}
            onEnd={list.more}
            empty={start ? 'No name starts with that.' : <span>Nothing is in this folder. <Link href={objectPage(repository.name, reference, parentOf(path))}>Go up</Link></span>}
            keys
          />
        </Dropped>
      )}
      {open?.what === 'upload' && branch && <UploadDialog repository={repository.name} branch={branch} folder={path} files={open.files} onClose={() => setOpen(null)} />}
      {open?.what === 'import' && branch && <ImportDialog repository={repository.name} branch={branch} folder={path} onClose={() => setOpen(null)} />}
      {open?.what === 'delete' && branch && <DeleteDialog repository={repository.name} branch={branch} paths={open.paths} onClose={() => setOpen(null)} onDone={() => setSelected(new Set())} />}
    </div>
  );
}

const MOST = 100;

/** Says that a branch holds more than its commit. */
function Staged({ repository, branch }: { repository: Repository; branch: string }) {
  const changes = useApi<Listed<'differences', Difference>>(`${branchApi(repository.name, branch)}/uncommitted?limit=${MOST}`, { topics: TOPICS, every: STAGED }).data;
  if (!changes || changes.differences.length === 0) return null;
  return (
    <p className="notice calm" role="status">
      <span><b>{changes.next ? `More than ${MOST} changes` : count(changes.differences.length, 'change')}</b> of {branch} {changes.differences.length === 1 && !changes.next ? 'is' : 'are'} not committed. <Link href={pageOf(repository.name, 'changes', { ref: branch })}>Look at them and commit</Link></span>
    </p>
  );
}

function Nothing({ repository, reference, branch }: { repository: Repository; reference: string; branch: string | null }) {
  if (!branch) return <Empty title={`Nothing is stored at ${reference}`} />;
  return (
    <Empty title="Nothing is stored here yet">
      <p>Drop files into “Upload…”, or use the command line, or any S3 or lakeFS client:</p>
      <Code label="Shell" text={`export MLWRIGHT_URL=${location.origin}\nmlwright data upload ./images ${repository.name}@${branch}:images/`} />
      <Code label="AWS CLI" text={`aws --endpoint-url ${location.origin} s3 cp --recursive ./images s3://${repository.name}/${branch}/images/`} />
    </Empty>
  );
}
