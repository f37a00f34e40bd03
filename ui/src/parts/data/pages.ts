// A listing that comes in pages: the first is kept and read again on events, further ones are read when they are scrolled to.
import { useCallback, useEffect, useReducer, useRef } from 'react';
import { ApiError, call } from '../../api';
import type { Listed } from '../../data_types';
import { useApi } from '../../store';

export interface Pages<T> {
  items: T[] | undefined;
  error: ApiError | null;
  /** there are more, which `more` reads */
  unread: boolean;
  more: () => void;
  reload: () => void;
}

interface Held<T> {
  base: string | null;
  first: unknown;
  later: { items: T[]; next: string | null }[];
  busy: boolean;
  error: ApiError | null;
  items: T[] | undefined;
}

/** `path` is an address below /api/v1 that has a `?`; `name` is the field of the answer that holds the items. */
export function usePages<T>(name: string, path: string | null, options: { topics?: string[]; every?: number | false } = {}): Pages<T> {
  const first = useApi<Listed<string, T>>(path, options);
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const held = useRef<Held<T>>({ base: path, first: undefined, later: [], busy: false, error: null, items: undefined });
  if (held.current.base !== path) held.current = { base: path, first: undefined, later: [], busy: false, error: null, items: undefined };
  const state = held.current;
  const newest = useRef(first.data);
  newest.current = first.data;
  if (first.data !== undefined && state.first !== first.data && state.later.length === 0) {
    state.first = first.data;
    state.items = first.data[name];
  }

  /** Reads `count` pages after the first; they replace those that were there. */
  const read = useCallback(
    async (start: Listed<string, T>, before: Held<T>['later'], count: number) => {
      const mine = held.current;
      mine.busy = true;
      const later = [...before];
      try {
        let next = later.length > 0 ? (later.at(-1)?.next ?? null) : start.next;
        for (let left = count; left > 0 && next !== null; left -= 1) {
          const page = await call<Listed<string, T>>(`${mine.base}&after=${encodeURIComponent(next)}`);
          later.push({ items: page[name] ?? [], next: page.next });
          next = page.next;
        }
        mine.error = null;
      } catch (problem) {
        mine.error = problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem));
      }
      mine.busy = false;
      if (held.current !== mine) return;
      mine.first = start;
      mine.later = later;
      mine.items = [...(start[name] ?? []), ...later.flatMap((page) => page.items)];
      draw();
      // It changed while this was read.
      if (newest.current !== undefined && newest.current !== start && mine.error === null) void read(newest.current, [], later.length);
    },
    [name],
  );

  // The first page is another one: what came after it may be old. It stays on screen until it was read again.
  useEffect(() => {
    const now = held.current;
    if (first.data === undefined || now.first === first.data || now.busy) return;
    void read(first.data, [], now.later.length);
  }, [first.data, read]);

  const more = useCallback(() => {
    const now = held.current;
    if (now.busy || now.first === undefined) return;
    const start = now.first as Listed<string, T>;
    if ((now.later.length > 0 ? now.later.at(-1)?.next : start.next) != null) void read(start, now.later, 1);
  }, [read]);

  const next = state.later.length > 0 ? state.later.at(-1)?.next : (state.first as Listed<string, T> | undefined)?.next;
  return { items: state.items, error: first.error ?? state.error, unread: next != null, more, reload: first.reload };
}
