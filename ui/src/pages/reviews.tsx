import { type FormEvent, useState } from 'react';
import { type ApiError, type LabelReview, type Review, type ReviewQueue, call } from '../api';
import { number } from '../format';
import { useKeys } from '../keys';
import { Ago, Await, Code, Empty, Facts, Failure, Page, Panel, State } from '../parts/basics';
import { Table } from '../parts/table';
import { Link, enc } from '../router';
import { useApi } from '../store';
import '../styles/monitor.css';

type List = { queues: ReviewQueue[]; items: Review[]; more: boolean };
const TOPICS = ['review', 'project'];

export default function Reviews({ args: [endpoint] }: { args: string[] }) {
  return endpoint === undefined ? <Queues /> : <Work key={endpoint} endpoint={endpoint} />;
}

function Queues() {
  const list = useApi<List>('/reviews?limit=100', { topics: TOPICS });
  return (
    <Page title="Reviews" lead="Predictions that wait for a person, and labels of datasets that look wrong. What people say of predictions becomes their labels.">
      <Labels />
      <Await of={list}>
        {({ queues, items }) =>
          queues.length === 0 ? (
            <Empty title="No prediction waits for a person">
              <p>An endpoint sends them here when its checks say so:</p>
              <Code label="mlwright.yaml" text={'endpoints:\n  visits:\n    model: visits\n    alias: champion\n    checks: {range: review, novelty: review, sample: 0.01}'} />
            </Empty>
          ) : (
            <div className="stack">
              <Table
                label="Queues"
                rows={queues}
                id={(queue) => queue.endpoint}
                href={(queue) => `/reviews/${enc(queue.endpoint)}`}
                keys
                columns={[
                  { key: 'endpoint', label: 'Endpoint', width: 'minmax(160px, 1fr)', render: (queue) => queue.endpoint },
                  { key: 'pending', label: 'Waiting', align: 'num', width: '110px', render: (queue) => number(queue.pending) },
                  { key: 'oldest', label: 'Since', width: '120px', render: (queue) => <Ago at={queue.oldest} /> },
                  { key: 'complete', label: 'Answered', align: 'num', width: '110px', render: (queue) => number(queue.complete) },
                  { key: 'declined', label: 'Skipped', align: 'num', width: '110px', render: (queue) => number(queue.declined) },
                ]}
              />
              <Panel title="Latest" flush>
                <Items items={items} />
              </Panel>
            </div>
          )
        }
      </Await>
    </Page>
  );
}

/** Nothing where no labels were looked at. */
function Labels() {
  const reviews = useApi<{ reviews: LabelReview[] }>('/label-reviews', { topics: [...TOPICS, 'data'] }).data?.reviews ?? [];
  if (reviews.length === 0) return null;
  return (
    <div className="stack" style={{ marginBottom: 16 }}>
      <Panel title="Labels of datasets" flush>
        <Table
          label="Labels of datasets"
          rows={reviews}
          id={(review) => review.version}
          href={(review) => `/datasets/${enc(review.dataset)}/labels?v=${review.number}`}
          columns={[
            { key: 'dataset', label: 'Dataset', width: 'minmax(160px, 1fr)', render: (review) => `${review.dataset} v${review.number}` },
            { key: 'column', label: 'Label', width: 'minmax(90px, 140px)', render: (review) => review.column },
            { key: 'pending', label: 'Waiting', align: 'num', width: '110px', render: (review) => number(review.pending) },
            { key: 'complete', label: 'Judged', align: 'num', width: '110px', render: (review) => number(review.complete) },
            { key: 'corrected', label: 'Corrected', align: 'num', width: '110px', render: (review) => number(review.corrected) },
            { key: 'since', label: 'Since', width: '110px', render: (review) => <Ago at={review.since} /> },
          ]}
        />
      </Panel>
    </div>
  );
}

function Items({ items }: { items: Review[] }) {
  return (
    <Table
      label="Reviews"
      rows={items}
      id={(item) => item.prediction}
      href={(item) => `/why/${enc(item.prediction)}`}
      columns={[
        { key: 'state', label: 'State', width: '130px', render: (item) => <Standing item={item} /> },
        { key: 'because', label: 'Because', width: 'minmax(180px, 1.5fr)', render: (item) => item.reasons.join(', ') || '–' },
        { key: 'verdict', label: 'Verdict', width: 'minmax(80px, 140px)', render: (item) => (item.verdict === null ? '–' : String(item.verdict)) },
        { key: 'by', label: 'By', width: 'minmax(100px, 1fr)', render: (item) => item.completed_by ?? item.taken_by ?? '–' },
        { key: 'at', label: 'When', width: '110px', render: (item) => <Ago at={item.completed_at ?? item.created_at} /> },
      ]}
    />
  );
}

const WORDS = { pending: 'waiting', complete: 'done', declined: 'skipped' } as const;

function Standing({ item }: { item: Review }) {
  return <State value={WORDS[item.status]} label={item.status === 'complete' ? 'answered' : undefined} />;
}

/** One after the other: take, look, answer or skip. */
function Work({ endpoint }: { endpoint: string }) {
  const list = useApi<List>(`/reviews?endpoint=${enc(endpoint)}&limit=50`, { topics: TOPICS });
  const [item, setItem] = useState<Review | null>(null);
  const [label, setLabel] = useState('');
  const [comment, setComment] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const queue = list.data?.queues.find((candidate) => candidate.endpoint === endpoint);

  async function doing(work: () => Promise<void>) {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (caught) {
      setError(caught as ApiError);
    } finally {
      setBusy(false);
    }
  }
  async function take() {
    const next = await call<Partial<Review>>('/reviews/next', { method: 'POST', body: { endpoint } });
    setItem(next.prediction === undefined ? null : (next as Review));
    setLabel('');
    setComment('');
  }
  const act = (action: 'answer' | 'skip', value?: unknown) =>
    doing(async () => {
      if (!item) return;
      await call(`/reviews/${enc(item.prediction)}/${action}`, { method: 'POST', body: { label: value ?? null, comment: comment || null } });
      await take();
    });
  const answer = (text: string) => act('answer', readLabel(text));
  useKeys({ n: () => void doing(take), s: () => void act('skip') });

  const known = [...new Set((list.data?.items ?? []).map((done) => done.verdict).filter((verdict) => verdict !== null).map(String))];
  const binary = known.every((text) => text === '0' || text === '1');
  const quick = binary ? ['0', '1'] : known.length <= 6 ? known.toSorted() : [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (label !== '') void answer(label);
  };
  return (
    <Page
      title={endpoint}
      crumbs={[['Reviews', '/reviews']]}
      lead={queue ? `${number(queue.pending)} wait, ${number(queue.complete)} are answered, ${number(queue.declined)} were skipped.` : undefined}
      actions={<button type="button" className="primary" disabled={busy} onClick={() => void doing(take)}>{item ? 'Next' : 'Start'} <kbd>n</kbd></button>}
    >
      <div className="stack">
        {error && <Failure error={error} />}
        {item ? (
          <div className="halves">
            <Panel title="What came in" actions={<Link href={`/why/${enc(item.prediction)}`}>Why this prediction</Link>}>
              <Values values={item.record?.inputs ?? {}} reasons={item.reasons} />
            </Panel>
            <Panel title="What the model said">
              <Values values={item.record?.outputs ?? {}} reasons={[]} />
              <Facts
                items={[
                  ['Because', item.reasons.join(', ')],
                  ['Model', item.record ? `${item.record.model} ${item.record.version}` : null],
                  ['Predicted', <Ago key="at" at={item.record?.at} />],
                ]}
              />
              <form className="verdict" onSubmit={submit}>
                <div className="quick">
                  {quick.map((text) => (
                    <button key={text} type="button" disabled={busy} onClick={() => void answer(text)}>{text}</button>
                  ))}
                </div>
                <label className="field">
                  <span>What is true</span>
                  <input type="text" value={label} onChange={(event) => setLabel(event.target.value)} placeholder="a number, true, false or a text" />
                </label>
                <label className="field">
                  <span>Remark</span>
                  <input type="text" value={comment} onChange={(event) => setComment(event.target.value)} />
                </label>
                <div className="row">
                  <button type="submit" className="primary" disabled={busy || label === ''}>Answer</button>
                  <button type="button" disabled={busy} onClick={() => void act('skip')}>Skip <kbd>s</kbd></button>
                </div>
              </form>
            </Panel>
          </div>
        ) : (
          <Empty title={queue && queue.pending > 0 ? 'Start with the one that waits longest' : 'Nothing waits'}>
            <p>One that you take is yours for half an hour; others get the next.</p>
          </Empty>
        )}
        <Panel title="Of this endpoint" flush>
          <Await of={list}>{({ items }) => <Items items={items} />}</Await>
        </Panel>
      </div>
    </Page>
  );
}

/** The columns that something was noticed about come first. */
function Values({ values, reasons }: { values: Record<string, unknown>; reasons: string[] }) {
  const noticed = new Map(reasons.map((reason) => reason.split(/:(.*)/s) as [string, string?]).filter(([, column]) => column !== undefined).map(([check, column]) => [column as string, check]));
  const names = Object.keys(values).sort((a, b) => Number(noticed.has(b)) - Number(noticed.has(a)));
  return (
    <Facts
      items={names.map((name) => [
        name,
        <span key={name} className={noticed.has(name) ? 'noticed' : undefined}>
          {values[name] === null ? 'missing' : String(values[name])}
          {noticed.has(name) && <small> {noticed.get(name)}</small>}
        </span>,
      ])}
    />
  );
}

/** Numbers and booleans are meant as such. */
function readLabel(text: string): unknown {
  const plain = text.trim();
  if (plain === 'true' || plain === 'false') return plain === 'true';
  return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : text;
}
