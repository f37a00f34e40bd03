// The loop as a live picture: what is red on top, the stations on their track, what just happened below.
import type { DatasetSummary, DatasetVersion, Endpoint, Event, ModelSummary, MonitorSummary, Overview, PipelineRunSummary, RetrainPolicy, Retraining, Stage } from '../api';
import { useEffect, useState } from 'react';
import { details, headline, hrefOf, subjectOf, toneOf } from '../events';
import { ago, between, clock, count, duration, millis, number, percent, useNow } from '../format';
import { Await, Code, Glyph, Page, Panel, State, isLive, tone } from '../parts/basics';
import { Icon, type IconName } from '../parts/icons';
import { Spark, Ticks } from '../parts/marks';
import { Link, enc } from '../router';
import { OVERVIEW, useApi } from '../store';
import '../styles/home.css';

const STATIONS: Record<string, { title: string; icon: IconName }> = {
  data: { title: 'Data', icon: 'data' },
  training: { title: 'Training', icon: 'training' },
  gates: { title: 'Gates', icon: 'gates' },
  serving: { title: 'Serving', icon: 'serving' },
  monitoring: { title: 'Monitoring', icon: 'monitoring' },
};

/** What each station will show, while nothing has happened yet. */
const EXPLAINED: Stage[] = [
  { name: 'data', state: 'idle', headline: 'Versions that never change', detail: 'Files come in as a version only if they meet your expectations.', href: '/datasets' },
  { name: 'training', state: 'idle', headline: 'Steps you can repeat', detail: 'Locked environments, live curves, results kept by what made them.', href: '/pipelines' },
  { name: 'gates', state: 'idle', headline: 'A verdict with evidence', detail: 'Metrics by slice, against thresholds and the model that serves now.', href: '/models' },
  { name: 'serving', state: 'idle', headline: 'Swapped without a lost request', detail: 'Traffic by version, latency, a way back.', href: '/endpoints' },
  { name: 'monitoring', state: 'idle', headline: 'Compared with what it learned from', detail: 'Every window of predictions, feature by feature.', href: '/monitors' },
];

const SAYS: Record<string, string> = { ok: 'fine', running: 'at work', attention: 'needs you', idle: 'waiting' };

export default function Home() {
  const overview = useApi<Overview>('/overview', OVERVIEW);
  return (
    <Await of={overview} lines={10}>
      {(data) => {
        const fresh = !data.project && data.stages.every((stage) => stage.state === 'idle') && data.attention.length === 0;
        return (
          <Page title={data.project ?? (fresh ? 'Start the loop' : 'The loop')} lead={fresh ? 'Nothing runs here yet. Either way below is a complete start.' : summary(data)}>
            {data.attention.length > 0 && (
              <ul className="alarms" aria-label="Needs attention">
                {data.attention.map((item) => (
                  <li key={item.what + item.where}>
                    <span className="state" data-tone="alarm"><Glyph tone="alarm" /></span>
                    <span className="what">{item.what}</span>
                    <span className="where">{item.where}</span>
                    {/^mlwright |^cargo /.test(item.action) ? <code>{item.action}</code> : null}
                    <Link className="button" href={item.href}>{/^mlwright |^cargo /.test(item.action) ? 'Look' : item.action}</Link>
                  </li>
                ))}
              </ul>
            )}
            <Loop stages={fresh ? EXPLAINED : data.stages} />
            {fresh && <FirstSteps />}
            {(!fresh || data.recent.length > 0) && <Below overview={data} />}
          </Page>
        );
      }}
    </Await>
  );
}

function summary(data: Overview): string {
  if (data.attention.length > 0) return `${count(data.attention.length, 'thing needs', 'things need')} a person.`;
  const busy = data.stages.filter((stage) => stage.state === 'running').map((stage) => stage.name);
  return busy.length > 0 ? `At work: ${busy.join(', ')}. Nothing needs you.` : 'Nothing needs you.';
}

function Loop({ stages }: { stages: Stage[] }) {
  const busy = stages.some((stage) => stage.state === 'running');
  return (
    <section className="loop" aria-label="The loop">
      <svg className="track" aria-hidden="true">
        <rect x="0" y="0" width="100%" height="100%" rx="22" />
        {busy && <rect className="flow" x="0" y="0" width="100%" height="100%" rx="22" />}
      </svg>
      <ol className="stations">
        {stages.map((stage) => {
          const known = STATIONS[stage.name];
          return (
            <li key={stage.name} className="station" data-state={stage.state}>
              <Link className="stop" href={stage.href}>
                <span className="disc"><Icon name={known?.icon ?? 'loop'} /></span>
                <span className="clip">{known?.title ?? stage.name}</span>
                <span className="visually-hidden">: {SAYS[stage.state] ?? stage.state}</span>
              </Link>
              <p className="headline">{stage.headline}</p>
              <p className="detail">{stage.detail}</p>
              <div className="glyph"><StationGlyph name={stage.name} /></div>
            </li>
          );
        })}
      </ol>
      <WayBack />
    </section>
  );
}

function StationGlyph({ name }: { name: string }) {
  if (name === 'data') return <DataGlyph />;
  if (name === 'training') return <TrainingGlyph />;
  if (name === 'gates') return <GatesGlyph />;
  if (name === 'serving') return <ServingGlyph />;
  if (name === 'monitoring') return <MonitoringGlyph />;
  return null;
}

function DataGlyph() {
  const datasets = useApi<{ datasets: DatasetSummary[] }>('/datasets', { topics: ['data'] }).data?.datasets ?? [];
  const newest = [...datasets].sort((a, b) => (b.latest?.created_at ?? '').localeCompare(a.latest?.created_at ?? ''))[0];
  const versions = useApi<{ versions: DatasetVersion[] }>(newest ? `/datasets/${enc(newest.name)}` : null, { topics: ['data'] }).data?.versions ?? [];
  if (!newest?.latest || versions.length === 0) return null;
  const shown = [...versions].sort((a, b) => a.number - b.number).slice(-16);
  const top = Math.max(...shown.map((version) => version.rows), 1);
  return (
    <>
      <Ticks label={`rows of ${newest.name} by version`} ticks={shown.map((version) => ({ key: version.uid, tone: 'good', size: version.rows / top, title: `v${version.number}: ${number(version.rows)} rows` }))} />
      <small><span>{count(versions.length, 'version')}</span><span>{number(newest.latest.rows)} rows</span></small>
    </>
  );
}

function TrainingGlyph() {
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>('/pipeline-runs?limit=20', { topics: ['pipeline', 'step'] }).data?.pipeline_runs ?? [];
  if (runs.length === 0) return null;
  const lengths = runs.map((run) => between(run.started_at ?? run.created_at, run.ended_at) ?? 0);
  const top = Math.max(...lengths, 1);
  return (
    <>
      <Ticks
        label="pipeline runs by duration"
        ticks={runs.map((run, index) => ({ key: run.id, tone: tone(run.state), size: (lengths[index] ?? 0) / top, title: `${run.pipeline}: ${run.state}, ${duration(lengths[index])}` })).reverse()}
      />
      <small><span>{count(runs.length, 'pipeline run')}</span><span>longest {duration(top)}</span></small>
    </>
  );
}

function GatesGlyph() {
  const models = useApi<{ models: ModelSummary[] }>('/models', { topics: ['model', 'evaluation'] }).data?.models ?? [];
  const first = models.find((model) => Object.keys(model.aliases).length > 0) ?? models[0];
  if (!first) return null;
  return (
    <span className="tags">
      {Object.entries(first.aliases).map(([alias, version]) => (
        <Link key={alias} className="tag alias" href={`/models/${enc(first.name)}?v=${version}`}>{first.name} v{version} {alias}</Link>
      ))}
    </span>
  );
}

function ServingGlyph() {
  const endpoints = useApi<{ endpoints: Endpoint[] }>('/endpoints', { every: 2000 }).data?.endpoints ?? [];
  const busiest = [...endpoints].sort((a, b) => b.traffic.requests - a.traffic.requests)[0];
  if (!busiest) return null;
  const { traffic } = busiest;
  return (
    <>
      <Spark values={traffic.series.slice(-60).map((point) => point[1])} label={`requests per second on ${busiest.name}`} />
      <small><span>{number(Math.round(traffic.rps * 10) / 10)} req/s</span><span>p99 {millis(traffic.p99_ms)}</span></small>
    </>
  );
}

function MonitoringGlyph() {
  const monitors = useApi<{ monitors: MonitorSummary[] }>('/monitors', { topics: ['monitor', 'drift'] }).data?.monitors ?? [];
  const first = monitors.find((monitor) => monitor.drifted) ?? monitors[0];
  const detail = useApi<{ windows: { id: string; drifted: boolean; share: number; rows: number }[] }>(first ? `/monitors/${enc(first.name)}` : null, { topics: ['monitor', 'drift'] }).data;
  const windows = byTime(detail?.windows ?? []).slice(-24);
  if (windows.length === 0) return null;
  const last = windows.at(-1);
  return (
    <>
      <Ticks label="drift windows" ticks={windows.map((window) => ({ key: window.id, tone: window.drifted ? 'alarm' : 'good', size: window.drifted ? 1 : 0.35 + window.share * 0.6, title: `${number(window.rows)} rows, ${percent(window.share)} of features drifted` }))} />
      <small><span>{count(windows.length, 'window')}</span><span>last {percent(last?.share)} drifted</span></small>
    </>
  );
}

/** UUIDv7 ids begin with their time. */
function byTime<T extends { id: string; from?: string }>(windows: T[]): T[] {
  return [...windows].sort((a, b) => (a.from ?? a.id).localeCompare(b.from ?? b.id));
}

function WayBack() {
  const now = useNow(1000);
  const data = useApi<{ retrainings: Retraining[]; policies?: RetrainPolicy[] }>('/retrainings', { topics: ['retrain', 'drift', 'pipeline', 'model'] }).data;
  const newest = [...(data?.retrainings ?? [])].sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
  const active = newest && isLive(newest.state) ? newest : undefined;
  const policy = data?.policies?.[0];
  const cooling = policy?.cooldown_until && Date.parse(policy.cooldown_until) > now ? policy.cooldown_until : null;
  const which = active ? 'busy' : newest ? tone(newest.state) : 'still';
  return (
    <Link className="wayback" data-tone={which} href={active ? `/retrainings/${enc(active.id)}` : '/retrainings'}>
      <Icon name="retraining" />
      {active ? (
        <span className="clip"><b>Retraining</b> {active.state.replaceAll('_', ' ')} for {duration(between(active.created_at, null, now))}</span>
      ) : newest ? (
        <span className="clip"><b>Retraining</b> {newest.state.replaceAll('_', ' ')} {ago(newest.updated_at, now)}{cooling ? `, cooling down until ${clock(cooling)}` : ''}{policy?.budget ? `, ${policy.budget.used} of ${policy.budget.runs} used per ${policy.budget.per}` : ''}</span>
      ) : (
        <span className="clip"><b>Retraining</b> starts when a monitor sees drift</span>
      )}
    </Link>
  );
}

function Below({ overview }: { overview: Overview }) {
  const [since] = useState(() => Math.max(0, ...overview.recent.map((event) => event.position)));
  const [seen, setSeen] = useState(since);
  useEffect(() => {
    const timer = setTimeout(() => setSeen(Math.max(seen, ...overview.recent.map((event) => event.position))), 2000);
    return () => clearTimeout(timer);
  }, [overview.recent, seen]);
  return (
    <div className="halves">
      <Panel title="What just happened" flush actions={<Link href="/events">All events</Link>}>
        <ul className="feed">
          {folded(overview.recent).slice(0, 12).map(({ event, times }) => {
            const subject = subjectOf(event);
            return (
              <li key={event.position} data-new={event.position > seen}>
                <time dateTime={event.at} title={event.at}>{clock(event.at)}</time>
                <span className="state" data-tone={toneOf(event)}><Glyph tone={toneOf(event)} /></span>
                <div>
                  <Link href={hrefOf(subject.kind, subject.key, event.payload)}>{headline(event)}</Link>
                  {times > 1 && <span className="muted"> and {times - 1} before</span>}
                  <div className="muted clip">{details(event)}</div>
                </div>
              </li>
            );
          })}
          {overview.recent.length === 0 && <li><span /><span /><span className="muted">No event yet.</span></li>}
        </ul>
      </Panel>
      <Work />
    </div>
  );
}

/** A row of events that say the same is one line with its count, so that the rare one is seen. */
function folded(events: Event[]): { event: Event; times: number }[] {
  const lines: { event: Event; times: number }[] = [];
  for (const event of events) {
    const last = lines.at(-1);
    if (last && last.event.kind === event.kind && headline(last.event) === headline(event)) last.times += 1;
    else lines.push({ event, times: 1 });
  }
  return lines;
}

function Work() {
  const now = useNow(1000);
  const runs = useApi<{ pipeline_runs: PipelineRunSummary[] }>('/pipeline-runs?limit=20', { topics: ['pipeline', 'step'] }).data?.pipeline_runs ?? [];
  const retrainings = useApi<{ retrainings: Retraining[] }>('/retrainings', { topics: ['retrain', 'drift', 'pipeline', 'model'] }).data?.retrainings ?? [];
  const items = [
    ...retrainings.map((item) => ({ key: item.id, at: item.created_at, href: `/retrainings/${enc(item.id)}`, name: item.policy, what: 'retraining', state: item.state, took: between(item.created_at, isLive(item.state) ? null : item.updated_at, now) })),
    ...runs.map((run) => ({ key: run.id, at: run.created_at, href: `/pipeline-runs/${enc(run.id)}`, name: run.pipeline, what: 'pipeline run', state: run.state, took: between(run.started_at ?? run.created_at, run.ended_at, now) })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <Panel title="Work" flush actions={<Link href="/pipelines">Pipelines</Link>}>
      <ul className="feed">
        {items.slice(0, 10).map((item) => (
          <li key={item.key}>
            <time dateTime={item.at} title={item.at}>{clock(item.at)}</time>
            <span className="state" data-tone={tone(item.state)}><Glyph tone={tone(item.state)} /></span>
            <div>
              <Link href={item.href}>{item.name}</Link>
              <div className="muted">{item.what} · <span className={tone(item.state) === 'alarm' ? 'alarm-text' : undefined}>{item.state.replaceAll('_', ' ')}</span> · {duration(item.took)}</div>
            </div>
          </li>
        ))}
        {items.length === 0 && <li><span /><span><State value="idle" label="" /></span><span className="muted">No pipeline ran yet.</span></li>}
      </ul>
    </Panel>
  );
}

function FirstSteps() {
  return (
    <div className="halves">
      <Panel title="The whole loop, from one file">
        <ol className="steps-list">
          <li>
            <p>In a folder with an <code>mlwright.yaml</code> (the repository's <code>examples/</code> has a complete one), look at what would happen:</p>
            <Code text={`export MLWRIGHT_URL=${location.origin}\nmlwright plan`} />
          </li>
          <li>
            <p>Make it so. Data is checked, a model trained, gated and served; this page follows live.</p>
            <Code text="mlwright apply" />
          </li>
        </ol>
      </Panel>
      <Panel title="Your own code, with MLflow's client">
        <ol className="steps-list">
          <li>
            <p>Point the unmodified client here; nothing else changes in your code.</p>
            <Code label="Python" text={`import mlflow\n\nmlflow.set_tracking_uri("${location.origin}")\nmlflow.set_experiment("first")\nwith mlflow.start_run():\n    mlflow.log_param("depth", 6)\n    mlflow.log_metric("roc_auc", 0.71)`} />
          </li>
          <li><p>The run appears under <Link href="/runs">Runs</Link> while it is running.</p></li>
        </ol>
      </Panel>
    </div>
  );
}
