// Several runs side by side: what differs first, their curves on one axis, parallel coordinates, a scatter plot.
import { useEffect, useMemo, useState } from 'react';
import { ApiError, type Run, call } from '../api';
import { between, duration, metric, short } from '../format';
import { onEvent } from '../live';
import { Bones, Empty, Failure, Page, Panel, State, Tabs, isLive } from '../parts/basics';
import { Curves } from '../parts/curves';
import { Diff, type DiffRow, direction } from '../parts/diff';
import { fieldsOf } from '../parts/fields';
import { Parallel } from '../parts/parallel';
import { Scatter } from '../parts/scatter';
import { Link, enc, setParams, useLocation, useParam } from '../router';

const MOST = 100;
/** Columns of the table of differences; the plots show all. */
const SIDES = 24;

type Side = Run & { data?: string[] };

function useSides(ids: string[]) {
  const [sides, setSides] = useState<Side[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const key = ids.join();
  const live = sides?.some((run) => isLive(run.status)) ?? false;
  useEffect(() => {
    if (key === '') return;
    const stop = new AbortController();
    const read = () =>
      call<{ runs: Side[] }>('/runs/rows', { method: 'POST', body: { ids: key.split(',') }, signal: stop.signal }).then(
        (page) => {
          setSides((old) => (JSON.stringify(old) === JSON.stringify(page.runs) ? old : page.runs));
          setError(null);
        },
        (problem: unknown) => {
          if (!stop.signal.aborted && problem instanceof ApiError) setError(problem);
        },
      );
    void read();
    const timer = live ? setInterval(() => void read(), 3000) : undefined;
    const off = onEvent((event) => {
      if (key.includes(event.subject.replace('run:', '').replaceAll('-', '') || '?')) void read();
    });
    return () => {
      stop.abort();
      clearInterval(timer);
      off();
    };
  }, [key, live]);
  return { sides, error };
}

function rows(sides: Side[]): DiffRow[] {
  const keys = (of: (side: Side) => object) => [...new Set(sides.flatMap((side) => Object.keys(of(side))))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const asMetric = (value: string | number | null | undefined) => metric(typeof value === 'number' ? value : null);
  return [
    ...keys((side) => side.metrics).filter((key) => !key.startsWith('system/')).map((key): DiffRow => ({ group: 'Metrics, last value', name: key, values: sides.map((side) => side.metrics[key]), better: direction(key), render: asMetric })),
    ...keys((side) => side.params).map((key): DiffRow => ({ group: 'Parameters', name: key, values: sides.map((side) => side.params[key]) })),
    { group: 'Run', name: 'experiment', values: sides.map((side) => side.experiment) },
    { group: 'Run', name: 'status', values: sides.map((side) => side.status.toLowerCase()) },
    { group: 'Run', name: 'duration', values: sides.map((side) => duration(between(side.started_at, side.ended_at))) },
    { group: 'Run', name: 'data', values: sides.map((side) => side.data?.join(', ') || undefined) },
    ...keys((side) => side.tags).filter((key) => !key.startsWith('mlflow.') || /^mlflow\.(source\.git\.commit|source\.name|user)$/.test(key)).map((key): DiffRow => ({ group: 'Tags', name: key, values: sides.map((side) => side.tags[key]) })),
  ];
}

export default function Compare() {
  const { search } = useLocation();
  const [text] = useParam('runs');
  const [tab] = useParam('tab', 'differences');
  const ids = useMemo(() => [...new Set(text.split(',').filter(Boolean))].slice(0, MOST), [text]);
  const { sides, error } = useSides(ids);
  const names = useMemo(() => uniqueNames(sides ?? []), [sides]);
  const fields = useMemo(() => fieldsOf(sides ?? []), [sides]);
  const keys = useMemo(() => [...new Set((sides ?? []).flatMap((run) => Object.keys(run.metrics)))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })), [sides]);
  // The same list while nothing about it changes, so that charts are not drawn again.
  const curves = useMemo(() => (sides ?? []).map((run, index) => ({ id: run.id, name: names[index] ?? '', live: isLive(run.status) })), [sides, names]);
  const to = (key: string) => {
    const next = new URLSearchParams(search);
    if (key === 'differences') next.delete('tab');
    else next.set('tab', key);
    return `/compare?${next.toString().replaceAll('%2C', ',')}`;
  };
  return (
    <Page title={`Compare ${ids.length} runs`} crumbs={[['Runs', `/runs?selected=${text}`]]}>
      {error && <Failure error={error} stale={sides !== null} />}
      {ids.length < 2 ? (
        <Empty title="Choose at least two runs">
          <p>Select rows in the <Link href="/runs">table of runs</Link> (<kbd>x</kbd> on a row), then press <kbd>c</kbd>.</p>
        </Empty>
      ) : !sides ? (
        !error && <Bones lines={10} />
      ) : (
        <>
          {sides.length < ids.length && <div className="notice calm stale"><strong>{ids.length - sides.length} of the chosen runs do not exist</strong><span>The others are shown.</span></div>}
          <Tabs
            current={tab}
            tabs={[
              { key: 'differences', label: 'Differences', href: to('differences') },
              { key: 'curves', label: 'Curves', href: to('curves'), count: keys.length },
              { key: 'parallel', label: 'Parallel coordinates', href: to('parallel') },
              { key: 'scatter', label: 'Scatter', href: to('scatter') },
            ]}
          />
          {tab === 'differences' && (
            <>
              <Diff
                label="Runs side by side"
                sides={sides.slice(0, SIDES).map((side, index) => (
                  <span key={side.id} className="row" style={{ flexWrap: 'nowrap' }}>
                    <i className="swatch" style={{ background: `var(--s${(index % 8) + 1})`, margin: 0 }} />
                    <Link href={`/runs/${enc(side.id)}`}>{names[index]}</Link>
                    {isLive(side.status) && <State value={side.status} label="" />}
                    {sides.length > 2 && (
                      <button type="button" className="bare muted" aria-label={`remove ${names[index]}`} onClick={() => setParams({ runs: ids.filter((id) => id !== side.id).join(',') })}>×</button>
                    )}
                  </span>
                ))}
                rows={rows(sides.slice(0, SIDES))}
              />
              {sides.length > SIDES && <p className="muted">The first {SIDES} of {sides.length} side by side; the plots show all of them.</p>}
            </>
          )}
          {tab === 'curves' && <Curves runs={curves} keys={keys} />}
          {tab === 'parallel' && <Panel><Parallel runs={sides} names={names} fields={fields} /></Panel>}
          {tab === 'scatter' && <Panel><Scatter runs={sides} names={names} fields={fields} /></Panel>}
        </>
      )}
    </Page>
  );
}

/** Runs may share a name; then the end of the id tells them apart. */
function uniqueNames(sides: Side[]): string[] {
  const plain = sides.map((side) => side.name || short(side.id));
  return plain.map((name, index) => (plain.indexOf(name) === plain.lastIndexOf(name) ? name : `${name} ${sides[index]?.id.slice(-4)}`));
}
