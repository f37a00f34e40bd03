// Every change, who made it, and whether the chain of hashes still holds.
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, type AuditVerdict, type Event, call, query } from '../api';
import { details, headline, hrefOf, subjectOf, toneOf } from '../events';
import { count, moment, number, short } from '../format';
import { onEvent, onReconnect } from '../live';
import { Bones, Empty, Facts, Failure, Glyph, Id, Page, Panel, State } from '../parts/basics';
import { Table } from '../parts/table';
import { Link, setParams, useParam } from '../router';
import { useApi } from '../store';

const PAGE = 200;
const FAMILIES = ['data', 'dataset', 'experiment', 'run', 'artifact', 'model', 'pipeline', 'step', 'replay', 'evaluation', 'endpoint', 'predictions', 'monitor', 'drift', 'retraining', 'project', 'access'];

function useEvents(kind: string) {
  const [events, setEvents] = useState<Event[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [ready, setReady] = useState(false);
  const end = useRef(false);
  const busy = useRef(false);
  const merge = useCallback((more: Event[]) => {
    setEvents((old) => {
      const known = new Map(old.map((event) => [event.position, event]));
      for (const event of more) known.set(event.position, event);
      return [...known.values()].sort((a, b) => b.position - a.position);
    });
  }, []);
  const read = useCallback(
    async (before: number | null) => {
      if (busy.current) return;
      busy.current = true;
      try {
        const page = await call<{ events: Event[] }>(`/events${query({ kind, limit: PAGE, before })}`);
        if (page.events.length < PAGE) end.current = true;
        merge(page.events);
        setError(null);
      } catch (problem) {
        if (problem instanceof ApiError) setError(problem);
      }
      busy.current = false;
      setReady(true);
    },
    [kind, merge],
  );
  useEffect(() => {
    setEvents([]);
    setReady(false);
    end.current = false;
    busy.current = false;
    void read(null);
    const offEvent = onEvent((event) => {
      if (event.kind.startsWith(kind)) merge([event]);
    });
    const offReconnect = onReconnect(() => void read(null));
    return () => {
      offEvent();
      offReconnect();
    };
  }, [kind, read, merge]);
  const more = useCallback(() => {
    const last = events[events.length - 1];
    if (last && !end.current) void read(last.position);
  }, [events, read]);
  return { events, error, ready, more };
}

export default function Events() {
  const [kind, setKind] = useParam('kind');
  const [chosen] = useParam('at');
  const [text, setText] = useParam('q');
  const { events, error, ready, more } = useEvents(kind);
  const wanted = text.toLowerCase();
  const shown = wanted ? events.filter((event) => `${event.kind} ${event.subject} ${event.actor} ${JSON.stringify(event.payload)}`.toLowerCase().includes(wanted)) : events;
  const current = events.find((event) => String(event.position) === chosen);
  return (
    <Page title="Events" lead="Every change of state, in order, each sealed with the hash of the one before." actions={<Audit />}>
      <div className="row" style={{ marginBottom: 12 }}>
        <select aria-label="Kind" value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">All kinds</option>
          {FAMILIES.map((family) => <option key={family} value={family}>{family}</option>)}
          {kind && !FAMILIES.includes(kind) && <option value={kind}>{kind}</option>}
        </select>
        <input className="grow" type="search" aria-label="Filter events" placeholder="Filter what is loaded: a name, an id, an actor" value={text} onChange={(event) => setText(event.target.value)} />
      </div>
      {error && <Failure error={error} stale={events.length > 0} />}
      {!ready ? (
        <Bones lines={10} height={22} />
      ) : events.length === 0 && !error ? (
        <Empty title="No event yet"><p>Whatever changes here is written down with who did it: a run created, data accepted or rejected, an alias moved, a model swapped.</p></Empty>
      ) : (
        <div className={current ? 'columns' : undefined}>
          <Table
            label="Events"
            rows={shown}
            id={(event) => String(event.position)}
            height="calc(100vh - 200px)"
            current={chosen}
            onEnd={more}
            empty="No loaded event matches."
            columns={[
              { key: 'position', label: '#', align: 'num', width: '74px', render: (event) => number(event.position) },
              { key: 'at', label: 'When', width: '170px', title: (event) => moment(event.at), render: (event) => moment(event.at).replace(/ [A-Z]+([+-]\d+)?$/, '') },
              {
                key: 'what',
                label: 'What',
                width: 'minmax(220px, 1.4fr)',
                title: (event) => event.kind,
                render: (event) => (
                  <span className="row" style={{ flexWrap: 'nowrap' }}>
                    <span className="state" data-tone={toneOf(event)}><Glyph tone={toneOf(event)} /></span>
                    <button type="button" className="bare clip" onClick={() => setParams({ at: String(event.position) === chosen ? null : String(event.position) })}>{headline(event)}</button>
                  </span>
                ),
              },
              { key: 'details', label: 'Details', width: 'minmax(160px, 1.6fr)', title: (event) => JSON.stringify(event.payload), render: (event) => <span className="soft">{details(event)}</span> },
              { key: 'actor', label: 'By', width: '130px', render: (event) => event.actor },
            ]}
          />
          {current && <Detail event={current} />}
        </div>
      )}
    </Page>
  );
}

function Detail({ event }: { event: Event }) {
  const subject = subjectOf(event);
  return (
    <Panel title={event.kind} actions={<button type="button" className="bare" onClick={() => setParams({ at: null })}>close</button>}>
      <div className="stack">
        <Facts
          items={[
            ['Position', number(event.position)],
            ['When', moment(event.at)],
            ['By', event.actor],
            ['Subject', <Link key="s" href={hrefOf(subject.kind, subject.key, event.payload)}>{subject.kind} {short(subject.key)}</Link>],
            ['Hash', <Id key="h" value={event.hash} />],
          ]}
        />
        <pre className="report">{JSON.stringify(event.payload, null, 2)}</pre>
      </div>
    </Panel>
  );
}

function Audit() {
  const [asked, setAsked] = useState(false);
  const verdict = useApi<AuditVerdict>(asked ? '/audit/verify' : null, { topics: ['none'] });
  if (!asked) return <button type="button" onClick={() => setAsked(true)}>Verify the chain</button>;
  if (verdict.error) return <Failure error={verdict.error} />;
  if (!verdict.data) return <State value="running" label="Verifying" />;
  return verdict.data.ok ? <State value="ok" label={`${count(verdict.data.events, 'event')}, chain holds`} /> : <State value="failed" label={`chain broken at ${number(verdict.data.broken_at)}`} />;
}
