// Labels of a dataset version that look wrong: a person keeps or corrects each, and the corrected ones become a new version.
import { type FormEvent, useState } from 'react';
import { type ApiError, type DatasetVersion, type DatasetVersionDetail, type LabelItem, type LabelPage, type LabelReview, call } from '../api';
import { count, number } from '../format';
import { useKeys } from '../keys';
import { Ago, Await, Empty, Facts, Failure, Page, Panel, State } from '../parts/basics';
import { Table } from '../parts/table';
import { enc, navigate, setParams, useParam } from '../router';
import { useApi } from '../store';
import '../styles/monitor.css';

const TOPICS = ['review', 'data'];

export default function Labels({ args: [name = ''] }: { args: string[] }) {
  const [chosen] = useParam('v');
  const dataset = useApi<{ versions: DatasetVersion[] }>(`/datasets/${enc(name)}`, { topics: ['data'] });
  return (
    <Await of={dataset}>
      {({ versions }) => {
        const newest = Math.max(0, ...versions.map((version) => version.number));
        const version = chosen === undefined || chosen === '' ? newest : Number(chosen);
        return <Work key={`${name} ${version}`} name={name} version={version} />;
      }}
    </Await>
  );
}

function Work({ name, version }: { name: string; version: number }) {
  const path = `/datasets/${enc(name)}/versions/${version}`;
  const page = useApi<LabelPage>(`${path}/labels?limit=1000`, { topics: TOPICS });
  const [at, setAt] = useParam('row');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const items = page.data?.items ?? [];
  const review = page.data?.review ?? null;
  const waiting = items.filter((item) => item.status === 'pending');
  const item = items.find((candidate) => String(candidate.row) === at) ?? waiting[0];

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
  const judge = (verdict: 'keep' | 'correct' | 'skip' | 'reopen', label?: string, comment?: string) =>
    void doing(async () => {
      if (!item) return;
      await call(`${path}/labels/${item.row}`, { method: 'POST', body: { verdict, label: label ?? null, comment: comment || null } });
      setAt(verdict === 'reopen' ? String(item.row) : null);
    });
  const commit = () =>
    void doing(async () => {
      const made = await call<DatasetVersion>(`${path}/corrected`, { method: 'POST' });
      navigate(`/datasets/${enc(name)}?v=${made.number}`);
    });
  const open = item?.status === 'pending';
  useKeys({
    k: () => open && judge('keep'),
    c: () => open && item && judge('correct', item.likely),
    s: () => open && judge('skip'),
  });

  return (
    <Page
      crumbs={[['Datasets', '/datasets'], [name, `/datasets/${enc(name)}?v=${version}`]]}
      title={<>Labels of {name} <span className="tag">v{version}</span></>}
      lead={review ? `${number(review.pending)} wait, ${number(review.complete)} are judged, ${number(review.corrected)} of them corrected, ${number(review.declined)} were skipped.` : 'Rows whose label looks wrong, by confident learning.'}
      actions={review && review.corrected > 0 && <button type="button" className="primary" disabled={busy} onClick={commit}>Make a version of {count(review.corrected, 'correction')}</button>}
    >
      <div className="stack">
        {error && <Failure error={error} />}
        <Await of={page}>
          {(data) =>
            data.review === null ? (
              <Find path={path} plan={data.plan} busy={busy} doing={doing} />
            ) : (
              <>
                {item ? (
                  <One key={item.row} item={item} known={labelsOf(items)} busy={busy} judge={judge} />
                ) : (
                  <Empty title="Nothing waits">
                    <p>Every label that looked wrong was judged. {data.review.corrected > 0 && 'The corrected ones can become a new version.'}</p>
                  </Empty>
                )}
                <Panel title="Labels that look wrong" actions={<Find path={path} plan={{ label: data.review.column }} busy={busy} doing={doing} again />} flush>
                  <Items items={items} current={item?.row} />
                </Panel>
              </>
            )
          }
        </Await>
      </div>
    </Page>
  );
}

/** All labels that were seen, for a few of them a button each. */
function labelsOf(items: LabelItem[]): string[] {
  return [...new Set(items.flatMap((item) => [item.given, item.likely]))].toSorted();
}

function Find({ path, plan, busy, doing, again = false }: { path: string; plan: { label: string } | null; busy: boolean; doing: (work: () => Promise<void>) => Promise<void>; again?: boolean }) {
  const detail = useApi<DatasetVersionDetail>(again ? null : path, { topics: ['data'] });
  const [column, setColumn] = useState<string | null>(null);
  const [clean, setClean] = useState<string | null>(null);
  const columns = detail.data?.schema.columns.map((known) => known.name) ?? [];
  const wanted = column ?? plan?.label ?? columns.at(-1) ?? '';
  const find = () => void doing(() => call<LabelReview>(`${path}/labels`, { method: 'POST', body: column === null && plan !== null && !again ? {} : { label: wanted } }).then((found) => setClean(found.pending + found.complete + found.declined === 0 ? found.column : null)));
  if (again) return <button type="button" disabled={busy} onClick={find}>Look again</button>;
  return (
    <Empty title={clean === null ? 'Nobody looked for label errors of this version yet' : `No label in ${clean} looks wrong`}>
      <form
        className="verdict"
        onSubmit={(event) => {
          event.preventDefault();
          find();
        }}
      >
        <label className="field">
          <span>The column of labels</span>
          <select value={wanted} onChange={(event) => setColumn(event.target.value)}>
            {columns.map((known) => (
              <option key={known} value={known}>{known}</option>
            ))}
          </select>
        </label>
        <div className="row">
          <button type="submit" className="primary" disabled={busy || wanted === ''}>Look for label errors</button>
        </div>
      </form>
    </Empty>
  );
}

const FEW = 6;

function One({ item, known, busy, judge }: { item: LabelItem; known: string[]; busy: boolean; judge: (verdict: 'keep' | 'correct' | 'skip' | 'reopen', label?: string, comment?: string) => void }) {
  const [label, setLabel] = useState('');
  const [comment, setComment] = useState(item.comment ?? '');
  const others = known.length <= FEW ? known.filter((other) => other !== item.given && other !== item.likely) : [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (label !== '') judge('correct', label, comment);
  };
  return (
    <div className="halves">
      <Panel title={`Row ${number(item.row)}`}>
        <Facts items={Object.entries(item.values).filter(([column]) => column !== item.column).map(([column, value]) => [column, value === null ? 'missing' : String(value)])} />
      </Panel>
      <Panel title={item.column}>
        <Facts
          items={[
            ['Given', <strong key="given">{item.given}</strong>],
            ['Looks like', <strong key="likely">{item.likely}</strong>],
            ['For the given', `${(100 * item.quality).toFixed(1)} %`],
            ['Verdict', item.status === 'pending' ? null : item.verdict ?? 'it cannot be told'],
            ['By', item.completed_by],
          ]}
        />
        {item.status === 'pending' ? (
          <form className="verdict" onSubmit={submit}>
            <div className="quick">
              <button type="button" disabled={busy} onClick={() => judge('correct', item.likely, comment)}>It is {item.likely} <kbd>c</kbd></button>
              <button type="button" disabled={busy} onClick={() => judge('keep', undefined, comment)}>{item.given} is right <kbd>k</kbd></button>
              {others.map((other) => (
                <button key={other} type="button" disabled={busy} onClick={() => judge('correct', other, comment)}>It is {other}</button>
              ))}
            </div>
            <label className="field">
              <span>Another label</span>
              <input type="text" value={label} onChange={(event) => setLabel(event.target.value)} />
            </label>
            <label className="field">
              <span>Remark</span>
              <input type="text" value={comment} onChange={(event) => setComment(event.target.value)} />
            </label>
            <div className="row">
              <button type="submit" className="primary" disabled={busy || label === ''}>Correct</button>
              <button type="button" disabled={busy} onClick={() => judge('skip', undefined, comment)}>It cannot be told <kbd>s</kbd></button>
            </div>
          </form>
        ) : (
          <div className="verdict">
            <div className="row">
              <button type="button" disabled={busy} onClick={() => judge('reopen')}>Judge again</button>
              <button type="button" onClick={() => setParams({ row: null })}>Next</button>
            </div>
          </div>
        )}
      </Panel>
    </div>
  );
}

function Items({ items, current }: { items: LabelItem[]; current: number | undefined }) {
  return (
    <Table
      label="Labels"
      rows={items}
      id={(item) => String(item.row)}
      current={current === undefined ? undefined : String(current)}
      height={items.length > 40 ? '60vh' : undefined}
      empty="No label looks wrong."
      columns={[
        { key: 'row', label: 'Row', width: '90px', render: (item) => <button type="button" className="bare" onClick={() => setParams({ row: String(item.row) })}>{number(item.row)}</button> },
        { key: 'given', label: 'Given', width: 'minmax(80px, 1fr)', render: (item) => item.given },
        { key: 'likely', label: 'Looks like', width: 'minmax(80px, 1fr)', render: (item) => item.likely },
        { key: 'quality', label: 'For the given', align: 'num', width: '120px', render: (item) => `${(100 * item.quality).toFixed(1)} %` },
        { key: 'state', label: 'State', width: '120px', render: (item) => <Standing item={item} /> },
        { key: 'verdict', label: 'Verdict', width: 'minmax(80px, 140px)', render: (item) => item.verdict ?? '–' },
        { key: 'by', label: 'By', width: 'minmax(100px, 1fr)', render: (item) => item.completed_by ?? '–' },
        { key: 'at', label: 'When', width: '110px', render: (item) => (item.completed_at ? <Ago at={item.completed_at} /> : '–') },
      ]}
    />
  );
}

function Standing({ item }: { item: LabelItem }) {
  if (item.status === 'pending') return <State value="waiting" />;
  if (item.status === 'declined') return <State value="skipped" />;
  return <State value="done" label={item.verdict === item.given ? 'kept' : 'corrected'} />;
}
