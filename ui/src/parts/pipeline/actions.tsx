// What changes a run: it is said before what that touches.
import { useEffect, useState } from 'react';
import { ApiError, type PipelineRun, type Replay, type StepRun, call } from '../../api';
import { count, number } from '../../format';
import { enc } from '../../router';
import { Dialog, Facts, Failure, Id, State } from '../basics';
import { FormDialog, useAction } from '../data/act';
import { TaskGlyph } from './state';
import { type Tree, countsOfRun, isHolder, isOver, stateOf, titleOf, touched, wayTo } from './tree';

/** A few names, and how many more there are. */
function Names({ tree, rows }: { tree: Tree; rows: StepRun[] }) {
  const shown = rows.slice(0, 12);
  return (
    <ul className="touched">
      {shown.map((row) => <li key={row.id}><TaskGlyph state={stateOf(row)} /> <span className="clip" title={row.name}>{wayTo(tree, row).map(titleOf).join(' › ')}</span></li>)}
      {rows.length > shown.length && <li className="muted">and {number(rows.length - shown.length)} more</li>}
    </ul>
  );
}

const works = (tree: Tree, rows: StepRun[]) => rows.filter((row) => !isHolder(tree, row));

export function Cancel({ tree, onClose }: { tree: Tree; onClose: () => void }) {
  const { run } = tree;
  const all = works(tree, tree.rows);
  const busy = all.filter((row) => row.state === 'running');
  const counts = countsOfRun(tree);
  const ended = ['succeeded', 'cached', 'failed', 'skipped', 'cancelled'].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const waiting = ['waiting', 'ready', 'queued', 'retrying'].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return (
    <FormDialog title="Cancel this run" submit="Cancel the run" danger failed="It was not cancelled" onClose={onClose} act={() => call(`/pipeline-runs/${enc(run.id)}/cancel`, { method: 'POST', body: {} })}>
      <p>
        {busy.length > 0 ? `${count(busy.length, 'running task')} ${busy.length === 1 ? 'is' : 'are'} stopped, with everything that ${busy.length === 1 ? 'it' : 'they'} started. ` : 'Nothing runs at this moment. '}
        {waiting > 0 ? `${count(waiting, 'task')} will not start. ` : ''}
        {ended > 0 ? `${count(ended, 'task')} that ended keep${ended === 1 ? 's' : ''} what ${ended === 1 ? 'it' : 'they'} gave.` : ''}
      </p>
      {busy.length > 0 && <Names tree={tree} rows={busy} />}
    </FormDialog>
  );
}

/** `from` absent: what did not succeed. */
export function Retry({ tree, from, onClose }: { tree: Tree; from: StepRun | null; onClose: () => void }) {
  const { run } = tree;
  const again = from ? touched(tree, [from]) : tree.rows.filter((row) => ['failed', 'skipped', 'cancelled'].includes(row.state));
  const all = works(tree, again);
  const lost = all.filter((row) => row.state === 'succeeded');
  const counts = countsOfRun(tree);
  const kept = (counts.succeeded ?? 0) + (counts.cached ?? 0) - lost.length;
  // Of a large run not every task is here to be counted.
  const many = !from && !tree.complete ? (counts.failed ?? 0) + (counts.skipped ?? 0) + (counts.cancelled ?? 0) : all.length;
  return (
    <FormDialog
      title={from ? `Run again from ${titleOf(from)}` : 'Retry this run'}
      submit={`Run ${count(many, 'task')} again`}
      ready={many > 0}
      failed="It was not started again"
      onClose={onClose}
      act={() => call(`/pipeline-runs/${enc(run.id)}/retry`, { method: 'POST', body: from ? { from: [from.name] } : {} })}
    >
      <p>
        {from ? <>{from.name} and everything that needs it {again.length === 1 ? 'starts' : 'start'} again in this run, with the same inputs and code. </> : <>What failed, was cancelled or was skipped starts again in this run, with the same inputs and code. </>}
        {lost.length > 0 ? `${count(lost.length, 'task')} that succeeded ${lost.length === 1 ? 'is' : 'are'} among them: new outputs take the place of the present ones. ` : ''}
        {kept > 0 ? `${count(kept, 'other task')} that succeeded ${kept === 1 ? 'stays' : 'stay'}.` : ''}
      </p>
      {!tree.complete && <p className="muted">This run is large; below are those that were read so far.</p>}
      <Names tree={tree} rows={all} />
    </FormDialog>
  );
}

/** A task can be started again once its run has ended. */
export const canRetry = (run: PipelineRun): boolean => isOver(run.state);

export function Answer({ run, step }: { run: string; step: StepRun }) {
  const [asking, setAsking] = useState<boolean | null>(null);
  const [comment, setComment] = useState('');
  return (
    <div className="notice calm approval">
      <strong>{step.question ?? 'May it go on?'}</strong>
      <span className="row">
        <button type="button" className="primary" onClick={() => setAsking(true)}>Approve…</button>
        <button type="button" className="danger" onClick={() => setAsking(false)}>Reject…</button>
      </span>
      {asking !== null && (
        <FormDialog
          title={asking ? 'Approve' : 'Reject'}
          submit={asking ? 'Approve' : 'Reject'}
          danger={!asking}
          failed="The answer was not taken"
          onClose={() => setAsking(null)}
          act={() => call(`/pipeline-runs/${enc(run)}/answer`, { method: 'POST', body: { step: step.id, approved: asking, comment: comment.trim() || undefined } })}
        >
          <p>{step.question}</p>
          <p>{asking ? 'The tasks that need this one start.' : 'This task fails, and what needs it is skipped.'} Your name stays with the answer.</p>
          <textarea aria-label="Comment" rows={3} placeholder="Why (kept with the answer)" value={comment} onChange={(event) => setComment(event.target.value)} />
        </FormDialog>
      )}
    </div>
  );
}

/** Puts a run out of sight, or back: nothing is lost by it. */
export function Archive({ run }: { run: PipelineRun }) {
  const action = useAction();
  return (
    <button type="button" disabled={action.busy} title={action.error?.message ?? (run.archived ? 'Lists show it again' : 'Lists leave it out; nothing is deleted')} onClick={() => void action.run(() => call(`/pipeline-runs/${enc(run.id)}/archive`, { method: 'POST', body: { archived: !run.archived } }))}>
      {action.error ? 'That failed' : run.archived ? 'Take out of the archive' : 'Archive'}
    </button>
  );
}

const VERDICTS = {
  bit_identical: ['good', 'Bit-identical', 'Every output has the digest that was recorded.'],
  metric_equal: ['good', 'Metric-equal', 'Some bytes differ, but every metric is the same.'],
  diverged: ['alarm', 'Diverged', 'The same inputs gave another result.'],
} as const;

export function ReplayDialog({ tree, onClose }: { tree: Tree; onClose: () => void }) {
  const { run } = tree;
  const [id, setId] = useState<string | null>(null);
  const [replay, setReplay] = useState<Replay | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const refused = (problem: unknown) => problem instanceof ApiError && setError(problem);
  useEffect(() => {
    if (!id || (replay && replay.state !== 'running')) return;
    const timer = setTimeout(() => void call<Replay>(`/replays/${enc(id)}`).then(setReplay, refused), replay ? 1500 : 200);
    return () => clearTimeout(timer);
  }, [id, replay]);
  const verdict = replay?.verdict ? VERDICTS[replay.verdict] : null;
  return (
    <Dialog
      title="Replay this run"
      onClose={onClose}
      footer={!id && (
        <>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="button" className="primary" onClick={() => void call<{ replay_id: string }>(`/pipeline-runs/${enc(run.id)}/replay`, { method: 'POST', body: {} }).then((made) => setId(made.replay_id), refused)}>
            Replay
          </button>
        </>
      )}
    >
      <p>All {count(Object.values(countsOfRun(tree)).reduce((all, one) => all + one, 0), 'task')} run again as another run, without the cache, from the recorded code, environment, data and parameters. The outputs are compared digest by digest; nothing is registered or served.</p>
      {id && !verdict && !error && replay?.state !== 'failed' && <State value="running" label="Running again" />}
      {verdict && (
        <div className={verdict[0] === 'alarm' ? 'notice' : 'notice calm'}>
          <State value="" tone={verdict[0]} label={<strong>{verdict[1]}</strong>} />
          <span>{verdict[2]}</span>
        </div>
      )}
      {replay?.first && <Facts items={[['First difference', `${replay.first.step}, ${replay.first.output}`], ['Recorded', <Id key="e" value={replay.first.expected} />], ['Now', <Id key="a" value={replay.first.actual} />]]} />}
      {replay?.message && <p className="soft">{replay.message}</p>}
      {error && <Failure error={error} />}
    </Dialog>
  );
}
