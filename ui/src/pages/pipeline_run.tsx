// A pipeline run: its tasks as a graph, over time, or as a table, and beside them the chosen one.
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Datum, PipelineRun, StepRun } from '../api';
import { between, duration, moment, plain, short, useNow } from '../format';
import { useKeys } from '../keys';
import { Ago, Bones, Failure, Id, Page, Panel, State, Strip, Tabs, isLive } from '../parts/basics';
import { Archive, Cancel, ReplayDialog, Retry, canRetry } from '../parts/pipeline/actions';
import { Data } from '../parts/pipeline/datum';
import { useFolds } from '../parts/pipeline/folds';
import { Gantt } from '../parts/pipeline/gantt';
import { RunGraph } from '../parts/pipeline/run_graph';
import { CountChoices } from '../parts/pipeline/state';
import { TaskPanel } from '../parts/pipeline/task_panel';
import { TaskTable } from '../parts/pipeline/task_table';
import { type Line, type Tree, countsOf, countsOfRun, interesting, isHolder, isLeaf, isLoop, isOver, lines } from '../parts/pipeline/tree';
import { type Want, placesOf, samePlace, useRun, wantsOf } from '../parts/pipeline/use_run';
import { triggerText } from '../parts/trigger';
import { useWidth } from '../parts/use_width';
import { Link, enc, paramsHref, setParams, useParam } from '../router';

type View = 'graph' | 'time' | 'tasks' | 'data';
const NO_PLACES: Want[] = [];

export default function PipelineRunPage({ args: [id = ''] }: { args: string[] }) {
  const { data, error, tree, want } = useRun(id);
  if (!data || !tree) return error ? <Failure error={error} /> : <Bones lines={8} />;
  return (
    <>
      {error && <Failure error={error} stale />}
      <Run run={data} tree={tree} want={want} />
    </>
  );
}

function Run({ run, tree, want }: { run: PipelineRun; tree: Tree; want: (what: Want[]) => void }) {
  const [view] = useParam('view', 'graph');
  const [name] = useParam('step');
  const [state] = useParam('state');
  const [find] = useParam('q');
  const [order] = useParam('sort');
  const [dock] = useParam('dock');
  const [asking, setAsking] = useState<'cancel' | 'retry' | 'replay' | StepRun | null>(null);
  const live = isLive(run.state);
  const now = useNow(live ? 1000 : 60_000);
  const chosen = tree.byName.get(name) ?? (name ? undefined : interesting(tree));
  const folds = useFolds(tree, name, chosen?.name ?? '');
  const counts = useMemo(() => countsOfRun(tree), [tree]);
  const box = useRef<HTMLDivElement>(null);
  const wide = useWidth(box, 300) < 1000 || dock === 'below';

  // Of a large run, what is looked at is read.
  const [scrolled, setScrolled] = useState(NO_PLACES);
  useEffect(() => {
    if (tree.complete) return;
    const opened = tree.rows.filter((row) => isHolder(tree, row) && (folds.isOpen(row) || row.iteration != null));
    want([
      ...wantsOf(tree, name),
      ...opened.filter((row) => !isLoop(row) && (folds.isOpen(row) || view === 'graph')).map((parent) => ({ parent })),
      ...(view === 'graph' ? opened.filter(isLoop).map((parent) => ({ parent, first: folds.at(parent) })) : scrolled),
      // What failed is found wherever it is.
      ...tree.rows.filter((row) => isLoop(row) && (countsOf(tree, row).failed ?? 0) > 0).map((parent) => ({ parent, state: 'failed' })),
      ...(view === 'tasks' && state !== '' && state !== 'failed' ? tree.rows.filter((row) => isHolder(tree, row) && row.iteration == null).map((parent) => ({ parent, state })) : []),
    ]);
  }, [tree, folds, name, view, state, scrolled, want]);
  // Drawn again only when another page of iterations comes into view.
  const seen = useCallback((list: Line[]) => {
    const places = placesOf(list);
    setScrolled((before) => (before.length === places.length && places.every((place, at) => samePlace(place, before[at])) ? before : places));
  }, []);

  const beside = useRef<HTMLDivElement>(null);
  const pick = (row: StepRun) => {
    setParams({ step: row.name }, { push: true });
    // On a small screen the task is below, out of sight.
    if (innerWidth < 860) requestAnimationFrame(() => beside.current?.lastElementChild?.scrollIntoView({ behavior: 'smooth', block: 'start' }));
  };
  const step = (by: number) => {
    const list = lines(tree, folds.isOpen).flatMap((line) => line.row ?? []);
    const at = list.findIndex((row) => row.id === chosen?.id);
    const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
    if (next) setParams({ step: next.name });
  };
  const failed = tree.rows.filter((row) => row.state === 'failed' && isLeaf(tree, row));
  useKeys({
    1: () => setParams({ view: null }),
    2: () => setParams({ view: 'time' }),
    3: () => setParams({ view: 'tasks' }),
    4: () => setParams({ view: 'data' }),
    // A table that is sorted or sought has an order of its own, and moves by itself.
    ...(view === 'tasks' && (find || state || order) ? {} : { j: () => step(1), k: () => step(-1) }),
    n: () => {
      const next = failed[(failed.findIndex((row) => row.id === chosen?.id) + 1) % failed.length];
      if (next) setParams({ step: next.name });
    },
    o: () => {
      if (chosen && isHolder(tree, chosen)) folds.toggle(chosen);
    },
    l: () => setParams({ show: null }),
    d: () => setParams({ show: 'data' }),
  });

  const main = view === 'time' ? (
    <Panel title="Tasks over time" actions={<Folding folds={folds} />} flush><Gantt tree={tree} folds={folds} chosen={chosen} now={now} onPick={pick} onRange={seen} /></Panel>
  ) : view === 'tasks' ? (
    <Panel title="Tasks" actions={<><input type="search" aria-label="Find a task" placeholder="Find a task" value={find} onChange={(event) => setParams({ q: event.target.value })} /><Folding folds={folds} /></>} flush>
      <TaskTable tree={tree} folds={folds} chosen={chosen} now={now} wide={wide} onRange={seen} />
    </Panel>
  ) : (
    <Panel title="Tasks" actions={<Folding folds={folds} />} flush>
      <RunGraph tree={tree} folds={folds} chosen={chosen} now={now} height={wide ? 460 : 640} onPick={pick} onCrowd={(start) => setParams({ view: 'tasks', q: start }, { push: true })} />
    </Panel>
  );
  return (
    <Page
      crumbs={[['Pipelines', '/pipelines'], [run.pipeline, `/pipelines/${enc(run.pipeline)}`]]}
      title={<>{run.name || `Run ${short(run.id)}`} <State value={run.state} />{run.archived && <span className="tag">archived</span>}</>}
      actions={
        <>
          <Link className="button" href={`/lineage?kind=pipeline_run&key=${enc(run.id)}`}>Lineage</Link>
          {live && <button type="button" className="danger" onClick={() => setAsking('cancel')}>Cancel…</button>}
          {canRetry(run) && run.state !== 'succeeded' && <button type="button" className="primary" onClick={() => setAsking('retry')}>Retry…</button>}
          {run.state === 'succeeded' && <button type="button" onClick={() => setAsking('replay')}>Replay…</button>}
          {isOver(run.state) && <Archive run={run} />}
        </>
      }
    >
      <Facts run={run} now={now} />
      {run.message && isOver(run.state) && run.state !== 'succeeded' && <div className="notice stale"><strong>{run.state === 'failed' ? 'It failed' : 'It ended'}</strong><span>{run.message}</span></div>}
      <div className="run-views">
        <Tabs
          current={view}
          tabs={([['graph', 'Graph'], ['time', 'Time'], ['tasks', 'Tasks'], ['data', 'Inputs and outputs']] as [View, string][]).map(([key, label]) => ({ key, label, href: paramsHref({ view: key === 'graph' ? null : key }) }))}
        />
        <CountChoices counts={counts} chosen={view === 'tasks' ? state : null} onChoose={(next) => setParams(next ? { view: 'tasks', state: next } : { state: null }, { push: true })} />
      </div>
      <div ref={box}>
        {view === 'data' ? <RunData run={run} /> : (
          <div ref={beside} className={wide ? 'stack' : 'beside'}>
            {main}
            {chosen ? <TaskPanel tree={tree} step={chosen} now={now} wide={wide} onAgain={setAsking} /> : name !== '' && <Panel><p className="muted">{tree.complete ? `This run has no task ${name}.` : `Reading ${name}…`}</p></Panel>}
          </div>
        )}
      </div>
      {asking === 'cancel' && <Cancel tree={tree} onClose={() => setAsking(null)} />}
      {asking === 'replay' && <ReplayDialog tree={tree} onClose={() => setAsking(null)} />}
      {asking !== null && asking !== 'cancel' && asking !== 'replay' && <Retry tree={tree} from={asking === 'retry' ? null : asking} onClose={() => setAsking(null)} />}
    </Page>
  );
}

function Folding({ folds }: { folds: ReturnType<typeof useFolds> }) {
  return (
    <>
      <button type="button" onClick={() => folds.all(true)}>Open all</button>
      <button type="button" onClick={() => folds.all(false)}>Close all</button>
    </>
  );
}

function Facts({ run, now }: { run: PipelineRun; now: number }) {
  const inputs = run.inputs ?? run.params;
  const of = (key: string, value: ReactNode): [string, ReactNode] => [key, value];
  return (
    <Strip
      items={[
        of('Started', <Ago at={run.started_at ?? run.created_at} />),
        of('Took', duration(between(run.started_at ?? run.created_at, run.ended_at, now))),
        of('Because', triggerText(run.trigger)),
        ...(run.schedule && typeof run.schedule === 'object' ? [of('Schedule', <Link href={`/schedules?schedule=${enc(run.schedule.id)}`}>{run.schedule.name}</Link>)] : []),
        ...(run.scheduled_at ? [of('For', moment(run.scheduled_at))] : []),
        ...(run.dataset_version ? [of('Data', <Link href={`/datasets/${enc(run.dataset_version.dataset)}?v=${run.dataset_version.number}`}>{run.dataset_version.dataset} v{run.dataset_version.number}</Link>)] : []),
        ...(run.code ? [of('Code', run.code.git_commit ? <span className="mono">{run.code.git_commit.slice(0, 10)}{run.code.git_diff_digest ? ' + changes' : ''}</span> : <Id value={run.code.digest} />)] : []),
        ...(run.replay_of ? [of('Replay of', <Link href={`/pipeline-runs/${enc(run.replay_of)}`}>{short(run.replay_of)}</Link>)] : []),
        ...(Object.keys(inputs).length > 0 ? [of('Inputs', <Link href={paramsHref({ view: 'data' })} className="clip inputs-brief" title={plain(inputs)}>{plain(inputs)}</Link>)] : []),
        of('Id', <Id value={run.id} />),
      ]}
    />
  );
}

function RunData({ run }: { run: PipelineRun }) {
  const inputs = Object.entries(run.inputs ?? run.params).map(([port, value]): [string, Datum] => [port, isDatum(value) ? value : { value }]);
  return (
    <div className="halves">
      <Panel title="Inputs"><Data title="As it was started" ports={inputs} run={run.id} step={run.id} /></Panel>
      <Panel title="Outputs">
        {isOver(run.state) ? <Data title="What the run gave" ports={Object.entries(run.outputs ?? {})} run={run.id} step={run.id} /> : <p className="muted">They are here when the run has succeeded.</p>}
      </Panel>
    </div>
  );
}

/** An artifact among the inputs comes as a datum, everything else as it is. */
function isDatum(value: unknown): value is Datum {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1 && ('artifact' in value || 'artifacts' in value);
}
