// Merging a ref into a branch: what conflicts, who wins there, and the merge itself.
import { useEffect, useState } from 'react';
import { ApiError, call, query } from '../../api';
import type { Commit, Difference, Listed } from '../../data_types';
import { bytes, count } from '../../format';
import { Link, navigate } from '../../router';
import { Bones, Failure, Panel } from '../basics';
import { Table } from '../table';
import { useAction } from './act';
import { LastRefusal } from './gate_report';
import { branchApi, commitPage, isTable, pageOf, refLabel, repoApi } from './paths';

/** Differences that are looked through for conflicts before a merge; the merge itself looks at all. */
const LOOKED = 20_000;
const TOGETHER = 1000;

interface Found {
  conflicts: Difference[];
  changes: number;
  /** not all were looked at */
  more: boolean;
}

/** What a merge would do. */
function useConflicts(repository: string, source: string, destination: string): { found: Found | null; error: ApiError | null } {
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      const all: Found = { conflicts: [], changes: 0, more: true };
      let after = '';
      while (all.changes < LOOKED) {
        const page = await call<Listed<'differences', Difference>>(`${repoApi(repository)}/diff${query({ left: destination, right: source, from_base: 'true', limit: TOGETHER, after })}`, { signal: stop.signal });
        all.changes += page.differences.length;
        all.conflicts.push(...page.differences.filter((item) => item.kind === 'conflict'));
        all.more = page.next !== null;
        if (page.next === null) break;
        after = page.next;
      }
      setFound(all);
    };
    read().catch((problem: unknown) => {
      if (!stop.signal.aborted) setError(problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem)));
    });
    return () => stop.abort();
  }, [repository, source, destination]);
  return { found, error };
}

type Strategy = '' | 'source-wins' | 'dest-wins';

export function MergePanel({ repository, source, destination }: { repository: string; source: string; destination: string }) {
  const { found, error } = useConflicts(repository, source, destination);
  const [strategy, setStrategy] = useState<Strategy>('');
  const [message, setMessage] = useState('');
  const [squash, setSquash] = useState(false);
  const action = useAction();
  const usual = `Merge ${refLabel(source)} into ${destination}`;
  const merge = () =>
    action.run(async () => {
      const made = await call<Commit>(`${branchApi(repository, destination)}/merge`, { method: 'POST', body: { source, message: message.trim() || usual, squash, ...(strategy ? { strategy } : {}) } });
      navigate(commitPage(repository, made.id));
    });
  if (error) return <Failure error={error} title="These two cannot be merged" />;
  if (!found) return <Bones lines={3} />;
  const conflicts = found.conflicts.length;
  const blocked = conflicts > 0 && strategy === '';
  const choices: [Strategy, string][] = [['', 'Nobody: a conflict stops the merge'], ['source-wins', `From: ${refLabel(source)} wins`], ['dest-wins', `Into: ${destination} wins`]];
  return (
    <Panel title={usual}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void merge(); }}>
        <p role="status">
          {found.changes === 0 ? `There is nothing to merge: ${destination} has all of it.` : conflicts === 0 ? <>{count(found.changes, 'object')}{found.more ? ' and more' : ''} would change in {destination}. {found.more ? `No conflict among the first ${count(found.changes, 'object')}.` : 'No conflict.'}</> : <><b className="alarm-text">{count(conflicts, 'conflict')}</b>{found.more ? ' and maybe more' : ''}: both sides changed the same {conflicts === 1 ? 'object' : 'objects'} in different ways.</>}
        </p>
        {conflicts > 0 && (
          <Table
            label="Conflicts"
            rows={found.conflicts}
            id={(item) => item.path}
            height={conflicts > 8 ? '300px' : undefined}
            columns={[
              { key: 'path', label: 'Object', width: 'minmax(220px, 2fr)', title: (item) => item.path, render: (item) => item.path },
              { key: 'ours', label: `Into: ${destination}`, width: 'minmax(110px, 1fr)', render: (item) => (item.left ? bytes(item.left.size) : <span className="muted">deleted</span>) },
              { key: 'theirs', label: `From: ${refLabel(source)}`, width: 'minmax(110px, 1fr)', render: (item) => (item.right ? bytes(item.right.size) : <span className="muted">deleted</span>) },
              { key: 'rows', label: '', width: '70px', render: (item) => item.left && item.right && isTable(item.path) && <Link href={pageOf(repository, 'rows', { left: destination, right: source, path: item.path })}>Rows</Link> },
            ]}
          />
        )}
        <fieldset className="choices">
          <legend>Where both changed the same object, who wins?</legend>
          {choices.map(([key, label]) => <label key={key} className="row"><input type="radio" name="strategy" checked={strategy === key} onChange={() => setStrategy(key)} /> {label}</label>)}
        </fieldset>
        <label className="field"><span>Message</span><input type="text" value={message} placeholder={usual} onChange={(event) => setMessage(event.target.value)} /></label>
        <label className="row"><input type="checkbox" checked={squash} onChange={(event) => setSquash(event.target.checked)} /> Squash: one commit without the source as a parent</label>
        <div><button type="submit" className="primary" disabled={action.busy || blocked || found.changes === 0}>{action.busy ? 'Merging, gates may be asked…' : blocked ? 'Choose who wins' : `Merge into ${destination}`}</button></div>
        {action.error && <Failure error={action.error} title="It was not merged" />}
        {action.error?.message.includes('gate') && <LastRefusal repository={repository} branch={destination} />}
      </form>
    </Panel>
  );
}
