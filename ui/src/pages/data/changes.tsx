// What is staged on a branch and not committed: looked at, taken back, committed.
import { useState } from 'react';
import { call } from '../../api';
import type { Commit, Difference, Repository } from '../../data_types';
import { FormDialog, Pairs, pairsOf, useAction } from '../../parts/data/act';
import { Differences } from '../../parts/data/differences';
import { AtRef, RepositoryPage } from '../../parts/data/frame';
import { LastRefusal } from '../../parts/data/gate_report';
import { STAGED, branchApi, commitPage, isTable, objectPage, pageOf } from '../../parts/data/paths';
import { Empty, Failure, Panel } from '../../parts/basics';
import { Link, navigate } from '../../router';

export default function Changes({ args: [name = ''] }: { args: string[] }) {
  return (
    <RepositoryPage name={name} section="changes">
      {(repository, reference) => (
        <AtRef repository={repository} reference={reference}>
          {(at) => (at.branch ? <Staged key={at.branch} repository={repository} branch={at.branch} /> : <Empty title={`${reference} is no branch`}><p>Only branches hold changes that are not committed; a tag or commit never changes.</p></Empty>)}
        </AtRef>
      )}
    </RepositoryPage>
  );
}

function Staged({ repository, branch }: { repository: Repository; branch: string }) {
  const [resetting, setResetting] = useState<Difference | 'all' | null>(null);
  return (
    <div className="columns">
      <Panel title={`Uncommitted on ${branch}`} flush actions={!repository.read_only && <button type="button" className="danger" onClick={() => setResetting('all')}>Reset all…</button>}>
        <Differences
          label="Uncommitted changes"
          source={`${branchApi(repository.name, branch)}/uncommitted`}
          every={STAGED}
          empty="Nothing: the branch is as its last commit."
          href={(of) => (of.is_prefix || of.kind === 'removed' ? undefined : objectPage(repository.name, branch, of.path))}
          tools={(of) => (
            <>
              {of.kind === 'changed' && !of.is_prefix && isTable(of.path) && <Link href={pageOf(repository.name, 'rows', { left: `${branch}@`, right: branch, path: of.path })}>Rows</Link>}
              {!repository.read_only && <button type="button" className="bare" aria-label={`reset ${of.path}`} onClick={() => setResetting(of)}>Reset</button>}
            </>
          )}
        />
      </Panel>
      {!repository.read_only && <CommitForm repository={repository.name} branch={branch} />}
      {resetting && <Reset repository={repository.name} branch={branch} what={resetting} onClose={() => setResetting(null)} />}
    </div>
  );
}

function CommitForm({ repository, branch }: { repository: string; branch: string }) {
  const [message, setMessage] = useState('');
  const [metadata, setMetadata] = useState<[string, string][]>([]);
  const action = useAction();
  const commit = () =>
    action.run(async () => {
      const made = await call<Commit>(`${branchApi(repository, branch)}/commits`, { method: 'POST', body: { message: message.trim(), metadata: pairsOf(metadata) } });
      navigate(commitPage(repository, made.id));
    });
  return (
    <Panel title="Commit">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void commit(); }}>
        <label className="field"><span>Message</span><textarea rows={3} value={message} required onChange={(event) => setMessage(event.target.value)} /></label>
        <Pairs label="Metadata" value={metadata} onChange={setMetadata} />
        <div><button type="submit" className="primary" disabled={action.busy || message.trim() === ''}>{action.busy ? 'Committing, gates may be asked…' : `Commit to ${branch}`}</button></div>
        {action.error && <Failure error={action.error} title="It was not committed" />}
        {action.error?.message.includes('gate') && <LastRefusal repository={repository} branch={branch} />}
      </form>
    </Panel>
  );
}

function Reset({ repository, branch, what, onClose }: { repository: string; branch: string; what: Difference | 'all'; onClose: () => void }) {
  const body = what === 'all' ? {} : what.is_prefix ? { prefix: what.path } : { path: what.path };
  return (
    <FormDialog
      title={what === 'all' ? `Reset ${branch}` : `Reset ${what.path}`}
      submit={what === 'all' ? 'Drop all uncommitted changes' : 'Drop the change'}
      danger
      failed="It was not reset"
      onClose={onClose}
      act={() => call(`${branchApi(repository, branch)}/reset`, { method: 'POST', body })}
    >
      <p>{what === 'all' ? 'All that was uploaded and deleted since the last commit is dropped.' : what.is_prefix ? 'All that was uploaded and deleted below the folder since the last commit is dropped.' : 'The object becomes what it was in the last commit.'} This cannot be undone.</p>
    </FormDialog>
  );
}
