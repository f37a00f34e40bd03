// The tags of a repository.
import { useState } from 'react';
import { call, query } from '../../api';
import type { Repository, Tag } from '../../data_types';
import { FormDialog } from '../../parts/data/act';
import { RepositoryPage } from '../../parts/data/frame';
import { Head, HeadTime } from '../../parts/data/head';
import { NewRefDialog } from '../../parts/data/new_ref';
import { usePages } from '../../parts/data/pages';
import { TOPICS, commitPage, digits, objectPage, pageOf, repoApi } from '../../parts/data/paths';
import { Bones, Empty, Failure } from '../../parts/basics';
import { Table } from '../../parts/table';
import { Link, enc, useParam } from '../../router';

export default function Tags({ args: [name = ''] }: { args: string[] }) {
  const [making, setMaking] = useState(false);
  return (
    <RepositoryPage name={name} section="tags" actions={(repository) => !repository.read_only && <button type="button" className="primary" onClick={() => setMaking(true)}>New tag…</button>}>
      {(repository) => (
        <>
          <List repository={repository} />
          {making && <NewRefDialog repository={repository} kind="tag" onClose={() => setMaking(false)} />}
        </>
      )}
    </RepositoryPage>
  );
}

function List({ repository }: { repository: Repository }) {
  const [start, setStart] = useParam('starts');
  const [deleting, setDeleting] = useState<string | null>(null);
  const name = repository.name;
  const list = usePages<Tag>('tags', `${repoApi(name)}/tags${query({ prefix: start, limit: 200 })}`, { topics: TOPICS });
  if (list.items?.length === 0 && start === '') return <Empty title="No tag yet"><p>A tag gives a commit a name that never moves: the data a model was trained with, a release, a state that an auditor saw.</p></Empty>;
  return (
    <div className="stack">
      <div className="row"><input type="search" aria-label="Tags that start with" placeholder="Tags that start with" size={26} value={start} onChange={(event) => setStart(event.target.value)} /></div>
      {list.error && <Failure error={list.error} stale={list.items !== undefined} />}
      {!list.items ? (!list.error && <Bones lines={6} height={22} />) : (
        <Table
          label="Tags"
          rows={list.items}
          id={(tag) => tag.name}
          href={(tag) => objectPage(name, tag.name, '')}
          height={list.items.length > 15 ? 'calc(100vh - 230px)' : undefined}
          onEnd={list.more}
          empty="No tag starts with that."
          keys
          columns={[
            { key: 'name', label: 'Tag', width: 'minmax(160px, 1.4fr)', title: (tag) => tag.name, render: (tag) => tag.name },
            { key: 'head', label: 'Commit', width: 'minmax(180px, 2fr)', render: (tag) => <Head repository={name} commit={tag.commit} /> },
            { key: 'at', label: 'When', width: '104px', render: (tag) => <HeadTime repository={name} commit={tag.commit} /> },
            { key: 'commit', label: 'Id', width: '126px', render: (tag) => <Link className="mono" href={commitPage(name, tag.commit)}>{digits(tag.commit)}</Link> },
            { key: 'compare', label: 'Compare', width: '120px', render: (tag) => <Link href={pageOf(name, 'compare', { left: tag.name, right: repository.default_branch, since: 'now' })}>with {repository.default_branch}</Link> },
            { key: 'act', label: '', width: '80px', render: (tag) => !repository.read_only && <button type="button" className="bare" aria-label={`delete the tag ${tag.name}`} onClick={() => setDeleting(tag.name)}>Delete</button> },
          ]}
        />
      )}
      {deleting && (
        <FormDialog title={`Delete ${deleting}`} submit="Delete the tag" danger failed="The tag was not deleted" onClose={() => setDeleting(null)} act={() => call(`${repoApi(name)}/tags/${enc(deleting)}`, { method: 'DELETE' })}>
          <p>The commit stays as long as a branch or another tag leads to it.</p>
        </FormDialog>
      )}
    </div>
  );
}
