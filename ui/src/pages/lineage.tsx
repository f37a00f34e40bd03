// The graph from any node: what it was made of, and what it went into.
import { type Event, type Lineage, query } from '../api';
import { hrefOf, subjectOf, headline } from '../events';
import { count, moment, plain, words } from '../format';
import { Ago, Await, Code, Empty, Facts, Id, Page, Panel, Segments } from '../parts/basics';
import { LineageGraph, nodeName, pageOf } from '../parts/lineage_graph';
import { Link, navigate, setParams, useLocation } from '../router';
import { useApi } from '../store';

const KINDS = ['run', 'model_version', 'dataset_version', 'pipeline_run', 'step_run', 'endpoint_revision', 'evaluation', 'monitor_window', 'retraining', 'artifact', 'file', 'code', 'environment', 'prediction_segment'];

export default function LineagePage() {
  const { search } = useLocation();
  const joined = search.get('node') ?? '';
  const kind = search.get('kind') ?? joined.split(':')[0] ?? '';
  const key = search.get('key') ?? joined.slice(kind.length + 1);
  const direction = search.get('direction') ?? 'both';
  const depth = search.get('depth') ?? '8';
  const lineage = useApi<Lineage>(kind && key ? `/lineage${query({ kind, key, direction, depth })}` : null, { topics: ['run', 'model', 'data', 'pipeline', 'evaluation', 'endpoint', 'retrain'] });
  if (!kind || !key) return <Start />;
  return (
    <Await of={lineage}>
      {(data) => {
        const focus = data.nodes.find((node) => node.kind === kind && node.key === key);
        const page = focus && pageOf(focus);
        return (
          <Page
            crumbs={[['Lineage', '/lineage']]}
            title={<>{focus ? nodeName(focus) : key} <span className="tag">{words(kind)}</span></>}
            actions={
              <>
                <Segments label="Direction" value={direction as 'causes' | 'effects' | 'both'} onChange={(value) => setParams({ direction: value })} options={[['causes', 'Why'], ['both', 'Both'], ['effects', 'What it touched']] as const} />
                {page && <Link className="button" href={page}>Open</Link>}
              </>
            }
          >
            <div className="stack">
              <Panel title={`${count(data.nodes.length, 'thing')}, ${count(data.edges.length, 'link')}`} actions={<span className="muted">causes left, effects right</span>} flush>
                <LineageGraph lineage={data} focus={{ kind, key }} height={480} />
              </Panel>
              {focus && (
                <Panel title="What is recorded of it">
                  <Facts items={[['Key', <Id key="k" value={focus.key} />], ['Recorded', moment(focus.created_at)], ...Object.entries(focus.props).map(([name, value]): [string, string] => [words(name), plain(value)])]} />
                </Panel>
              )}
            </div>
          </Page>
        );
      }}
    </Await>
  );
}

function Start() {
  const recent = useApi<{ events: Event[] }>('/events?limit=500').data?.events ?? [];
  const known = recent.map((event) => ({ event, subject: subjectOf(event) })).filter(({ subject }) => KINDS.includes(subject.kind));
  const unique = known.filter(({ event, subject }, index) => known.findIndex((other) => headline(other.event) === headline(event) || other.subject.key === subject.key) === index);
  return (
    <Page title="Lineage" lead="Everything that was made here knows what it was made of. Start from any of it.">
      <div className="stack">
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            const kind = String(form.get('kind'));
            const key = String(form.get('key')).trim();
            if (key) navigate(kind === 'prediction' ? `/why/${key}` : `/lineage?kind=${kind}&key=${key}`);
          }}
        >
          <select name="kind" aria-label="Kind">
            <option value="prediction">prediction</option>
            {KINDS.map((kind) => <option key={kind} value={kind}>{words(kind)}</option>)}
          </select>
          <input className="grow" type="text" name="key" aria-label="Id or digest" placeholder="Its id, or sha256:… for files and artifacts" style={{ maxWidth: 560 }} />
          <button className="primary">Show</button>
        </form>
        {unique.length > 0 ? (
          <Panel title="Recently touched" flush>
            <ul className="recent-nodes">
              {unique.slice(0, 14).map(({ event, subject }) => (
                <li key={subject.key}>
                  <Link href={`/lineage?kind=${subject.kind}&key=${subject.key}`}>{headline(event)}</Link>
                  <span className="muted"><Ago at={event.at} /></span>
                  {!hrefOf(subject.kind, subject.key, event.payload).startsWith('/lineage') && <Link href={hrefOf(subject.kind, subject.key, event.payload)}>open</Link>}
                </li>
              ))}
            </ul>
          </Panel>
        ) : (
          <Empty title="Nothing was made yet">
            <p>The graph fills while pipelines, runs and endpoints work. From the command line, one prediction explains itself:</p>
            <Code text="mlwright why <prediction-id>" />
          </Empty>
        )}
      </div>
    </Page>
  );
}
