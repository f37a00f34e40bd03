// One commit: what it says, what it changed against a parent, and what the gates said.
import { useState } from 'react';
import { call, query } from '../../api';
import type { Commit, Repository, Resolved } from '../../data_types';
import { moment } from '../../format';
import { Field, FormDialog } from '../../parts/data/act';
import { Differences } from '../../parts/data/differences';
import { RepositoryPage } from '../../parts/data/frame';
import { GateReports } from '../../parts/data/gate_report';
import { NewRefDialog } from '../../parts/data/new_ref';
import { TOPICS, branchApi, commitPage, digits, isTable, objectPage, pageOf, refApi, repoApi, subject } from '../../parts/data/paths';
import { RefPicker } from '../../parts/data/ref_picker';
import { Ago, Await, Facts, Id, Panel, Segments } from '../../parts/basics';
import { Link, enc, navigate, useParam } from '../../router';
import { useApi } from '../../store';

export default function CommitPage({ args: [name = '', id = ''] }: { args: string[] }) {
  const found = useApi<Resolved>(refApi(name, id), { topics: TOPICS });
  const commit = found.data?.commit;
  return (
    <RepositoryPage name={name} section="commits" title={commit ? subject(commit.message) : digits(id)} crumbs={[['Commits', pageOf(name, 'commits')]]} actions={(repository) => commit && <Actions repository={repository} commit={commit} />}>
      {(repository) => <Await of={found}>{(at) => <Body repository={repository} commit={at.commit} />}</Await>}
    </RepositoryPage>
  );
}

type Open = 'branch' | 'tag' | 'revert' | 'cherry-pick' | 'move' | null;

function Actions({ repository, commit }: { repository: Repository; commit: Commit }) {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  return (
    <>
      <Link className="button" href={objectPage(repository.name, commit.id, '')}>Browse objects</Link>
      <button type="button" onClick={() => setOpen('tag')}>Tag…</button>
      <button type="button" onClick={() => setOpen('branch')}>Branch…</button>
      {!repository.read_only && commit.parents.length > 0 && <button type="button" onClick={() => setOpen('cherry-pick')}>Cherry-pick…</button>}
      {!repository.read_only && commit.parents.length > 0 && <button type="button" onClick={() => setOpen('revert')}>Revert…</button>}
      {!repository.read_only && <button type="button" onClick={() => setOpen('move')}>Move a branch here…</button>}
      {open === 'move' && <Move repository={repository} commit={commit} onClose={close} />}
      {(open === 'tag' || open === 'branch') && <NewRefDialog repository={repository} kind={open} source={commit.id} onClose={close} />}
      {(open === 'revert' || open === 'cherry-pick') && <Again repository={repository} commit={commit} what={open} onClose={close} />}
    </>
  );
}

/** Undoes on a branch what a commit did, or does it there as well. */
function Again({ repository, commit, what, onClose }: { repository: Repository; commit: Commit; what: 'revert' | 'cherry-pick'; onClose: () => void }) {
  const [branch, setBranch] = useState(repository.default_branch);
  const [parent, setParent] = useState('1');
  const merge = commit.parents.length > 1;
  return (
    <FormDialog
      title={what === 'revert' ? 'Revert the commit' : 'Cherry-pick the commit'}
      submit={what === 'revert' ? `Revert on ${branch}` : `Pick onto ${branch}`}
      failed={what === 'revert' ? 'It was not reverted' : 'It was not picked'}
      onClose={onClose}
      act={async () => {
        const body = { reference: commit.id, ...(merge ? { parent: Number(parent) } : {}) };
        const next = await call<Commit>(`${branchApi(repository.name, branch)}/${what}`, { method: 'POST', body });
        navigate(commitPage(repository.name, next.id));
      }}
    >
      <p>{what === 'revert' ? 'A new commit takes back what this one changed; what came after it stays.' : 'A new commit does on the branch what this one did.'}</p>
      <div className="row">On the branch <RefPicker label="Branch" repository={repository.name} value={branch} onChange={setBranch} branchesOnly /></div>
      {merge && <Field label="Against parent" note="It is a merge: what it changed depends on where one looks from."><select value={parent} onChange={(event) => setParent(event.target.value)}>{commit.parents.map((id, place) => <option key={id} value={place + 1}>{place + 1}: {digits(id)}</option>)}</select></Field>}
    </FormDialog>
  );
}

/** Points a branch to this commit, whatever it pointed to. */
function Move({ repository, commit, onClose }: { repository: Repository; commit: Commit; onClose: () => void }) {
  const [branch, setBranch] = useState('');
  return (
    <FormDialog
      title="Move a branch here"
      submit={branch ? `Move ${branch}` : 'Choose a branch'}
      danger
      ready={branch !== ''}
      failed="The branch was not moved"
      onClose={onClose}
      onDone={() => navigate(pageOf(repository.name, 'commits', { ref: branch }))}
      act={() => call(`${branchApi(repository.name, branch)}/reset`, { method: 'POST', body: { reference: commit.id } })}
    >
      <p>The branch points to this commit then. Commits that it leaves behind are removed once the days of retention are over, unless another branch or tag leads to them. Nothing may be uncommitted on it.</p>
      <div className="row">The branch <RefPicker label="Branch" repository={repository.name} value={branch} onChange={setBranch} branchesOnly /></div>
    </FormDialog>
  );
}

function Body({ repository, commit }: { repository: Repository; commit: Commit }) {
  const [chosen, setParent] = useParam('parent', '1');
  const parent = commit.parents[Number(chosen) - 1] ?? commit.parents[0];
  const metadata = Object.entries(commit.metadata);
  const rest = commit.message.split('\n').slice(1).join('\n').trim();
  return (
    <div className="columns">
      <div className="stack">
        {rest && <p className="message">{rest}</p>}
        <Panel title="What it changed" flush actions={commit.parents.length > 1 && <Segments label="Against parent" value={chosen} onChange={setParent} options={commit.parents.map((_, place) => [String(place + 1), `Parent ${place + 1}`] as const)} />}>
          {parent ? (
            <Differences
              key={parent}
              label="Objects that changed"
              source={`${repoApi(repository.name)}/diff${query({ left: parent, right: commit.id })}`}
              empty="It changed no object."
              href={(of) => (of.is_prefix ? undefined : objectPage(repository.name, of.kind === 'removed' ? parent : commit.id, of.path))}
              tools={(of) => of.kind === 'changed' && !of.is_prefix && isTable(of.path) && <Link href={pageOf(repository.name, 'rows', { left: parent, right: commit.id, path: of.path })}>Rows</Link>}
            />
          ) : <p className="inset muted">The repository begins with it.</p>}
        </Panel>
        <GateReports repository={repository.name} commit={commit.id} />
      </div>
      <Panel title="Commit">
        <Facts
          items={[
            ['Id', <Id key="i" value={commit.id} />],
            ['By', commit.committer],
            ['When', <span key="w">{moment(commit.created_at)}, <Ago at={commit.created_at} /></span>],
            ...commit.parents.map((id, place): [string, React.ReactNode] => [commit.parents.length > 1 ? `Parent ${place + 1}` : 'Parent', <Link key={id} className="mono" href={commitPage(repository.name, id)}>{digits(id)}</Link>]),
            ['Tree', <Id key="t" value={commit.root} />],
            ['Lineage', <Link key="l" href={`/lineage?kind=commit&key=${enc(commit.id)}`}>What came of it?</Link>],
            ...metadata.map(([key, value]): [string, React.ReactNode] => [key, <span key={key} className="mono">{value}</span>]),
          ]}
        />
      </Panel>
    </div>
  );
}
