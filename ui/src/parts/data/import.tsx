// Importing objects in place: they stay where they are, and the repository points to them.
import { useState } from 'react';
import { call } from '../../api';
import type { Import } from '../../data_types';
import { count } from '../../format';
import { Link } from '../../router';
import { useApi } from '../../store';
import { Dialog, Failure, State } from '../basics';
import { Field, FormDialog } from './act';
import { TOPICS, branchApi, commitPage, digits, repoApi } from './paths';

export function ImportDialog({ repository, branch, folder, onClose }: { repository: string; branch: string; folder: string; onClose: () => void }) {
  const [source, setSource] = useState('');
  const [destination, setDestination] = useState(folder);
  const [message, setMessage] = useState('');
  const [started, setStarted] = useState<string | null>(null);
  if (started) return <Progress repository={repository} id={started} onClose={onClose} />;
  const one = source !== '' && !source.endsWith('/');
  return (
    <FormDialog
      title={`Import into ${branch}`}
      submit="Import"
      ready={source.trim() !== ''}
      failed="The import did not start"
      stay
      onClose={onClose}
      act={async () => {
        const body = { paths: [{ source: source.trim(), destination, object: one }], message: message || `Import ${source.trim()}` };
        setStarted((await call<{ id: string }>(`${branchApi(repository, branch)}/imports`, { method: 'POST', body })).id);
      }}
    >
      <p>The objects stay where they are: nothing is copied, and nothing there is ever deleted by this server. The import is a commit of its own.</p>
      <Field label="From" note="Such as s3://bucket/images/ or local:///data/table.parquet. With a slash at the end: everything below it."><input type="text" value={source} autoFocus required onChange={(event) => setSource(event.target.value)} /></Field>
      <Field label={one ? 'As the object' : 'Into the folder'}><input type="text" value={destination} onChange={(event) => setDestination(event.target.value)} /></Field>
      <Field label="Message"><input type="text" value={message} placeholder={source ? `Import ${source}` : ''} onChange={(event) => setMessage(event.target.value)} /></Field>
    </FormDialog>
  );
}

function Progress({ repository, id, onClose }: { repository: string; id: string; onClose: () => void }) {
  const found = useApi<Import>(`${repoApi(repository)}/imports/${id}`, { topics: TOPICS, every: 1000 });
  const state = found.data;
  return (
    <Dialog title="Import" onClose={onClose} footer={<button type="button" onClick={onClose}>{state?.completed || state?.error ? 'Close' : 'Leave it running'}</button>}>
      {found.error && <Failure error={found.error} />}
      <p className="row" role="status">
        <State value={state?.error ? 'failed' : state?.completed ? 'done' : 'running'} /> {count(state?.objects ?? 0, 'object')}
        {state?.commit && <span>in commit <Link className="mono" href={commitPage(repository, state.commit.id)}>{digits(state.commit.id)}</Link></span>}
      </p>
      {state?.error && <p className="alarm-text">{state.error}</p>}
    </Dialog>
  );
}
