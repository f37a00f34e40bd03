// What guards a repository, how long it keeps what nobody needs, what is noted about it, and its end.
import { useState } from 'react';
import { call } from '../../api';
import type { Protection, Repository, Retention } from '../../data_types';
import { count, moment } from '../../format';
import { Field, FormDialog, Pairs, pairsOf, useAction } from '../../parts/data/act';
import { RepositoryPage } from '../../parts/data/frame';
import { repoApi } from '../../parts/data/paths';
import { ProtectionPanel } from '../../parts/data/protection';
import { Await, Facts, Failure, Id, Panel } from '../../parts/basics';
import { navigate } from '../../router';
import { useApi } from '../../store';

export default function Settings({ args: [name = ''] }: { args: string[] }) {
  return <RepositoryPage name={name} section="settings">{(repository) => <Body repository={repository} />}</RepositoryPage>;
}

function Body({ repository }: { repository: Repository }) {
  const name = repository.name;
  const rules = useApi<{ protections: Protection[] }>(`${repoApi(name)}/protections`, { topics: ['repository'] });
  const retention = useApi<{ retention: Retention | null }>(`${repoApi(name)}/retention`, { topics: ['repository'] });
  const [deleting, setDeleting] = useState(false);
  return (
    <div className="columns">
      <div className="stack">
        <Await of={rules} lines={3}>{(data) => <ProtectionPanel repository={name} rules={data.protections} />}</Await>
        <Await of={retention} lines={3}>{(data) => <Days key={JSON.stringify(data.retention)} repository={name} retention={data.retention} />}</Await>
        <Notes key={JSON.stringify(repository.metadata)} repository={repository} />
      </div>
      <div className="stack">
        <Panel title="Repository">
          <Facts
            items={[
              ['Name', name],
              ['Default branch', repository.default_branch],
              ['Storage', <span key="s" className="mono">{repository.storage_namespace}</span>],
              ['Made', moment(repository.created_at)],
              ['Read only', repository.read_only ? 'yes' : 'no'],
              ['Id', <Id key="i" value={repository.id} />],
            ]}
          />
        </Panel>
        <Panel title="End">
          <div className="stack">
            <p className="soft">Deleting a repository deletes its branches, tags and commits. Objects that were imported in place stay where they are.</p>
            <div><button type="button" className="danger" onClick={() => setDeleting(true)}>Delete the repository…</button></div>
          </div>
        </Panel>
      </div>
      {deleting && <Delete repository={repository} onClose={() => setDeleting(false)} />}
    </div>
  );
}

function Delete({ repository, onClose }: { repository: Repository; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  return (
    <FormDialog
      title={`Delete ${repository.name}`}
      submit="Delete for ever"
      danger
      ready={typed === repository.name}
      failed="The repository was not deleted"
      onClose={onClose}
      act={async () => {
        await call(`${repoApi(repository.name)}${repository.read_only ? '?force=true' : ''}`, { method: 'DELETE' });
        navigate('/repositories');
      }}
    >
      <p>All of its branches, tags, commits and objects are lost. This cannot be undone.</p>
      <Field label={`Type ${repository.name} to go on`}><input type="text" value={typed} autoFocus spellCheck={false} onChange={(event) => setTyped(event.target.value)} /></Field>
    </FormDialog>
  );
}

function Days({ repository, retention }: { repository: string; retention: Retention | null }) {
  const [days, setDays] = useState(retention ? String(retention.default_days) : '');
  const [branches, setBranches] = useState<[string, string][]>(Object.entries(retention?.branches ?? {}).map(([name, value]) => [name, String(value)]));
  const action = useAction();
  const save = (body: Retention | null) => action.run(() => call(`${repoApi(repository)}/retention`, { method: 'PUT', body }));
  const own = Object.fromEntries(Object.entries(pairsOf(branches)).map(([name, value]) => [name, Number(value)]));
  const right = days !== '' && Number.isInteger(Number(days)) && Object.values(own).every((value) => Number.isInteger(value) && value >= 0);
  return (
    <Panel title="Retention">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void save({ default_days: Number(days), branches: own }); }}>
        <p className="soft">{retention ? `Commits that no branch or tag leads to, and objects that only they held, go after ${count(retention.default_days, 'day')}.` : 'No rule: everything that was ever committed is kept.'}</p>
        <Field label="Days"><input type="number" min={0} value={days} onChange={(event) => setDays(event.target.value)} style={{ width: 120 }} /></Field>
        <Pairs label="Other days for the history of some branches" value={branches} onChange={setBranches} />
        <div className="row">
          <button type="submit" className="primary" disabled={action.busy || !right}>Save</button>
          {retention && <button type="button" disabled={action.busy} onClick={() => void save(null)}>Keep everything</button>}
        </div>
        {action.error && <Failure error={action.error} title="The rule was not saved" />}
      </form>
    </Panel>
  );
}

function Notes({ repository }: { repository: Repository }) {
  const [metadata, setMetadata] = useState<[string, string][]>(Object.entries(repository.metadata));
  const action = useAction();
  const next = pairsOf(metadata);
  const gone = Object.keys(repository.metadata).filter((key) => !(key in next));
  const same = gone.length === 0 && Object.entries(next).every(([key, value]) => repository.metadata[key] === value);
  return (
    <Panel title="Metadata">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(() => call(repoApi(repository.name), { method: 'PATCH', body: { metadata: { ...next, ...Object.fromEntries(gone.map((key) => [key, null])) } } }));
        }}
      >
        <Pairs label="Keys and values" value={metadata} onChange={setMetadata} />
        <div><button type="submit" className="primary" disabled={action.busy || same}>Save</button></div>
        {action.error && <Failure error={action.error} title="The metadata was not saved" />}
      </form>
    </Panel>
  );
}
