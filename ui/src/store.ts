// What was read from the API, kept by path: shown at once when a page returns, read again when something happened.
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { ApiError, call } from './api';
import { onEvent, onReconnect } from './live';

interface Entry {
  data: unknown;
  error: ApiError | null;
  loading: boolean;
  at: number;
  users: number;
  topics: string[] | null;
  /** only events that say this, such as the id of a run; all if null */
  about: string | null;
  burst: number;
  listeners: Set<() => void>;
  snapshot: Snapshot<unknown>;
  timer: ReturnType<typeof setTimeout> | null;
}

export interface Snapshot<T> {
  data: T | undefined;
  error: ApiError | null;
  loading: boolean;
}

const entries = new Map<string, Entry>();
const QUIET: Snapshot<never> = { data: undefined, error: null, loading: false };
/** Events come in bursts; one refresh answers for all that arrive within this many milliseconds. */
const BURST = 400;
const KEPT = 120;

function entry(path: string): Entry {
  let found = entries.get(path);
  if (!found) {
    found = {
      data: undefined,
      error: null,
      loading: false,
      at: 0,
      users: 0,
      topics: null,
      about: null,
      burst: BURST,
      listeners: new Set(),
      snapshot: { data: undefined, error: null, loading: true },
      timer: null,
    };
    entries.set(path, found);
    if (entries.size > KEPT) forget();
  }
  return found;
}

function forget(): void {
  for (const [path, old] of entries) {
    if (entries.size <= KEPT / 2) return;
    if (old.users === 0) entries.delete(path);
  }
}

function publish(target: Entry): void {
  target.snapshot = { data: target.data, error: target.error, loading: target.loading };
  target.listeners.forEach((listener) => listener());
}

async function load(path: string): Promise<void> {
  const target = entry(path);
  if (target.loading) return;
  target.loading = true;
  try {
    const data = await call<unknown>(path);
    // The same answer keeps its identity, so that nothing is drawn again for nothing.
    if (target.data === undefined || JSON.stringify(target.data) !== JSON.stringify(data)) target.data = data;
    target.error = null;
  } catch (error) {
    target.error = error instanceof ApiError ? error : new ApiError(0, 'unexpected', String(error));
  }
  target.loading = false;
  target.at = Date.now();
  publish(target);
}

/** Ids are written with hyphens or without. */
const plainId = (text: string) => text.replaceAll('-', '');

function later(path: string, target: Entry): void {
  if (target.timer !== null) return;
  target.timer = setTimeout(() => {
    target.timer = null;
    if (target.users > 0) void load(path);
  }, target.burst);
}

onEvent((event) => {
  let said: string | null = null;
  for (const [path, target] of entries) {
    if (target.users === 0) target.at = 0;
    else if (target.topics === null || target.topics.some((topic) => event.kind.startsWith(topic))) {
      if (target.about !== null) {
        said ??= plainId(`${event.subject} ${JSON.stringify(event.payload)}`);
        if (!said.includes(target.about)) continue;
      }
      later(path, target);
    }
  }
});
onReconnect(() => refresh());

/** What the overview is about. Runs by the thousand come in without one of them changing it; it is read now and then for them. */
export const OVERVIEW = { topics: ['data', 'pipeline', 'step', 'evaluation', 'model', 'endpoint', 'monitor', 'retrain', 'project', 'drift'], every: 10_000 };

/** Reads again everything that is on screen. */
export function refresh(): void {
  for (const [path, target] of entries) {
    if (target.users > 0) later(path, target);
    else target.at = 0;
  }
}

export interface Reading {
  /** prefixes of event kinds that make it read again; all, if absent */
  topics?: string[];
  /** reads it again after so many milliseconds, for facts that are recorded without an event */
  every?: number | false;
  /** only events that name this id */
  about?: string;
  /** milliseconds from an event to the reading, where the answer is large */
  burst?: number;
}

function subscribeTo(path: string, listener: () => void, { topics, about, burst }: Reading): () => void {
  const target = entry(path);
  target.listeners.add(listener);
  target.users += 1;
  target.topics = topics ?? null;
  target.about = about === undefined ? null : plainId(about);
  target.burst = burst ?? BURST;
  if (Date.now() - target.at > 1000) void load(path);
  return () => {
    target.listeners.delete(listener);
    target.users -= 1;
  };
}

/** The answer to `GET /api/v1{path}`, live. */
export function useApi<T>(path: string | null, options: Reading = {}): Snapshot<T> & { reload: () => void } {
  const { every, about, burst } = options;
  const topics = options.topics?.join(' ');
  const subscribe = useCallback(
    (listener: () => void) => (path === null ? () => {} : subscribeTo(path, listener, { topics: topics?.split(' ').filter(Boolean), about, burst })),
    [path, topics, about, burst],
  );
  const snapshot = useSyncExternalStore(subscribe, () => (path === null ? QUIET : entry(path).snapshot)) as Snapshot<T>;

  useEffect(() => {
    if (!every || path === null) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void load(path);
    }, every);
    return () => clearInterval(timer);
  }, [path, every]);

  const reload = useCallback(() => {
    if (path !== null) void load(path);
  }, [path]);
  return { ...snapshot, reload };
}

/** The answers to several addresses, in their order: each as in `useApi`. */
export function useApis<T>(paths: readonly string[], options: Reading = {}): readonly Snapshot<T>[] {
  const held = useRef<{ key: string; shown: readonly Snapshot<T>[] }>({ key: '', shown: [] });
  const key = paths.join('\n');
  const topics = options.topics?.join(' ');
  const { about, burst } = options;
  const subscribe = useCallback(
    (listener: () => void) => {
      const stops = (key === '' ? [] : key.split('\n')).map((path) => subscribeTo(path, listener, { topics: topics?.split(' ').filter(Boolean), about, burst }));
      return () => stops.forEach((stop) => stop());
    },
    [key, topics, about, burst],
  );
  return useSyncExternalStore(subscribe, () => {
    const now = (key === '' ? [] : key.split('\n')).map((path) => entry(path).snapshot as Snapshot<T>);
    const before = held.current;
    // The same answers keep their identity.
    if (before.key !== key || before.shown.length !== now.length || now.some((snapshot, index) => snapshot !== before.shown[index])) held.current = { key, shown: now };
    return held.current.shown;
  });
}
