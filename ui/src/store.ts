// What was read from the API, kept by path: shown at once when a page returns, read again when something happened.
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { ApiError, call } from './api';
import { onEvent, onReconnect } from './live';

interface Entry {
  data: unknown;
  error: ApiError | null;
  loading: boolean;
  at: number;
  users: number;
  topics: string[] | null;
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

function later(path: string, target: Entry): void {
  if (target.timer !== null) return;
  target.timer = setTimeout(() => {
    target.timer = null;
    if (target.users > 0) void load(path);
  }, BURST);
}

onEvent((event) => {
  for (const [path, target] of entries) {
    if (target.users === 0) target.at = 0;
    else if (target.topics === null || target.topics.some((topic) => event.kind.startsWith(topic))) later(path, target);
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

/**
 * The answer to `GET /api/v1{path}`, live. `topics` are prefixes of event kinds that make it read again (all, if absent);
 * `every` reads it again after so many milliseconds, for facts that are recorded without an event.
 */
export function useApi<T>(path: string | null, options: { topics?: string[]; every?: number | false } = {}): Snapshot<T> & { reload: () => void } {
  const { every } = options;
  const topics = options.topics?.join(' ');
  const subscribe = useCallback(
    (listener: () => void) => {
      if (path === null) return () => {};
      const target = entry(path);
      target.listeners.add(listener);
      target.users += 1;
      target.topics = topics === undefined ? null : topics.split(' ').filter(Boolean);
      if (Date.now() - target.at > 1000) void load(path);
      return () => {
        target.listeners.delete(listener);
        target.users -= 1;
      };
    },
    [path, topics],
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
