// A new branch or tag.
import { useState } from 'react';
import { call } from '../../api';
import type { Repository } from '../../data_types';
import { navigate } from '../../router';
import { Field, FormDialog } from './act';
import { objectPage, repoApi } from './paths';
import { RefPicker } from './ref_picker';

export function NewRefDialog({ repository, kind, source: first, onClose }: { repository: Repository; kind: 'branch' | 'tag'; source?: string; onClose: () => void }) {
  const [name, setName] = useState('');
  const [source, setSource] = useState(first ?? repository.default_branch);
  const branch = kind === 'branch';
  return (
    <FormDialog
      title={branch ? 'New branch' : 'New tag'}
      submit={branch ? 'Create the branch' : 'Create the tag'}
      ready={name.trim() !== ''}
      failed={branch ? 'The branch was not made' : 'The tag was not made'}
      act={() => call(`${repoApi(repository.name)}/${branch ? 'branches' : 'tags'}`, { method: 'POST', body: { name: name.trim(), source } })}
      onClose={onClose}
      onDone={() => navigate(objectPage(repository.name, name.trim(), ''))}
    >
      <p>{branch ? 'A branch costs nothing, however much the ref holds: nothing is copied.' : 'A tag points to one commit and never moves.'}</p>
      <Field label="Name"><input type="text" value={name} autoFocus required spellCheck={false} onChange={(event) => setName(event.target.value)} /></Field>
      <div className="row">{branch ? 'From' : 'At'} <RefPicker label="Source" repository={repository.name} value={source} onChange={setSource} /></div>
    </FormDialog>
  );
}
