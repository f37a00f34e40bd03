// Runs for the moments of a range that lies behind: how far one is, the table of them, and the form that makes one.
import { useEffect, useMemo, useState } from 'react';
import { ApiError, type Backfill, type BackfillMoment, type Pipeline, type Schedule, call } from '../../api';
import { count, short } from '../../format';
import { Link, enc, navigate } from '../../router';
import { useApi } from '../../store';
import { Ago, Empty, Failure, Segments, State } from '../basics';
import { Field, FormDialog } from '../data/act';
import { Table } from '../table';
import { InputFields, inputsOf, typed } from './start';
import { inZone, whenText } from './when';

export const RERUN = {
  none: 'are left out',
  failed: 'run again if they failed',
  completed: 'run again',
} as const;

/** How far it is, in words and as a bar. */
export function ProgressOf({ of }: { of: Backfill }) {
  const { total, waiting, running, failed, cancelled, skipped } = of.progress;
  const done = total - waiting - running;
  const more = ([[running, 'running'], [failed, 'failed'], [cancelled, 'cancelled'], [skipped, 'left out']] as const).filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return (
    <span className="backfill-progress">
      <progress value={done} max={Math.max(1, total)} aria-label={`${done} of ${total} moments are done`} />
      <span className="soft">{done} of {total}{more.length > 0 && `: ${more.join(', ')}`}</span>
    </span>
  );
}

/** A backfill's state, worse if a run of it failed. */
export function BackfillState({ of }: { of: Backfill }) {
  if (of.state === 'finished') return <State value={of.progress.failed > 0 ? 'failed' : 'succeeded'} label={of.progress.failed > 0 ? 'finished, some failed' : 'finished'} />;
  return <State value={of.state} />;
}

export function Backfills({ backfills }: { backfills: Backfill[] }) {
  if (backfills.length === 0) return <Empty title="No backfill yet"><p>A backfill runs a pipeline once for each moment of a range that lies behind, such as every day of last month.</p></Empty>;
  return (
    <Table
      label="Backfills"
      rows={backfills}
      id={(one) => one.id}
      href={(one) => `/backfills/${enc(one.id)}`}
      keys
      columns={[
        { key: 'name', label: 'Backfill', width: 'minmax(140px, 1fr)', render: (one) => one.name },
        { key: 'pipeline', label: 'Pipeline', width: 'minmax(110px, 0.8fr)', render: (one) => <Link href={`/pipelines/${enc(one.pipeline)}`}>{one.pipeline}</Link> },
        { key: 'range', label: 'Range', width: 'minmax(190px, 1fr)', title: (one) => `${whenText(one)}\n${inZone(one.from, one.time_zone)}\n${inZone(one.to, one.time_zone)}`, render: (one) => <>{one.from.slice(0, 10)} – {one.to.slice(0, 10)}</> },
        { key: 'state', label: 'State', width: '160px', render: (one) => <BackfillState of={one} /> },
        { key: 'progress', label: 'Progress', width: 'minmax(230px, 1.2fr)', render: (one) => <ProgressOf of={one} /> },
        { key: 'at', label: 'Made', width: '104px', render: (one) => <Ago at={one.created_at} /> },
      ]}
    />
  );
}

export function Moments({ moments, zone }: { moments: BackfillMoment[]; zone: string }) {
  return (
    <Table
      label="Moments"
      rows={moments}
      id={(at) => at.moment}
      keys
      height={moments.length > 30 ? 'calc(100vh - 330px)' : undefined}
      columns={[
        { key: 'moment', label: 'Moment', width: 'minmax(200px, 1fr)', render: (at) => inZone(at.moment, zone) },
        { key: 'until', label: 'Data until', width: 'minmax(200px, 1fr)', render: (at) => (at.until ? inZone(at.until, zone) : '–') },
        { key: 'state', label: 'State', width: '130px', render: (at) => <State value={at.state} /> },
        { key: 'run', label: 'Run', width: '140px', render: (at) => (at.run ? <Link href={`/pipeline-runs/${enc(at.run)}`}><span className="mono">{short(at.run)}</span></Link> : <span className="muted">–</span>) },
        { key: 'why', label: 'Why', width: 'minmax(160px, 1.2fr)', render: (at) => <span className="muted">{at.message ?? ''}</span> },
      ]}
    />
  );
}

/** `YYYY-MM-DDTHH:MM` of the browser's field, as UTC. */
const utc = (text: string) => (text ? `${text}:00Z` : '');
const daysAgo = (days: number) => `${new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)}T00:00`;

export function NewBackfill({ pipelines, schedules, onClose }: { pipelines: string[]; schedules: Schedule[]; onClose: () => void }) {
  const [by, setBy] = useState<'schedule' | 'cron' | 'interval'>(schedules.length > 0 ? 'schedule' : 'cron');
  const [schedule, setSchedule] = useState(schedules[0]?.id ?? '');
  const [pipeline, setPipeline] = useState(pipelines[0] ?? '');
  const [cron, setCron] = useState('0 6 * * *');
  const [zone, setZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC');
  const [seconds, setSeconds] = useState('86400');
  const [from, setFrom] = useState(() => daysAgo(7));
  const [to, setTo] = useState(() => daysAgo(0));
  const [active, setActive] = useState('1');
  const [rerun, setRerun] = useState<Backfill['rerun']>('none');
  const [backwards, setBackwards] = useState(false);
  const [momentInput, setMomentInput] = useState('');
  const [texts, setTexts] = useState<Record<string, string>>({});
  const found = useApi<Pipeline>(by !== 'schedule' && pipeline ? `/pipelines/${enc(pipeline)}` : null, { topics: [] });
  const inputs = useMemo(() => (found.data ? inputsOf(found.data) : []), [found.data]);
  const chosen = schedules.find((one) => one.id === schedule);
  const rhythm = by === 'schedule' ? { schedule } : by === 'cron' ? { pipeline, cron: cron.trim(), time_zone: zone.trim() } : { pipeline, interval_seconds: Number(seconds) };
  const given = typed(inputs.filter((input) => input.name !== momentInput), texts);
  const body = { ...rhythm, from: utc(from), to: utc(to), max_active: Math.max(1, Number(active) || 1), rerun, backwards, inputs: by === 'schedule' ? {} : given, ...(momentInput ? { moment_input: momentInput } : {}) };
  const act = async () => {
    const made = await call<Backfill>('/backfills', { method: 'POST', body });
    navigate(`/backfills/${enc(made.id)}`);
  };
  return (
    <FormDialog title="New backfill" submit="Start it" failed="It was not made" ready={from !== '' && to !== '' && (by === 'schedule' ? schedule !== '' : pipeline !== '')} act={act} onClose={onClose}>
      <Segments label="Rhythm" value={by} onChange={setBy} options={[['schedule', 'Of a schedule'], ['cron', 'At set times'], ['interval', 'Every so often']] as const} />
      {by === 'schedule' ? (
        <Field label="Schedule" note={chosen && `${whenText(chosen)} · ${chosen.pipeline ?? ''}`}>
          <select value={schedule} onChange={(event) => setSchedule(event.target.value)}>{schedules.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select>
        </Field>
      ) : (
        <Field label="Pipeline"><select value={pipeline} onChange={(event) => setPipeline(event.target.value)}>{pipelines.map((one) => <option key={one}>{one}</option>)}</select></Field>
      )}
      {by === 'cron' && (
        <>
          <Field label="Cron" note={whenText({ cron })}><input type="text" className="mono" spellCheck={false} value={cron} onChange={(event) => setCron(event.target.value)} /></Field>
          <Field label="Time zone"><input type="text" value={zone} onChange={(event) => setZone(event.target.value)} /></Field>
        </>
      )}
      {by === 'interval' && <Field label="Seconds" note={whenText({ interval_seconds: Number(seconds) || null })}><input type="number" min={1} value={seconds} onChange={(event) => setSeconds(event.target.value)} /></Field>}
      <Field label="From" note="UTC"><input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} /></Field>
      <Field label="To" note="UTC; the last moment that counts"><input type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} /></Field>
      <Field label="Runs at the same time"><input type="number" min={1} value={active} onChange={(event) => setActive(event.target.value)} /></Field>
      <Segments label="Moments that have run" value={rerun} onChange={setRerun} options={[['none', 'Leave out'], ['failed', 'Again if failed'], ['completed', 'Again']] as const} />
      <label className="row"><input type="checkbox" checked={backwards} onChange={(event) => setBackwards(event.target.checked)} /> Newest first</label>
      {inputs.length > 0 && <Field label="Input that gets the moment"><select value={momentInput} onChange={(event) => setMomentInput(event.target.value)}><option value="">none</option>{inputs.map((input) => <option key={input.name}>{input.name}</option>)}</select></Field>}
      {by !== 'schedule' && <InputFields inputs={inputs.filter((input) => input.name !== momentInput)} texts={texts} onChange={setTexts} />}
      <Preview body={body} />
    </FormDialog>
  );
}

/** What it would do, as the server says. */
function Preview({ body }: { body: object }) {
  const [seen, setSeen] = useState<BackfillMoment[] | ApiError | null>(null);
  const key = JSON.stringify({ ...body, dry_run: true });
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call<{ moments: BackfillMoment[] }>('/backfills', { method: 'POST', body: JSON.parse(key), signal: stop.signal }).then((answer) => setSeen(answer.moments), (problem: unknown) => {
        if (!stop.signal.aborted) setSeen(problem instanceof ApiError ? problem : null);
      });
    }, 300);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  if (seen instanceof ApiError) return <Failure error={seen} title="This cannot start" />;
  if (!seen) return null;
  const left = seen.filter((at) => at.state === 'skipped').length;
  return <p role="status" className="soft">{count(seen.length - left, 'run')} would start{left > 0 && `; ${count(left, 'moment is', 'moments are')} left out`}.</p>;
}
