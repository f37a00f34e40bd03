// What starts pipelines by the clock: a table, one schedule in full, and the form that makes one.
import { useEffect, useMemo, useState } from 'react';
import { ApiError, type Pipeline, type Schedule, call, query } from '../../api';
import { ago, moment, short, useNow } from '../../format';
import { Link, enc, paramsHref, setParams, useParam } from '../../router';
import { useApi } from '../../store';
import { Ago, Await, Dialog, Empty, Facts, Failure, Segments, State } from '../basics';
import { Field, FormDialog, useAction } from '../data/act';
import { Table } from '../table';
import { Value } from './datum';
import { InputFields, inputsOf, typed } from './start';
import { inZone, whenText } from './when';
import '../../styles/pipeline.css';

const TOPICS = ['schedule', 'pipeline'];
const zoneOf = (schedule: Schedule) => schedule.time_zone || 'UTC';

/** All, or those of one pipeline. */
export function Schedules({ pipeline }: { pipeline?: string }) {
  const list = useApi<{ schedules: Schedule[] }>(`/schedules${query({ pipeline })}`, { topics: TOPICS });
  const [chosen] = useParam('schedule');
  const now = useNow(1000);
  return (
    <Await of={list}>
      {({ schedules }) => {
        const shown = pipeline ? schedules.filter((schedule) => !schedule.pipeline || schedule.pipeline === pipeline) : schedules;
        const open = shown.find((schedule) => schedule.id === chosen);
        return (
          <>
            {shown.length === 0 ? (
              <Empty title="No schedule yet"><p>A schedule starts {pipeline ?? 'a pipeline'} by the clock: at the moments of a cron text in a time zone, or every so often.</p></Empty>
            ) : (
              <Table
                label="Schedules"
                rows={shown}
                id={(schedule) => schedule.id}
                href={(schedule) => paramsHref({ schedule: schedule.id })}
                keys
                columns={[
                  { key: 'name', label: 'Schedule', width: 'minmax(140px, 1fr)', render: (schedule) => schedule.name },
                  ...(pipeline ? [] : [{ key: 'pipeline', label: 'Pipeline', width: 'minmax(110px, 0.8fr)', render: (schedule: Schedule) => (schedule.pipeline ? <Link href={`/pipelines/${enc(schedule.pipeline)}`}>{schedule.pipeline}</Link> : '–') }]),
                  { key: 'when', label: 'When', width: 'minmax(170px, 1fr)', title: (schedule) => schedule.cron ?? undefined, render: (schedule) => <>{whenText(schedule)} {schedule.cron && <span className="muted">{zoneOf(schedule)}</span>}</> },
                  { key: 'next', label: 'Next', width: 'minmax(210px, 1fr)', title: (schedule) => (schedule.next_at ? `${inZone(schedule.next_at, zoneOf(schedule))}\n${moment(schedule.next_at)} here` : undefined), render: (schedule) => (schedule.enabled && schedule.next_at ? <>{ago(schedule.next_at, now)} <span className="muted">{inZone(schedule.next_at, zoneOf(schedule))}</span></> : <span className="muted">{schedule.enabled ? 'never again' : 'off'}</span>) },
                  { key: 'last', label: 'Last run', width: '120px', render: (schedule) => <LastRun schedule={schedule} /> },
                  { key: 'on', label: 'On', width: '84px', render: (schedule) => <Switch schedule={schedule} /> },
                ]}
              />
            )}
            {open && <One schedule={open} onClose={() => setParams({ schedule: null })} />}
          </>
        );
      }}
    </Await>
  );
}

function LastRun({ schedule }: { schedule: Schedule }) {
  const last = schedule.last_run;
  if (!last) return <span className="muted">none yet</span>;
  if (typeof last === 'string') return <Link href={`/pipeline-runs/${enc(last)}`}>{short(last)}</Link>;
  return <Link href={`/pipeline-runs/${enc(last.id)}`}><State value={last.state} /></Link>;
}

function Switch({ schedule }: { schedule: Schedule }) {
  const action = useAction();
  return (
    <label className="switch" title={action.error?.message}>
      <input
        type="checkbox"
        role="switch"
        checked={schedule.enabled}
        disabled={action.busy}
        aria-label={`${schedule.name} starts runs`}
        onChange={(event) => void action.run(() => call(`/schedules/${enc(schedule.id)}`, { method: 'PATCH', body: { enabled: event.target.checked } }))}
      />
      {action.error ? <span className="alarm-text">failed</span> : schedule.enabled ? 'on' : 'off'}
    </label>
  );
}

function One({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const [deleting, setDeleting] = useState(false);
  const inputs = Object.entries(schedule.inputs ?? {});
  return (
    <Dialog title={schedule.name} onClose={onClose} footer={<><button type="button" className="danger" onClick={() => setDeleting(true)}>Delete…</button><button type="button" onClick={onClose}>Close</button></>}>
      <Facts
        items={[
          ['Starts', schedule.pipeline ? <Link key="p" href={`/pipelines/${enc(schedule.pipeline)}`}>{schedule.pipeline}</Link> : null],
          ['When', <>{whenText(schedule)} {schedule.cron && <code>{schedule.cron}</code>}</>],
          ['Time zone', schedule.cron ? zoneOf(schedule) : null],
          ['At the same time', schedule.max_concurrency ? `at most ${schedule.max_concurrency}` : null],
          ['Missed moments', schedule.catch_up === undefined ? null : schedule.catch_up ? 'are made up for, one after the other' : 'are left out'],
          ['Next', schedule.enabled ? (schedule.upcoming?.length ? <Fires key="n" times={schedule.upcoming} zone={zoneOf(schedule)} /> : inZone(schedule.next_at, zoneOf(schedule))) : 'off'],
          ['Last run', <LastRun key="l" schedule={schedule} />],
          ['Made by', schedule.created_by],
          ['State', <Switch key="s" schedule={schedule} />],
          ...inputs.map(([name, value]): [string, React.ReactNode] => [name, <Value key={name} value={value} />]),
        ]}
      />
      {deleting && (
        <FormDialog title={`Delete ${schedule.name}`} submit="Delete the schedule" danger failed="It was not deleted" onClose={() => setDeleting(false)} onDone={onClose} act={() => call(`/schedules/${enc(schedule.id)}`, { method: 'DELETE' })}>
          <p>{schedule.pipeline ?? 'The pipeline'} is not started by it any more. The runs that it started stay{schedule.next_at && schedule.enabled ? `; the next one, ${inZone(schedule.next_at, zoneOf(schedule))}, will not be` : ''}.</p>
        </FormDialog>
      )}
    </Dialog>
  );
}

function Fires({ times, zone }: { times: string[]; zone: string }) {
  return <ol className="fires">{times.slice(0, 5).map((at) => <li key={at} title={`${moment(at)} here`}>{inZone(at, zone)} <span className="muted"><Ago at={at} /></span></li>)}</ol>;
}

/** `pipeline` absent: the reader chooses. */
export function NewSchedule({ pipeline, pipelines, onClose }: { pipeline?: string; pipelines: string[]; onClose: () => void }) {
  const [of, setOf] = useState(pipeline ?? pipelines[0] ?? '');
  const [name, setName] = useState('');
  const [by, setBy] = useState<'cron' | 'interval'>('cron');
  const [cron, setCron] = useState('0 6 * * *');
  const [seconds, setSeconds] = useState('3600');
  const [zone, setZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC');
  const [catchUp, setCatchUp] = useState(false);
  const [together, setTogether] = useState('1');
  const [texts, setTexts] = useState<Record<string, string>>({});
  const found = useApi<Pipeline>(of ? `/pipelines/${enc(of)}` : null, { topics: [] });
  const inputs = useMemo(() => (found.data ? inputsOf(found.data) : []), [found.data]);
  const zones = useMemo(() => Intl.supportedValuesOf('timeZone'), []);
  const when = by === 'cron' ? { cron: cron.trim(), time_zone: zone.trim() } : { interval_seconds: Number(seconds), time_zone: 'UTC' };
  const act = () => call('/schedules', { method: 'POST', body: { name: name.trim() || of, pipeline: of, ...when, catch_up: catchUp, max_concurrency: Math.max(1, Number(together) || 1), enabled: true, inputs: typed(inputs, texts) } });
  return (
    <FormDialog title="New schedule" submit="Make the schedule" failed="It was not made" ready={of !== '' && (by === 'cron' ? cron.trim() !== '' : Number(seconds) > 0)} act={act} onClose={onClose}>
      {!pipeline && <Field label="Pipeline"><select value={of} onChange={(event) => setOf(event.target.value)}>{pipelines.map((one) => <option key={one}>{one}</option>)}</select></Field>}
      <Field label="Name"><input type="text" value={name} placeholder={of} onChange={(event) => setName(event.target.value)} /></Field>
      <Segments label="By" value={by} onChange={setBy} options={[['cron', 'At set times'], ['interval', 'Every so often']] as const} />
      {by === 'cron' ? (
        <>
          <Field label="Cron" note="minute, hour, day, month, weekday; with six fields, seconds come first"><input type="text" className="mono" spellCheck={false} value={cron} onChange={(event) => setCron(event.target.value)} /></Field>
          <Field label="Time zone">
            <input type="text" list="zones" value={zone} onChange={(event) => setZone(event.target.value)} />
          </Field>
          <datalist id="zones">{zones.map((one) => <option key={one} value={one} />)}</datalist>
        </>
      ) : (
        <Field label="Seconds" note={whenText({ interval_seconds: Number(seconds) || null })}><input type="number" min={1} value={seconds} onChange={(event) => setSeconds(event.target.value)} /></Field>
      )}
      <Preview when={when} words={whenText(when)} />
      <Field label="Runs at the same time"><input type="number" min={1} value={together} onChange={(event) => setTogether(event.target.value)} /></Field>
      <label className="row"><input type="checkbox" checked={catchUp} onChange={(event) => setCatchUp(event.target.checked)} /> Make up for moments that passed while nothing could start</label>
      {inputs.length > 0 && <h3>Inputs of each run</h3>}
      <InputFields inputs={inputs} texts={texts} onChange={setTexts} />
    </FormDialog>
  );
}

/** The next moments, as the server reads what was typed. */
function Preview({ when, words }: { when: { cron?: string; interval_seconds?: number; time_zone: string }; words: string }) {
  const [seen, setSeen] = useState<{ upcoming: string[] } | ApiError | null>(null);
  const key = JSON.stringify(when);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call<{ upcoming: string[] }>('/schedules/preview', { method: 'POST', body: JSON.parse(key), signal: stop.signal }).then(setSeen, (problem: unknown) => {
        if (!stop.signal.aborted) setSeen(problem instanceof ApiError ? problem : null);
      });
    }, 250);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  if (seen instanceof ApiError) return seen.status === 404 || seen.status === 405 ? null : <Failure error={seen} title="This cannot be read" />;
  return (
    <div role="status">
      <p className="soft">{words}</p>
      {seen && <Fires times={seen.upcoming ?? []} zone={when.time_zone} />}
    </div>
  );
}
