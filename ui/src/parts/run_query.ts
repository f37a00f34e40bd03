// Runs for a table of any length: the ids of a query at once, then the rows that are in view.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react';
import { ApiError, type Run, call } from '../api';
import { onEvent, onReconnect } from '../live';
import { isLive } from './basics';

export interface RunQuery {
  experiment: string;
  filter: string;
  order_by: string[];
  group: string;
}

export interface RunList {
  ids: string[];
  /** there are more than the server names in one answer */
  more: boolean;
  groups: { values: string[]; of: number[] } | null;
}

interface Answer {
  total: number;
  more: boolean;
  /** 32 digits each */
  ids: string;
  groups: { values: string[]; of: number[] } | null;
}

/** The list stays on screen while the next one is read, and when the next filter is wrong. */
export function useRunList(query: RunQuery): { list: RunList | null; error: ApiError | null; busy: boolean } {
  const [list, setList] = useState<RunList | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(true);
  const text = JSON.stringify(query);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = '';
    let size = 0;
    let reading = false;
    let again = false;
    const read = async () => {
      reading = true;
      again = false;
      try {
        const answer = await call<Answer>('/runs/query', { method: 'POST', body: JSON.parse(text), signal: stop.signal });
        size = answer.total;
        const seen = answer.ids + JSON.stringify(answer.groups);
        if (seen !== last) {
          last = seen;
          const ids = new Array<string>(answer.total);
          for (let index = 0; index < answer.total; index += 1) ids[index] = answer.ids.slice(index * 32, index * 32 + 32);
          setList({ ids, more: answer.more, groups: answer.groups });
        }
        setError(null);
      } catch (problem) {
        if (stop.signal.aborted) return;
        if (problem instanceof ApiError) setError(problem);
      }
      setBusy(false);
      reading = false;
      if (again) later();
    };
    const later = () => {
      again = true;
      if (reading || timer !== undefined) return;
      // A long list is read less often: 100,000 ids are some megabytes.
      timer = setTimeout(() => {
        timer = undefined;
        void read();
      }, size > 20_000 ? 5000 : 600);
    };
    setBusy(true);
    void read();
    const off = onEvent((event) => {
      if (/^(run|experiment)\./.test(event.kind)) later();
    });
    const back = onReconnect(later);
    return () => {
      stop.abort();
      clearTimeout(timer);
      off();
      back();
    };
  }, [text]);
  return { list, error, busy };
}

/** Rows read in one request. */
const BATCH = 150;
/** Rows kept; more than that, and the oldest are forgotten. */
const KEPT = 5000;

export interface Rows {
  get: (id: string) => Run | undefined;
  /** reads what is missing of these ids; the newest wish comes first */
  want: (ids: string[]) => void;
  /** changes with every answer */
  version: number;
  error: ApiError | null;
}

/** `columns` null waits: it is not known yet what to read. */
export function useRows(columns: string[] | null): Rows {
  const cache = useRef(new Map<string, Run>());
  const wished = useRef<string[]>([]);
  const visible = useRef<string[]>([]);
  const old = useRef(new Set<string>());
  const busy = useRef(false);
  const [version, bump] = useReducer((now: number) => now + 1, 0);
  const [error, setError] = useState<ApiError | null>(null);
  const wanted = columns?.join('\n');
  const current = useRef(wanted);

  const pump = useCallback(async () => {
    if (busy.current || current.current === undefined) return;
    const missing = wished.current.filter((id) => !cache.current.has(id) || old.current.has(id)).slice(0, BATCH);
    if (missing.length === 0) return;
    busy.current = true;
    const asked = current.current;
    try {
      const page = await call<{ runs: Run[] }>('/runs/rows', { method: 'POST', body: { ids: missing, columns: asked === '' ? [] : asked.split('\n') } });
      if (asked === current.current) {
        for (const id of missing) old.current.delete(id);
        for (const run of page.runs) {
          const before = cache.current.get(run.id);
          // A row that did not change keeps its identity, so that it is not drawn again.
          if (!before || JSON.stringify(before) !== JSON.stringify(run)) {
            cache.current.delete(run.id);
            cache.current.set(run.id, run);
          }
        }
        // An id without a row was deleted meanwhile; the next list leaves it out.
        for (const id of missing) if (!cache.current.has(id)) wished.current = wished.current.filter((other) => other !== id);
        for (const id of cache.current.keys()) {
          if (cache.current.size <= KEPT) break;
          cache.current.delete(id);
        }
        bump();
      }
      setError(null);
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      wished.current = [];
    }
    busy.current = false;
    void pump();
  }, []);

  useEffect(() => {
    if (current.current === wanted) return;
    current.current = wanted;
    // What is on screen stays until its new columns have come.
    for (const id of cache.current.keys()) old.current.add(id);
    void pump();
  }, [wanted, pump]);

  const want = useCallback(
    (ids: string[]) => {
      visible.current = ids;
      wished.current = ids;
      void pump();
    },
    [pump],
  );

  useEffect(() => {
    const refresh = (ids: string[]) => {
      const held = ids.filter((id) => cache.current.has(id));
      for (const id of held) old.current.add(id);
      if (held.some((id) => visible.current.includes(id))) {
        wished.current = visible.current;
        void pump();
      }
    };
    const off = onEvent((event) => {
      const run = /^run:([0-9a-f]{32})/.exec(event.subject.replaceAll('-', ''));
      if (run?.[1]) refresh([run[1]]);
    });
    // Metric points are recorded without an event; rows of running runs are asked for.
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') refresh(visible.current.filter((id) => isLive(cache.current.get(id)?.status)));
    }, 2000);
    return () => {
      off();
      clearInterval(timer);
    };
  }, [pump]);

  // Always the same function: a table tells by the row itself whether to draw it again.
  const get = useCallback((id: string) => cache.current.get(id), []);
  return useMemo(() => ({ get, want, version, error }), [get, want, version, error]);
}

/** A name in MLflow's grammar. */
function quoted(key: string): string {
  return /^\w+$/.test(key) ? key : `\`${key.replaceAll('`', '')}\``;
}

export function field(key: string): string {
  const dot = key.indexOf('.');
  return dot < 0 ? key : `${key.slice(0, dot)}.${quoted(key.slice(dot + 1))}`;
}

const ATTRIBUTES: Record<string, string> = { name: 'run_name', status: 'status', started: 'start_time', ended: 'end_time', owner: 'user_id' };

export function orderBy(key: string, down: boolean): string[] {
  const name = key.includes('.') ? field(key) : key in ATTRIBUTES ? `attributes.${ATTRIBUTES[key]}` : key;
  return [`${name} ${down ? 'DESC' : 'ASC'}`];
}

/** A filter as it was typed: words without a comparison look for names. */
export function asFilter(text: string): string {
  const tidy = text.trim();
  if (tidy === '' || /[=<>]|\b(i?like|in|is)\b/i.test(tidy)) return tidy;
  if (/^[0-9a-f]{32}$/.test(tidy)) return `attributes.run_id = '${tidy}'`;
  return `attributes.run_name ILIKE '%${tidy.replaceAll("'", '_')}%'`;
}
