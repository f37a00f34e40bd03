// The repositories of versioned data.
import { useEffect, useState } from 'react';
import { call, query } from '../../api';
import type { Repository } from '../../data_types';
import { Field, FormDialog } from '../../parts/data/act';
import { usePages } from '../../parts/data/pages';
import { objectPage, pageOf } from '../../parts/data/paths';
import { Ago, Bones, Code, Empty, Failure, Page } from '../../parts/basics';
import { Table } from '../../parts/table';
import { navigate, useParam } from '../../router';
import '../../styles/data.css';

export default function Repositories() {
  const [start, setStart] = useParam('starts');
  const [id] = useParam('id');
  const [making, setMaking] = useState(false);
  const list = usePages<Repository>('repositories', `/data/repositories${query({ prefix: start, limit: 200 })}`, { topics: ['repository'] });
  // Events name a repository by its id.
  const asked = id ? list.items?.find((repository) => repository.id === id) : undefined;
  useEffect(() => {
    if (asked) navigate(pageOf(asked.name), { replace: true });
  }, [asked]);
  return (
    <Page title="Repositories" lead="Data with branches, commits and merges, read and written by any S3 or lakeFS client." actions={<button type="button" className="primary" onClick={() => setMaking(true)}>New repository…</button>}>
      {list.error && <Failure error={list.error} stale={list.items !== undefined} />}
      {!list.items ? (!list.error && <Bones lines={6} height={22} />) : list.items.length === 0 && start === '' ? (
        <Empty title="No repository yet">
          <p>A repository holds objects under branches: what is uploaded is staged, a commit keeps it for good, a merge publishes it. Make one here, or with the command line:</p>
          <Code label="Shell" text={`export MLWRIGHT_URL=${location.origin}\nmlwright data repo create images\nmlwright data upload ./images images@main:raw/\nmlwright data commit images@main -m "First images"`} />
          <p>S3 clients see it as a bucket, with the branch as the first folder:</p>
          <Code label="AWS CLI" text={`aws --endpoint-url ${location.origin} s3 ls s3://images/main/raw/`} />
        </Empty>
      ) : (
        <div className="stack">
          <div className="row"><input type="search" aria-label="Repositories that start with" placeholder="Repositories that start with" size={26} value={start} onChange={(event) => setStart(event.target.value)} /></div>
          <Table
            label="Repositories"
            rows={list.items}
            id={(repository) => repository.name}
            href={(repository) => objectPage(repository.name, '', '')}
            height={list.items.length > 20 ? 'calc(100vh - 200px)' : undefined}
            onEnd={list.more}
            empty="No repository starts with that."
            keys
            columns={[
              { key: 'name', label: 'Repository', width: 'minmax(180px, 1.5fr)', render: (repository) => repository.name },
              { key: 'branch', label: 'Default branch', width: 'minmax(120px, 1fr)', render: (repository) => repository.default_branch },
              { key: 'storage', label: 'Storage', width: 'minmax(160px, 1.4fr)', title: (repository) => repository.storage_namespace, render: (repository) => <span className="soft">{repository.storage_namespace}</span> },
              { key: 'notes', label: 'Metadata', width: 'minmax(120px, 1.2fr)', render: (repository) => <span className="tags">{Object.entries(repository.metadata).slice(0, 3).map(([key, value]) => <span key={key} className="tag">{key} {value}</span>)}</span> },
              { key: 'mode', label: 'Writing', width: '100px', render: (repository) => (repository.read_only ? <span className="tag">read only</span> : <span className="muted">allowed</span>) },
              { key: 'at', label: 'Made', width: '110px', render: (repository) => <Ago at={repository.created_at} /> },
            ]}
          />
        </div>
      )}
      {making && <NewRepository onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewRepository({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [branch, setBranch] = useState('main');
  const [storage, setStorage] = useState('');
  const body = { name: name.trim(), default_branch: branch.trim() || 'main', ...(storage.trim() ? { storage_namespace: storage.trim() } : {}) };
  return (
    <FormDialog title="New repository" submit="Make the repository" ready={name.trim() !== ''} failed="The repository was not made" act={() => call('/data/repositories', { method: 'POST', body })} onClose={onClose} onDone={() => navigate(pageOf(body.name))}>
      <Field label="Name" note="3 to 63 lower-case letters, digits and hyphens; S3 clients use it as the bucket's name."><input type="text" value={name} autoFocus required spellCheck={false} onChange={(event) => setName(event.target.value)} /></Field>
      <Field label="Default branch"><input type="text" value={branch} spellCheck={false} onChange={(event) => setBranch(event.target.value)} /></Field>
      <Field label="Storage namespace" note="What clients are told of where the objects are; each repository has its own."><input type="text" value={storage} placeholder={`local://${name.trim() || 'name'}`} spellCheck={false} onChange={(event) => setStorage(event.target.value)} /></Field>
    </FormDialog>
  );
}
