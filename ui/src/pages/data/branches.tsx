// The branches of a repository: where each points, how it is guarded, what differs from the default one.
import { useState } from 'react';
import { call, query } from '../../api';
import type { Branch, Protection, Repository } from '../../data_types';
import { FormDialog } from '../../parts/data/act';
import { RepositoryPage } from '../../parts/data/frame';
import { Head, HeadTime } from '../../parts/data/head';
import { NewRefDialog } from '../../parts/data/new_ref';
import { usePages } from '../../parts/data/pages';
import { TOPICS, branchApi, commitPage, digits, objectPage, pageOf, repoApi } from '../../parts/data/paths';
import { ProtectionDialog, guards } from '../../parts/data/protection';
import { Bones, Failure } from '../../parts/basics';
import { Table } from '../../parts/table';
import { Link, useParam } from '../../router';
import { useApi } from '../../store';

type Open = { what: 'new'; source?: string } | { what: 'delete'; branch: string } | { what: 'protect'; branch: string } | null;

export default function Branches({ args: [name = ''] }: { args: string[] }) {
  const [open, setOpen] = useState<Open>(null);
  return (
    <RepositoryPage name={name} section="branches" actions={(repository) => !repository.read_only && <button type="button" className="primary" onClick={() => setOpen({ what: 'new' })}>New branch…</button>}>
      {(repository) => <List repository={repository} open={open} setOpen={setOpen} />}
    </RepositoryPage>
  );
}

function List({ repository, open, setOpen }: { repository: Repository; open: Open; setOpen: (open: Open) => void }) {
  const [start, setStart] = useParam('starts');
  const [hidden, setHidden] = useParam('hidden');
  const name = repository.name;
  const list = usePages<Branch>('branches', `${repoApi(name)}/branches${query({ prefix: start, hidden: hidden ? 'true' : '', limit: 200 })}`, { topics: TOPICS });
  const rules = useApi<{ protections: Protection[] }>(`${repoApi(name)}/protections`, { topics: ['repository'] }).data?.protections ?? [];
  const close = () => setOpen(null);
  return (
    <div className="stack">
      <div className="row">
        <input type="search" aria-label="Branches that start with" placeholder="Branches that start with" size={26} value={start} onChange={(event) => setStart(event.target.value)} />
        <label className="row"><input type="checkbox" checked={hidden === '1'} onChange={(event) => setHidden(event.target.checked ? '1' : null)} /> Hidden ones too</label>
      </div>
      {list.error && <Failure error={list.error} stale={list.items !== undefined} />}
      {!list.items ? (!list.error && <Bones lines={6} height={22} />) : (
        <Table
          label="Branches"
          rows={list.items}
          id={(branch) => branch.name}
          href={(branch) => objectPage(name, branch.name, '')}
          height={list.items.length > 15 ? 'calc(100vh - 230px)' : undefined}
          onEnd={list.more}
          stamp={(branch) => `${branch.name} ${branch.commit} ${JSON.stringify(guards(rules, branch.name))}`}
          empty={start ? 'No branch starts with that.' : 'There is no branch.'}
          keys
          columns={[
            { key: 'name', label: 'Branch', width: 'minmax(160px, 1.4fr)', title: (branch) => branch.name, render: (branch) => <>{branch.name}{branch.name === repository.default_branch && <span className="tag">default</span>}{branch.hidden && <span className="tag">hidden</span>}</> },
            { key: 'head', label: 'Last commit', width: 'minmax(180px, 2fr)', render: (branch) => <Head repository={name} commit={branch.commit} /> },
            { key: 'at', label: 'When', width: '104px', render: (branch) => <HeadTime repository={name} commit={branch.commit} /> },
            { key: 'commit', label: 'Commit', width: '126px', render: (branch) => <Link className="mono" href={commitPage(name, branch.commit)}>{digits(branch.commit)}</Link> },
            { key: 'guard', label: 'Guarded', width: 'minmax(120px, 150px)', render: (branch) => <Guard rules={rules} branch={branch.name} onAct={() => setOpen({ what: 'protect', branch: branch.name })} /> },
            { key: 'compare', label: 'Compare', width: '104px', render: (branch) => branch.name !== repository.default_branch && <Link href={pageOf(name, 'compare', { left: repository.default_branch, right: branch.name })}>with {repository.default_branch}</Link> },
            {
              key: 'act',
              label: '',
              width: '136px',
              render: (branch) => !repository.read_only && (
                <span className="tools">
                  <button type="button" className="bare" aria-label={`new branch from ${branch.name}`} onClick={() => setOpen({ what: 'new', source: branch.name })}>Branch</button>
                  {branch.name !== repository.default_branch && <button type="button" className="bare" aria-label={`delete the branch ${branch.name}`} onClick={() => setOpen({ what: 'delete', branch: branch.name })}>Delete</button>}
                </span>
              ),
            },
          ]}
        />
      )}
      {open?.what === 'new' && <NewRefDialog repository={repository} kind="branch" source={open.source} onClose={close} />}
      {open?.what === 'protect' && <ProtectionDialog repository={name} pattern={open.branch} rules={rules} onClose={close} />}
      {open?.what === 'delete' && (
        <FormDialog title={`Delete ${open.branch}`} submit="Delete the branch" danger failed="The branch was not deleted" onClose={close} act={() => call(branchApi(name, open.branch), { method: 'DELETE' })}>
          <p>What is not committed on <b>{open.branch}</b> is lost. Commits that no other branch or tag leads to are removed once the days of retention are over.</p>
        </FormDialog>
      )}
    </div>
  );
}

function Guard({ rules, branch, onAct }: { rules: Protection[]; branch: string; onAct: () => void }) {
  const found = guards(rules, branch);
  const words = [...(found.some((rule) => rule.commits) ? ['commits'] : []), ...(found.some((rule) => rule.staging) ? ['uploads'] : [])];
  const text = words.length > 0 ? `no ${words.join(', no ')}` : 'not guarded';
  return <button type="button" className="bare" aria-label={`${text}: change the protection of ${branch}`} onClick={onAct}><span className={words.length > 0 ? undefined : 'muted'}>{text}</span></button>;
}
