// What a candidate did as a shadow, and what a person said about it.
import { useState } from 'react';
import { ApiError, type Retraining, call } from '../api';
import { moment, percent } from '../format';
import { enc } from '../router';
import { refresh } from '../store';
import { Ago, Facts, Failure, State } from './basics';
import { Field, FormDialog } from './data/act';

export function ShadowPanel({ retraining }: { retraining: Retraining }) {
  const { shadow, rule } = retraining;
  const wanted = rule?.shadow;
  if (!shadow) return <p className="muted">No live request was copied to it yet.</p>;
  const share = shadow.requests > 0 ? shadow.errors / shadow.requests : 0;
  const most = wanted ? shadow.answered_p95_ms * wanted.latency_factor + wanted.latency_slack_ms : null;
  const told = (value: string, limit: string | null, good: boolean) => (
    <span>{limit && <State value={good ? 'ok' : 'failed'} label={value} />}{!limit && value} {limit && <span className="muted">at most {limit}</span>}</span>
  );
  return (
    <Facts
      items={[
        ['Live requests', wanted ? `${shadow.requests} of ${wanted.requests}` : String(shadow.requests)],
        ['Failed', told(`${shadow.errors} (${percent(share)})`, wanted ? percent(wanted.errors) : null, !wanted || share <= wanted.errors)],
        ['Other answers', shadow.disagreement === null ? 'cannot be compared' : told(percent(shadow.disagreement), wanted?.disagreement === undefined || wanted.disagreement === null ? null : percent(wanted.disagreement), (wanted?.disagreement ?? Infinity) >= shadow.disagreement)],
        ['95th percentile', told(`${shadow.p95_ms.toFixed(1)} ms, ${shadow.answered_p95_ms.toFixed(1)} ms of what serves`, most === null ? null : `${most.toFixed(1)} ms`, most === null || shadow.p95_ms <= most)],
      ]}
    />
  );
}

export function ApprovalPanel({ retraining }: { retraining: Retraining }) {
  const [reason, setReason] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const { decision, rule } = retraining;
  if (decision) {
    return (
      <Facts
        items={[
          ['Decided', <State key="d" value={decision.approved ? 'accepted' : 'rejected'} label={decision.approved ? 'approved' : 'rejected'} />],
          ['By', decision.by],
          ['Because', decision.reason],
          ['When', <Ago key="w" at={decision.at} />],
        ]}
      />
    );
  }
  const decide = async (word: string) => {
    setBusy(true);
    setError(null);
    try {
      await call(`/retrainings/${enc(retraining.id)}/${word}`, { method: 'POST', body: { reason } });
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const waits = retraining.state === 'waiting_approval';
  const by = rule?.approval?.by ?? [];
  return (
    <>
      <Facts items={[['Who may decide', by.length > 0 ? by.join(', ') : 'whoever may deploy'], ['Until', retraining.approval_deadline ? moment(retraining.approval_deadline) : null]]} />
      {waits && (
        <form className="decide" onSubmit={(event) => event.preventDefault()}>
          <label>Reason <input value={reason} onChange={(event) => setReason(event.target.value)} placeholder="what you looked at" /></label>{' '}
          <button type="button" className="primary" disabled={busy || reason.trim() === ''} onClick={() => void decide('approve')}>Approve</button>{' '}
          <button type="button" disabled={busy || reason.trim() === ''} onClick={() => void decide('reject')}>Reject</button>
        </form>
      )}
      {error && <Failure error={error} />}
    </>
  );
}

/** What its end takes back, by the state that it is in. */
const TAKES: Record<string, string> = {
  training: 'Its pipeline run is cancelled, with everything that it started.',
  shadow: 'The candidate gets no more copies of the live requests.',
  canary: 'All requests go back to what served before.',
  promoting: 'The alias and the endpoint go back to what served before, unless the swap is done at that moment.',
};

export function CancelRetraining({ retraining, onClose }: { retraining: Retraining; onClose: () => void }) {
  const [reason, setReason] = useState('');
  return (
    <FormDialog title="Cancel this retraining" submit="Cancel the retraining" danger failed="It was not cancelled" onClose={onClose} act={() => call(`/retrainings/${enc(retraining.id)}/cancel`, { method: 'POST', body: { reason } })}>
      <p>{TAKES[retraining.state] ?? 'Nothing of it runs at this moment.'} Data and model versions that it made stay.</p>
      <Field label="Reason"><input type="text" value={reason} onChange={(event) => setReason(event.target.value)} placeholder="for those who look at it later" /></Field>
    </FormDialog>
  );
}
