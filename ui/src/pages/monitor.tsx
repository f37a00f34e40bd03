// A monitor: its windows on a time line, and in the chosen one each feature against its baseline.
import { useState } from 'react';
import type { FeatureScore, Histogram, Monitor, MonitorWindow } from '../api';
import { Signals } from '../parts/signals';
import { clock, count, metric, moment, number, percent } from '../format';
import { Await, Bones, Empty, Page, Panel, Segments, State, Strip } from '../parts/basics';
import { Chart } from '../parts/chart';
import { Bars, Gauge } from '../parts/marks';
import { Link, enc, setParams, useParam } from '../router';
import { useApi } from '../store';
import '../styles/monitor.css';

type Feature = FeatureScore & { baseline?: Histogram | null; current?: Histogram | null };

const METHODS: Record<string, string> = {
  psi: 'population stability index',
  ks: 'Kolmogorov–Smirnov',
  jensenshannon: 'Jensen–Shannon distance',
  wasserstein: 'Wasserstein distance',
  chi_square: 'chi-square',
};

export default function MonitorPage({ args: [name = ''] }: { args: string[] }) {
  const monitor = useApi<Monitor>(`/monitors/${enc(name)}`, { topics: ['monitor', 'drift', 'label', 'predictions'], every: 5000 });
  const [chosen] = useParam('w');
  return (
    <Await of={monitor}>
      {(data) => {
        const windows = [...data.windows].sort((a, b) => a.to.localeCompare(b.to));
        const newest = windows.at(-1);
        const current = windows.find((window) => window.id === chosen) ?? newest;
        return (
          <Page
            crumbs={[['Monitors', '/monitors']]}
            title={<>{data.name} {newest ? <State value={newest.drifted ? 'drifted' : 'stable'} /> : <State value="waiting" label="waiting for its first window" />}</>}
            actions={current && <Link className="button" href={`/lineage?kind=monitor_window&key=${enc(current.id)}&direction=both`}>Lineage</Link>}
          >
            <Strip
              items={[
                ['Watches', <Link key="e" href={`/endpoints/${enc(data.endpoint)}`}>{data.endpoint}</Link>],
                ['Method', METHODS[data.method] ?? data.method],
                ['A feature drifts above', number(data.threshold)],
                ['A window drifts at', `${percent(data.share)} of features`],
                ['An alarm needs', count(data.consecutive, 'window')],
                ...(data.rules?.records === 'shadows' ? [['Records', 'what shadows did'] as [string, string]] : []),
                ['Window', `${number(data.window_rows)} rows${data.pending_rows ? `, ${number(data.pending_rows)} waiting` : ''}`],
              ]}
            />
            {current ? (
              <div className="stack">
                <Timeline windows={windows} current={current} threshold={data.share} />
                <Signals window={current} levels={data.levels ?? {}} labelled={data.performance?.[0]?.metrics} />
                <WindowView name={name} monitor={data} window={current} newest={current === newest} />
                {data.performance && data.performance.length > 0 && <Performance points={data.performance} />}
              </div>
            ) : (
              <Empty title="No full window yet">
                <p>
                  The first verdict comes after {number(data.window_rows)} predictions on <Link href={`/endpoints/${enc(data.endpoint)}`}>{data.endpoint}</Link>
                  {data.pending_rows ? `; ${number(data.pending_rows)} are there` : ''}.
                </p>
              </Empty>
            )}
          </Page>
        );
      }}
    </Await>
  );
}

function Timeline({ windows, current, threshold }: { windows: MonitorWindow[]; current: MonitorWindow; threshold: number }) {
  const shown = windows.slice(-60);
  return (
    <Panel title="Windows" actions={<span className="muted">share of features that drifted, oldest left</span>}>
      <div className="timeline" role="group" aria-label="Windows">
        <span className="limit" style={{ bottom: `${Math.min(1, threshold) * 100}%` }}><span>alarm at {percent(threshold)}</span></span>
        {shown.map((window) => (
          <button
            key={window.id}
            type="button"
            data-drifted={window.drifted}
            aria-pressed={window.id === current.id}
            aria-label={`window to ${moment(window.to)}: ${percent(window.share)} drifted`}
            title={`${moment(window.from)} to ${clock(window.to)}\n${number(window.rows)} rows, ${percent(window.share)} of features drifted`}
            onClick={() => setParams({ w: window.id })}
          >
            <i style={{ height: `${Math.max(3, window.share * 100)}%` }} />
          </button>
        ))}
      </div>
    </Panel>
  );
}

function WindowView({ name, monitor, window, newest }: { name: string; monitor: Monitor; window: MonitorWindow; newest: boolean }) {
  // The newest window's distributions come with the monitor; an older one is asked for.
  const held = monitor.latest?.id === window.id ? monitor.latest : undefined;
  const asked = useApi<MonitorWindow & { features: Feature[] }>(held ? null : `/monitors/${enc(name)}/windows/${enc(window.id)}`, { topics: [] });
  const full: { features: Feature[] } = held ?? asked.data ?? window;
  const [which, setWhich] = useState<'all' | 'drifted'>('all');
  const features = [...full.features].sort((a, b) => Number(b.drifted) - Number(a.drifted) || (b.score ?? -1) - (a.score ?? -1));
  const drifted = features.filter((feature) => feature.drifted);
  const shown = which === 'drifted' ? drifted : features;
  return (
    <Panel
      title={<>{newest ? 'Newest window' : 'Window'}: {drifted.length} of {features.length} features drifted</>}
      actions={
        <>
          <span className="muted legend-line"><i className="swatch base" />baseline <i className="swatch" style={{ marginLeft: 10 }} />this window</span>
          {drifted.length > 0 && drifted.length < features.length && <Segments label="Features" value={which} onChange={setWhich} options={[['all', 'All'], ['drifted', 'Drifted']] as const} />}
        </>
      }
    >
      <p className="muted" style={{ marginBottom: 12 }}>{number(window.rows)} predictions, {moment(window.from)} to {moment(window.to)}.</p>
      {asked.loading && !held && !asked.data ? <Bones lines={3} height={60} /> : null}
      <div className="features">
        {shown.map((feature) => (
          <article key={feature.name} data-drifted={feature.drifted}>
            <header>
              <h3 className="clip" title={feature.name}>{feature.name}</h3>
              {feature.drifted ? <State value="drifted" /> : <span className="muted">stable</span>}
            </header>
            {feature.baseline || feature.current ? <Bars baseline={feature.baseline} current={feature.current} label={`${feature.name}: baseline and this window`} /> : null}
            <footer>
              <Gauge value={feature.score} threshold={feature.threshold} alarm={feature.drifted} label={`${feature.method} of ${feature.name}`} />
              <span><b>{metric(feature.score)}</b> <span className="muted">{feature.method}, alarm above {number(feature.threshold)}</span></span>
            </footer>
          </article>
        ))}
      </div>
    </Panel>
  );
}

function Performance({ points }: { points: NonNullable<Monitor['performance']> }) {
  const keys = [...new Set(points.flatMap((point) => Object.keys(point.metrics)))].slice(0, 8);
  return (
    <Panel title="Performance on labels that came later">
      <div className="charts">
        {keys.map((key) => (
          <Chart key={key} title={key} time sync="performance" format={metric} height={150} lines={[{ name: key, colour: 0, points: points.map((point) => [Date.parse(point.at) / 1000, point.metrics[key] ?? null]) }]} />
        ))}
      </div>
    </Panel>
  );
}
