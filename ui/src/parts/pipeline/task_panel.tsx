// One task of a run: its log, what went in and came out, its attempts, and what can be done with it.
import type { ReactNode } from 'react';
import type { StepRun } from '../../api';
import { between, clock, count, duration, moment, number, short } from '../../format';
import { Link, enc, paramsHref, setParams, useParam } from '../../router';
import { Facts, Id, Panel, Segments } from '../basics';
import { Icon } from '../icons';
import { Log } from '../log';
import { Answer, canRetry } from './actions';
import { Data, outputsOf } from './datum';
import { CountBar, TaskState, countsText, wordOf } from './state';
import { type Tree, countsOf, isHolder, isOver, sizeOf, stateOf, titleOf, waited, wayTo } from './tree';

type View = 'log' | 'data' | 'facts';

interface Props {
  tree: Tree;
  step: StepRun;
  now: number;
  /** below the graph, with all of the width */
  wide: boolean;
  onAgain: (step: StepRun) => void;
}

export function TaskPanel({ tree, step, now, wide, onAgain }: Props) {
  const holds = isHolder(tree, step);
  const silent = holds || step.shape === 'approval' || step.shape === 'import';
  const [asked] = useParam('show', silent ? 'facts' : 'log');
  const view: View = asked === 'log' && silent ? 'facts' : (asked as View);
  const state = stateOf(step);
  const way = wayTo(tree, step);
  const outputs = outputsOf(step);
  const inputs = Object.entries(step.inputs ?? {});
  const [asked_attempt] = useParam('attempt');
  const earlier = Number(asked_attempt) > 0 && Number(asked_attempt) < step.attempt ? Number(asked_attempt) : undefined;
  const options = [...(silent ? [] : [['log', 'Log'] as const]), ['data', `Data ${inputs.length + outputs.length || ''}`.trim()] as const, ['facts', holds ? 'What it holds' : 'Details'] as const];
  return (
    <Panel
      label={`task ${step.name}`}
      flush
      title={<>{holds ? '' : view === 'log' ? 'Log of ' : ''}{titleOf(step)}</>}
      actions={
        <>
          <TaskState state={state} />
          <button type="button" className="icon-button dock" aria-pressed={wide} aria-label={wide ? 'put the task beside the graph' : 'put the task below the graph'} title={wide ? 'Beside' : 'Below, wide'} onClick={() => setParams({ dock: wide ? null : 'below' })}><Icon name={wide ? 'beside' : 'below'} /></button>
        </>
      }
    >
      <div className="task-bar">
        {way.length > 1 && <nav className="crumbs" aria-label="What holds it">{way.slice(0, -1).map((row) => <span key={row.id}><Link href={paramsHref({ step: row.name })}>{titleOf(row)}</Link><span aria-hidden="true"> ›</span></span>)} <b>{titleOf(step)}</b></nav>}
        <div className="row">
          <Segments label="What to show of the task" value={view} options={options} onChange={(next) => setParams({ show: next === (silent ? 'facts' : 'log') ? null : next })} />
          <span className="muted">{step.started_at ? duration(between(step.started_at, step.ended_at, now)) : ''}{step.attempt > 1 ? `, attempt ${step.attempt}` : ''}</span>
          {canRetry(tree.run) && step.iteration == null && <button type="button" className="again" onClick={() => onAgain(step)}>Run again from here…</button>}
        </div>
      </div>
      {step.message && !['succeeded', 'running', 'waiting', 'ready'].includes(step.state) && <p className={`step-message ${step.state === 'failed' ? 'alarm-text' : 'calm'}`}>{step.message}</p>}
      {step.due_at && !isOver(step.state) && <p className="step-message calm">Attempt {step.attempt + 1} starts at {clock(step.due_at)}.{step.message ? ` The last one: ${step.message}` : ''}</p>}
      {state === 'asking' && <Answer run={tree.run.id} step={step} />}
      {view === 'log' && (step.attempt === 0 && !step.started_at ? <p className="none-drawn muted">{step.state === 'succeeded' ? 'Nothing had to be executed for it.' : isOver(step.state) ? 'It did not start.' : 'It has not started yet.'}</p> : <>{earlier && <p className="step-message calm">The log of attempt {earlier}. <Link href={paramsHref({ attempt: null })}>Show the last one</Link></p>}<Log key={`${step.id} ${earlier ?? step.attempt}`} run={tree.run.id} step={step} attempt={earlier} live={!earlier && !isOver(step.state)} /></>)}
      {view === 'data' && (
        <div className="body task-data">
          <Data title="Inputs" ports={inputs} run={tree.run.id} step={step.id} />
          <Data title="Outputs" ports={outputs} run={tree.run.id} step={step.id} />
        </div>
      )}
      {view === 'facts' && <div className="body stack">{holds && <Held tree={tree} step={step} />}<Details tree={tree} step={step} now={now} /><Attempts step={step} now={now} /></div>}
    </Panel>
  );
}

function Held({ tree, step }: { tree: Tree; step: StepRun }) {
  const total = sizeOf(tree, step);
  const counts = countsOf(tree, step);
  if (total === 0) return <p className="muted">{isOver(step.state) ? 'It held nothing.' : 'What it holds is known once it starts.'}</p>;
  return (
    <div className="held">
      <CountBar counts={counts} total={total} />
      <p>{countsText(counts, total)}</p>
    </div>
  );
}

function Details({ tree, step, now }: { tree: Tree; step: StepRun; now: number }) {
  const line = waited(tree, step, now);
  return (
    <Facts
      items={[
        ['Path', <span key="p" className="mono">{step.name}</span>],
        ['State', wordOf(stateOf(step))],
        ['Started', step.started_at ? moment(step.started_at) : null],
        ['Ended', step.ended_at ? moment(step.ended_at) : null],
        ['In line', line === null || isHolder(tree, step) ? null : duration(line)],
        ['Took', step.started_at ? duration(between(step.started_at, step.ended_at, now)) : null],
        ['Attempt', step.attempt > 0 ? String(step.attempt) : null],
        ['Exit code', step.exit_code === null || step.exit_code === undefined ? null : String(step.exit_code)],
        ['Needs', step.needs.length > 0 ? <Needs key="n" needs={step.needs} before={step.name.slice(0, step.name.lastIndexOf('/') + 1)} /> : null],
        ['Pool', step.pool],
        ['Environment', step.environment ? <Id key="e" value={step.environment} /> : null],
        ['Cache key', step.cache_key ? <Id key="c" value={step.cache_key} /> : null],
        ['Tracked as', step.run_id ? <Link key="r" href={`/runs/${enc(step.run_id)}`}>run {short(step.run_id)}</Link> : null],
        ['Message', step.message],
        ['Id', <Id key="i" value={step.id} />],
      ]}
    />
  );
}

function Needs({ needs, before }: { needs: string[]; before: string }): ReactNode {
  const shown = needs.slice(0, 20);
  return <span className="tags">{shown.map((need) => <Link key={need} href={paramsHref({ step: before + need })}>{need}</Link>)}{needs.length > shown.length && <span className="muted">and {count(needs.length - shown.length, 'more', 'more')}</span>}</span>;
}

function Attempts({ step, now }: { step: StepRun; now: number }) {
  const earlier = (step.attempts ?? []).filter((attempt) => attempt.attempt < step.attempt);
  if (step.attempt < 2 && earlier.length === 0) return null;
  const all = [...earlier, ...(step.started_at && step.attempt > 0 ? [{ attempt: step.attempt, state: step.state, started_at: step.started_at, ended_at: step.ended_at ?? null, exit_code: step.exit_code, message: step.message }] : [])];
  return (
    <div>
      <h3>Attempts</h3>
      <ol className="attempts">
        {earlier.length === 0 && step.attempt > 1 && <li className="muted">{count(step.attempt - 1, 'earlier attempt')} did not succeed.</li>}
        {all.map((attempt) => (
          <li key={attempt.attempt}>
            <span className="muted">{number(attempt.attempt)}</span>
            <TaskState state={attempt.state} />
            <span>{clock(attempt.started_at)}</span>
            <span className="num">{duration(between(attempt.started_at, attempt.ended_at, now))}</span>
            <Link href={paramsHref({ show: null, attempt: attempt.attempt < step.attempt ? String(attempt.attempt) : null })}>log</Link>
            <span className="clip muted" title={attempt.message ?? undefined}>{attempt.exit_code ? `exit ${attempt.exit_code} ` : ''}{attempt.message}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
