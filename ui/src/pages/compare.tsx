// Several runs side by side: what differs first, then their curves on one axis.
import { useEffect, useMemo, useState } from 'react';
import { ApiError, type MetricSeries, type RunDetail, call } from '../api';
import { between, duration, metric, short } from '../format';
import { Bones, Empty, Failure, Page, Panel, State, isLive } from '../parts/basics';
import { Curves } from '../parts/curves';
import { Diff, type DiffRow, direction } from '../parts/diff';
import { Link, enc, setParams, useParam } from '../router';

interface Side {
  run: RunDetail;
  metrics: MetricSeries['series'];
}

function useSides(ids: string[]) {
  const [sides, setSides] = useState<Side[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const key = ids.join();
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const one = async (id: string): Promise<Side> => {
      const [run, metrics] = await Promise.all([
        call<RunDetail>(`/runs/${enc(id)}`, { signal: stop.signal }),
        call<MetricSeries>(`/runs/${enc(id)}/metrics?max_points=500`, { signal: stop.signal }),
      ]);
      return { run, metrics: metrics.series };
    };
    Promise.all(key.split(',').filter(Boolean).map(one)).then(
      (found) => {
        setSides(found);
        setError(null);
      },
      (problem: unknown) => {
        if (!stop.signal.aborted && problem instanceof ApiError) setError(problem);
      },
    );
    return () => stop.abort();
  }, [key, tick]);
  const live = sides?.some((side) => isLive(side.run.status)) ?? false;
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => setTick((old) => old + 1), 3000);
    return () => clearInterval(timer);
  }, [live]);
  return { sides, error };
}

function rows(sides: Side[]): DiffRow[] {
  const keys = (of: (side: Side) => object) => [...new Set(sides.flatMap((side) => Object.keys(of(side))))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const asMetric = (value: string | number | null | undefined) => metric(typeof value === 'number' ? value : null);
  return [
    ...keys((side) => side.run.metrics).map((key): DiffRow => ({ group: 'Metrics, last value', name: key, values: sides.map((side) => side.run.metrics[key]), better: direction(key), render: asMetric })),
    ...keys((side) => side.run.params).map((key): DiffRow => ({ group: 'Parameters', name: key, values: sides.map((side) => side.run.params[key]) })),
    { group: 'Run', name: 'experiment', values: sides.map((side) => side.run.experiment) },
    { group: 'Run', name: 'status', values: sides.map((side) => side.run.status.toLowerCase()) },
    { group: 'Run', name: 'duration', values: sides.map((side) => duration(between(side.run.started_at, side.run.ended_at))) },
    { group: 'Run', name: 'data', values: sides.map((side) => side.run.inputs?.map((input) => `${input.dataset}${input.version ? ` v${input.version}` : ''}`).join(', ') || undefined) },
    ...keys((side) => side.run.tags).filter((key) => !key.startsWith('mlflow.') || /^mlflow\.(source\.git\.commit|source\.name|user)$/.test(key)).map((key): DiffRow => ({ group: 'Tags', name: key, values: sides.map((side) => side.run.tags[key]) })),
  ];
}

export default function Compare() {
  const [text] = useParam('runs');
  const ids = useMemo(() => [...new Set(text.split(',').filter(Boolean))], [text]);
  const { sides, error } = useSides(ids);
  const names = uniqueNames(sides ?? []);
  return (
    <Page title={`Compare ${ids.length} runs`} crumbs={[['Runs', `/runs?selected=${text}`]]}>
      {error && <Failure error={error} />}
      {ids.length < 2 ? (
        <Empty title="Choose at least two runs">
          <p>Select rows in the <Link href="/runs">table of runs</Link> (<kbd>x</kbd> on a row), then press <kbd>c</kbd>.</p>
        </Empty>
      ) : !sides ? (
        !error && <Bones lines={10} />
      ) : (
        <div className="stack">
          <Diff
            label="Runs side by side"
            sides={sides.map((side, index) => (
              <span key={side.run.id} className="row" style={{ flexWrap: 'nowrap' }}>
                <i className="swatch" style={{ background: `var(--s${(index % 8) + 1})`, margin: 0 }} />
                <Link href={`/runs/${enc(side.run.id)}`}>{names[index]}</Link>
                {isLive(side.run.status) && <State value={side.run.status} label="" />}
                {sides.length > 2 && (
                  <button type="button" className="bare muted" aria-label={`remove ${names[index]}`} onClick={() => setParams({ runs: ids.filter((id) => id !== side.run.id).join(',') })}>×</button>
                )}
              </span>
            ))}
            rows={rows(sides)}
          />
          <Panel title="Curves">
            <Curves runs={sides.map((side, index) => ({ name: names[index] ?? '', series: side.metrics }))} />
          </Panel>
        </div>
      )}
    </Page>
  );
}

/** Runs may share a name; then the end of the id tells them apart. */
function uniqueNames(sides: Side[]): string[] {
  const plain = sides.map((side) => side.run.name || short(side.run.id));
  return plain.map((name, index) => (plain.indexOf(name) === plain.lastIndexOf(name) ? name : `${name} ${sides[index]?.run.id.slice(-4)}`));
}
