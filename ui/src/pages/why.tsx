// Why this prediction: the chain from the answer down to the source files, each link with its facts.
import type { Json, Why } from '../api';
import { hrefOf } from '../events';
import { millis, moment, plain, words } from '../format';
import { Await, Code, Empty, Facts, Id, Page, Panel } from '../parts/basics';
import { Icon, type IconName } from '../parts/icons';
import { LineageGraph } from '../parts/lineage_graph';
import { Link, enc, navigate } from '../router';
import { useApi } from '../store';
import '../styles/why.css';

const ICONS: Record<string, IconName> = {
  prediction: 'serving', endpoint_revision: 'serving', model_version: 'model', evaluation: 'gates', run: 'training', step_run: 'pipeline', pipeline_run: 'pipeline', code: 'code', environment: 'folder', dataset_version: 'data', file: 'file', retraining: 'retraining', artifact: 'file',
};

const ID = /^([0-9a-f]{32}|(sha256|blake3):[0-9a-f]{64})$/i;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

function label(key: string): string {
  return words(key.replace(/_(us|ms)$/, '').replace(/^uid$/, 'id'));
}

function fact(value: Json, key = '') {
  if (typeof value === 'number' && /_(us|ms)$/.test(key)) return millis(key.endsWith('_us') ? value / 1000 : value);
  if (typeof value === 'string' && ID.test(value)) return <Id value={value} />;
  if (typeof value === 'string' && TIME.test(value)) return moment(value);
  return plain(value);
}

export default function WhyPage({ args: [id = ''] }: { args: string[] }) {
  const why = useApi<Why>(id ? `/why/${enc(id)}` : null, { topics: ['label'] });
  if (!id) return <Ask />;
  return (
    <Await of={why}>
      {(data) => (
        <Page crumbs={[['Lineage', '/lineage']]} title="Why this prediction?" lead={<>From the answer back to the files it rests on. <Id value={id} /></>}>
          <div className="why">
            <ol className="chain">
              {data.chain.map((link, index) => {
                const href = link.href ?? place(link.kind, link.facts, data);
                return (
                  <li key={index}>
                    <span className="disc"><Icon name={ICONS[link.kind] ?? 'lineage'} /></span>
                    <section className="panel">
                      <header>
                        <h2>{href ? <Link href={href}>{link.title}</Link> : link.title}</h2>
                        <span className="muted">{words(link.kind)}</span>
                      </header>
                      {Object.keys(link.facts).length > 0 && (
                        <div className="body">
                          <Facts items={Object.entries(link.facts).map(([key, value]) => [label(key), value !== null && typeof value === 'object' ? <Values key={key} value={value} /> : fact(value, key)])} />
                        </div>
                      )}
                    </section>
                  </li>
                );
              })}
            </ol>
            <div className="aside">
              <Panel title="As a graph" flush>
                <LineageGraph lineage={data.graph} height={620} />
              </Panel>
              <Panel title="The same, in a terminal"><Code text={`mlwright why ${id}`} /></Panel>
            </div>
          </div>
        </Page>
      )}
    </Await>
  );
}

/** The page of a link: its id is among its facts or in the graph. */
function place(kind: string, facts: Record<string, Json>, data: Why): string | null {
  const node = data.graph.nodes.find((candidate) => candidate.kind === kind && Object.values(facts).includes(candidate.key)) ?? oneOf(kind, data);
  if (!node) return null;
  const href = hrefOf(kind, node.key, { ...node.props, ...facts });
  return href;
}

function oneOf(kind: string, data: Why) {
  const found = data.graph.nodes.filter((node) => node.kind === kind);
  return found.length === 1 ? found[0] : undefined;
}

function Values({ value }: { value: Json }) {
  if (value === null || typeof value !== 'object') return <>{plain(value)}</>;
  const entries = Object.entries(value);
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) return <>{value.map((item) => plain(item)).join(', ')}</>;
  return (
    <dl className="values">
      {entries.map(([key, inner]) => (
        <div key={key}>
          <dt>{Array.isArray(value) ? '' : words(key)}</dt>
          <dd>{fact(inner)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Ask() {
  return (
    <Page title="Why this prediction?">
      <Empty title="Which prediction?">
        <p>Every answer of an endpoint carries an id. Paste one to see the model, code, environment and data behind it.</p>
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            const id = String(new FormData(event.currentTarget).get('id')).trim();
            if (id) navigate(`/why/${enc(id)}`);
          }}
        >
          <input type="text" name="id" aria-label="Prediction id" placeholder="Prediction id" size={40} required />
          <button className="primary">Show</button>
        </form>
      </Empty>
    </Page>
  );
}
