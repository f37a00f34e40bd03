// The commits that lead to a ref, newest first, with the lines of their history.
import { useMemo, useState } from 'react';
import { query } from '../../api';
import type { Branch, Commit, Listed, Repository, Resolved, Tag } from '../../data_types';
import { count } from '../../format';
import { GraphCell, graphOf, graphWidth } from '../../parts/data/commit_graph';
import { AtRef, RepositoryPage } from '../../parts/data/frame';
import { usePages } from '../../parts/data/pages';
import { TOPICS, commitPage, digits, objectPage, refApi, repoApi, subject } from '../../parts/data/paths';
import { Ago, Bones, Failure } from '../../parts/basics';
import { Icon } from '../../parts/icons';
import { Table } from '../../parts/table';
import { Link, useParam } from '../../router';
import { useApi } from '../../store';

export default function Commits({ args: [name = ''] }: { args: string[] }) {
  const [first, setFirst] = useParam('first');
  const [path, setPath] = useParam('changed');
  return (
    <RepositoryPage name={name} section="commits">
      {(repository, reference) => (
        <AtRef
          repository={repository}
          reference={reference}
          tools={() => (
            <>
              <Changed key={path} value={path} onChange={setPath} />
              <label className="row"><input type="checkbox" checked={first === '1'} onChange={(event) => setFirst(event.target.checked ? '1' : null)} /> First parents only</label>
            </>
          )}
        >
          {(at) => <Log repository={repository} reference={reference} at={at} first={first === '1'} path={path} />}
        </AtRef>
      )}
    </RepositoryPage>
  );
}

function Changed({ value, onChange }: { value: string; onChange: (value: string | null) => void }) {
  const [text, setText] = useState(value);
  return (
    <form role="search" onSubmit={(event) => { event.preventDefault(); onChange(text.trim()); }}>
      <input type="search" aria-label="Commits that changed a path" placeholder="Changed: images/ or a file" value={text} size={26} onChange={(event) => { setText(event.target.value); if (event.target.value === '') onChange(null); }} />
    </form>
  );
}

/** Branches and tags by the commit that they point to. */
function useLabels(repository: string): Map<string, { kind: 'branch' | 'tag'; name: string }[]> {
  const branches = useApi<Listed<'branches', Branch>>(`${repoApi(repository)}/branches?limit=200`, { topics: TOPICS }).data?.branches;
  const tags = useApi<Listed<'tags', Tag>>(`${repoApi(repository)}/tags?limit=200`, { topics: TOPICS }).data?.tags;
  return useMemo(() => {
    const found = new Map<string, { kind: 'branch' | 'tag'; name: string }[]>();
    for (const [kind, list] of [['branch', branches], ['tag', tags]] as const) for (const ref of list ?? []) found.set(ref.commit, [...(found.get(ref.commit) ?? []), { kind, name: ref.name }]);
    return found;
  }, [branches, tags]);
}

function Log({ repository, reference, at, first, path }: { repository: Repository; reference: string; at: Resolved; first: boolean; path: string }) {
  const log = usePages<Commit>('commits', `${refApi(repository.name, reference)}/log${query({ path, first_parent: first ? 'true' : '', limit: 200 })}`, { topics: TOPICS });
  const labels = useLabels(repository.name);
  // Lines only join commits that follow each other: with a path or first parents alone, most are left out.
  const lines = useMemo(() => (log.items && path === '' ? graphOf(first ? log.items.map((commit) => ({ ...commit, parents: commit.parents.slice(0, 1) })) : log.items) : null), [log.items, path, first]);
  const rows = useMemo(() => (log.items ?? []).map((commit, place) => ({ commit, line: lines?.[place] })), [log.items, lines]);
  const width = lines ? graphWidth(lines) : 0;
  if (!log.items) return log.error ? <Failure error={log.error} /> : <Bones lines={10} height={22} />;
  return (
    <div className="stack">
      {log.error && <Failure error={log.error} stale />}
      <Table
        label="Commits"
        rows={rows}
        id={(row) => row.commit.id}
        href={(row) => commitPage(repository.name, row.commit.id)}
        height={rows.length > 20 ? 'calc(100vh - 220px)' : undefined}
        onEnd={log.more}
        stamp={(row) => `${row.commit.id} ${row.line?.width} ${labels.get(row.commit.id)?.map((label) => label.name).join()} ${width}`}
        empty={path ? 'No commit changed that path. Merges are not counted.' : 'No commit yet.'}
        keys
        columns={[
          ...(lines ? [{ key: 'graph', label: '', width: `${width + 12}px`, render: (row: (typeof rows)[number]) => row.line && <GraphCell row={row.line} merge={row.commit.parents.length > 1} width={width} /> }] : []),
          {
            key: 'message',
            label: 'Message',
            width: 'minmax(240px, 3fr)',
            title: (row) => row.commit.message,
            render: (row) => (
              <span className="commit-line">
                <Link className="clip" href={commitPage(repository.name, row.commit.id)}>{subject(row.commit.message)}</Link>
                {labels.get(row.commit.id)?.slice(0, 4).map((label) => <Link key={label.kind + label.name} className={label.kind === 'tag' ? 'tag' : 'tag alias'} href={objectPage(repository.name, label.name, '')}><Icon name={label.kind} />{label.name}</Link>)}
              </span>
            ),
          },
          { key: 'by', label: 'By', width: 'minmax(90px, 140px)', title: (row) => row.commit.committer, render: (row) => row.commit.committer },
          { key: 'at', label: 'When', width: '110px', render: (row) => <Ago at={row.commit.created_at} /> },
          { key: 'id', label: 'Commit', width: '126px', render: (row) => <span className="mono">{digits(row.commit.id)}</span> },
        ]}
      />
      <p className="muted" role="status">{count(rows.length, 'commit')}{log.unread ? ' read so far' : ''}{at.branch ? ` on ${at.branch}` : ''}</p>
    </div>
  );
}
