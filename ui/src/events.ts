// What an event says, in words, and where it leads.
import type { Event, Json } from './api';
import { number, plain, short, words } from './format';
import { enc } from './router';
import { type Tone } from './parts/basics';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : typeof value === 'number' ? number(value) : '');

/** `run:<id>` → kind and key. */
export function subjectOf(event: Event): { kind: string; key: string } {
  const at = event.subject.indexOf(':');
  return at < 0 ? { kind: '', key: event.subject } : { kind: event.subject.slice(0, at), key: event.subject.slice(at + 1) };
}

/** The page of a thing in the graph or in an event's subject; the lineage shows what has no page of its own. */
export function hrefOf(kind: string, key: string, props: Record<string, Json> = {}): string {
  const of = (name: string) => (typeof props[name] === 'string' ? (props[name] as string) : '');
  switch (kind) {
    case 'run':
      return `/runs/${enc(key)}`;
    case 'pipeline_run':
      return `/pipeline-runs/${enc(key)}`;
    case 'retraining':
      return `/retrainings/${enc(key)}`;
    case 'prediction':
      return `/why/${enc(key)}`;
    case 'endpoint':
      return `/endpoints/${enc(key)}`;
    case 'monitor':
      return `/monitors/${enc(key)}`;
    case 'pipeline':
      return `/pipelines/${enc(key)}`;
    case 'model':
      return `/models/${enc(key)}`;
    case 'dataset':
      return `/datasets/${enc(key)}`;
    case 'repository':
      // Its events carry the id; the list knows the name.
      return of('name') ? `/repositories/${enc(of('name'))}` : `/repositories?id=${enc(key)}`;
    case 'store':
      return '/repositories';
    case 'commit':
      if (of('name')) return `/repositories/${enc(of('name'))}/commits/${enc(key)}`;
      break;
    case 'experiment':
      return `/runs`;
    case 'model_version':
      if (of('model')) return `/models/${enc(of('model'))}${props.number ? `?v=${plain(props.number)}` : ''}`;
      break;
    case 'dataset_version':
      if (of('dataset')) return `/datasets/${enc(of('dataset'))}${props.number ? `?v=${plain(props.number)}` : ''}`;
      break;
    case 'schedule':
      return `/schedules?schedule=${enc(key)}`;
    case 'pipeline_backfill':
      return `/backfills/${enc(key)}`;
    case 'step_run':
      if (of('run') && of('step')) return `/pipeline-runs/${enc(of('run'))}?step=${enc(of('step'))}`;
      if (of('pipeline_run')) return `/pipeline-runs/${enc(of('pipeline_run'))}${of('step') ? `?step=${enc(of('step'))}` : ''}`;
      break;
    case 'endpoint_revision':
      if (of('endpoint')) return `/endpoints/${enc(of('endpoint'))}`;
      break;
    case 'monitor_window':
      if (of('monitor')) return `/monitors/${enc(of('monitor'))}?w=${enc(key)}`;
      break;
  }
  return `/lineage?kind=${enc(kind)}&key=${enc(key).replaceAll('%3A', ':')}`;
}

export function toneOf(event: Event): Tone {
  const { kind, payload } = event;
  if (/(failed|rejected|timed_out|detected)/.test(kind) || payload.status === 'failed' || payload.state === 'failed') return 'alarm';
  if (payload.passed === false) return 'warn';
  if (/(refused|cancelled|killed)/.test(kind) || payload.state === 'refused') return 'warn';
  if (/(started|triggered|submitted|running)/.test(kind)) return 'busy';
  if (/(finished|accepted|passed|done|cleared|deployed|promoted|sealed|alias_moved|created|imported)/.test(kind)) return 'good';
  return 'still';
}

export function headline(event: Event): string {
  const { payload } = event;
  const { key } = subjectOf(event);
  const name = text(payload.name) || text(payload.model) || text(payload.dataset) || text(payload.endpoint) || text(payload.monitor) || text(payload.pipeline) || text(payload.policy) || text(payload.branch) || text(payload.tag);
  const version = payload.number ?? payload.version;
  const shown = name ? `${name}${typeof version === 'number' ? ` v${version}` : ''}` : short(key);
  const what = words(event.kind);
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}: ${shown}`;
}

/** The rest of the payload: numbers and names in full, ids short. */
export function details(event: Event): string {
  const subject = subjectOf(event).key;
  return Object.entries(event.payload)
    .filter(([key, value]) => value !== null && value !== subject && !(key === 'experiment' && typeof value === 'number') && !['name', 'model', 'dataset', 'endpoint', 'monitor', 'pipeline', 'policy', 'number', 'version', 'schema_version'].includes(key) && !(typeof value === 'object' && !Array.isArray(value)))
    .slice(0, 5)
    .map(([key, value]) => `${words(key)} ${typeof value === 'string' ? short(value) : plain(value)}`)
    .join(' · ');
}
