// Deleting objects and folders of a branch. A folder is walked, and what it holds is deleted by the thousand.
import { useState } from 'react';
import { ApiError, call, query } from '../../api';
import type { Entry, Listed } from '../../data_types';
import { count } from '../../format';
import { FormDialog } from './act';
import { branchApi, refApi } from './paths';

const TOGETHER = 1000;

export function DeleteDialog({ repository, branch, paths, onClose, onDone }: { repository: string; branch: string; paths: string[]; onClose: () => void; onDone?: () => void }) {
  const [done, setDone] = useState(0);
  const folders = paths.filter((path) => path.endsWith('/'));
  const remove = async (some: string[]) => {
    if (some.length === 0) return;
    const answer = await call<{ failed: { path: string; message: string }[] }>(`${branchApi(repository, branch)}/delete`, { method: 'POST', body: { paths: some } });
    const [first] = answer.failed;
    if (first) throw new ApiError(409, 'not_deleted', `${count(answer.failed.length, 'object')} could not be deleted, such as ${first.path}: ${first.message}`);
    setDone((old) => old + some.length);
  };
  const act = async () => {
    setDone(0);
    for (const folder of folders) {
      for (;;) {
        const page = await call<Listed<'objects', Entry>>(`${refApi(repository, branch)}/objects${query({ prefix: folder, limit: TOGETHER })}`);
        await remove(page.objects.map((object) => object.path));
        if (page.next === null) break;
      }
    }
    const objects = paths.filter((path) => !path.endsWith('/'));
    for (let at = 0; at < objects.length; at += TOGETHER) await remove(objects.slice(at, at + TOGETHER));
  };
  const one = paths.length === 1 ? paths[0] : undefined;
  return (
    <FormDialog title={one ? `Delete ${one}` : `Delete ${count(paths.length, 'entry', 'entries')}`} submit={`Delete from ${branch}`} danger failed="Not everything was deleted" act={act} onClose={onClose} onDone={onDone}>
      <p>{folders.length > 0 ? 'Everything below the folders goes from' : one ? 'It goes from' : 'They go from'} <b>{branch}</b> as an uncommitted change: other branches and earlier commits keep it, and a reset brings it back.</p>
      {paths.length > 1 && <ul className="path-list">{paths.slice(0, 8).map((path) => <li key={path} className="clip">{path}</li>)}{paths.length > 8 && <li className="muted">and {paths.length - 8} more</li>}</ul>}
      {done > 0 && <p role="status" className="muted">{count(done, 'object')} deleted</p>}
    </FormDialog>
  );
}
