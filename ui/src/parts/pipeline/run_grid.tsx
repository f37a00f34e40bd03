// Runs as rows, tasks as columns: where it fails, and since when.
import { useMemo } from 'react';
import type { PipelineRun, PipelineRunSummary, StepBrief } from '../../api';
import { between, duration, moment, short } from '../../format';
import { Link, enc } from '../../router';
import { useApis } from '../../store';
import { Ago, State } from '../basics';
import { type Column, Table } from '../table';
import { TaskGlyph, toneOfTask, wordOf } from './state';
import { stateOf } from './tree';

/** Runs that are read one by one, where the list does not bring their tasks. */
const ALONE = 25;

interface Row {
  run: PipelineRunSummary;
  cells: Map<string, StepBrief>;
}

const top = (run: string, steps: StepBrief[]) => steps.filter((step) => (!step.parent || step.parent === run) && step.id !== run && step.name !== '');

export function RunGrid({ runs, now }: { runs: PipelineRunSummary[]; now: number }) {
  const missing = runs.filter((run) => !run.steps).slice(0, ALONE);
  const read = useApis<PipelineRun>(missing.map((run) => `/pipeline-runs/${enc(run.id)}`), { topics: ['pipeline', 'step'] });
  const rows = useMemo(() => {
    const steps = new Map(read.flatMap((answer) => (answer.data ? [[answer.data.id, answer.data.steps as StepBrief[]] as const] : [])));
    return runs.map((run): Row => ({ run, cells: new Map(top(run.id, run.steps ?? steps.get(run.id) ?? []).map((step) => [step.task ?? step.name ?? '', step])) }));
  }, [runs, read]);
  // As the newest run has them; tasks that only older ones had come last.
  const tasks = useMemo(() => [...new Set(rows.flatMap((row) => [...row.cells.keys()]))], [rows]);
  const longest = useMemo(() => Math.max(1, ...runs.map((run) => between(run.started_at, run.ended_at, now) ?? 0)), [runs, now]);
  const columns: Column<Row>[] = [
    { key: 'run', label: 'Run', width: 'minmax(140px, 1fr)', title: ({ run }) => `${run.name ?? run.id}\n${moment(run.created_at)}`, render: ({ run }) => run.name || <span className="mono">{short(run.id)}</span> },
    { key: 'at', label: 'When', width: '92px', render: ({ run }) => <Ago at={run.created_at} /> },
    { key: 'state', label: 'State', width: '104px', render: ({ run }) => <State value={run.state} /> },
    {
      key: 'took',
      label: 'Took',
      width: '120px',
      render: ({ run }) => {
        const took = between(run.started_at, run.ended_at, now);
        return took === null ? '' : <span className="share"><i style={{ width: `${(took / longest) * 46}px` }} /><b>{duration(took)}</b></span>;
      },
    },
    ...tasks.map((task): Column<Row> => ({
      key: `task ${task}`,
      label: task,
      width: '108px',
      render: ({ run, cells }) => {
        const step = cells.get(task);
        if (!step) return <span className="muted">–</span>;
        const state = stateOf(step);
        const took = step.started_at ? duration(between(step.started_at, step.ended_at, now)) : '';
        return (
          <Link className="grid-cell" data-tone={toneOfTask(state)} href={`/pipeline-runs/${enc(run.id)}?step=${enc(step.name ?? task)}`} aria-label={`${task}: ${wordOf(state)} ${took}`} title={`${task}: ${wordOf(state)}${took ? `, ${took}` : ''}${step.attempt > 1 ? `, attempt ${step.attempt}` : ''}`}>
            <TaskGlyph state={state} /> {took}
          </Link>
        );
      },
    })),
  ];
  return <Table label="Runs by task" rows={rows} id={(row) => row.run.id} href={(row) => `/pipeline-runs/${enc(row.run.id)}`} height="calc(100vh - 240px)" keys pin columns={columns} stamp={(row) => `${row.cells.size} ${[...row.cells.values()].map((step) => step.state + step.attempt).join()} ${row.run.state} ${row.run.ended_at ?? now} ${tasks.length}`} empty="It never ran." />;
}
