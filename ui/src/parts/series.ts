// Metric series of runs, read one chart at a time: what the charts of one moment ask for travels in one request.
import { useEffect, useState } from 'react';
import { ApiError, call } from '../api';

/** step, milliseconds since 1970, value */
export type Point = [number, number, number | null];
/** by run id */
export type Series = Record<string, Point[]>;

interface Answer {
  runs: Record<string, Record<string, Point[]>>;
}
interface Wish {
  key: string;
  done: (series: Series) => void;
  failed: (error: unknown) => void;
}

const KEPT = 300;
const KEYS_AT_ONCE = 24;
/** Milliseconds between two looks at runs that still log. */
const LIVE = 1500;

const kept = new Map<string, Series>();
const waiting = new Map<string, Wish[]>();
const tickers = new Set<() => void>();
setInterval(() => {
  if (document.visibilityState === 'visible') for (const tick of tickers) tick();
}, LIVE);

function ask(ids: string[], key: string, points: number): Promise<Series> {
  const place = `${points} ${ids.join()}`;
  return new Promise((done, failed) => {
    const wishes = waiting.get(place);
    if (wishes) {
      wishes.push({ key, done, failed });
      return;
    }
    waiting.set(place, [{ key, done, failed }]);
    setTimeout(() => {
      const all = waiting.get(place) ?? [];
      waiting.delete(place);
      for (let first = 0; first < all.length; first += KEYS_AT_ONCE) void send(ids, points, all.slice(first, first + KEYS_AT_ONCE));
    }, 25);
  });
}

async function send(ids: string[], points: number, wishes: Wish[]): Promise<void> {
  try {
    const answer = await call<Answer>('/runs/series', { method: 'POST', body: { ids, keys: [...new Set(wishes.map((wish) => wish.key))], max_points: points } });
    for (const wish of wishes) {
      const series: Series = {};
      for (const id of ids) {
        const found = answer.runs[id]?.[wish.key];
        if (found) series[id] = found;
      }
      wish.done(series);
    }
  } catch (error) {
    for (const wish of wishes) wish.failed(error);
  }
}

/** Undefined until it has come; read again while `live`. Nothing is read while `wanted` is false. */
export function useSeries(ids: string[], key: string, points: number, live: boolean, wanted: boolean): { series: Series | undefined; error: ApiError | null } {
  const place = `${points} ${key} ${ids.join()}`;
  const [, redraw] = useState(0);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    if (!wanted) return;
    let stopped = false;
    let busy = false;
    const read = () => {
      if (busy) return;
      busy = true;
      ask(ids, key, points).then(
        (series) => {
          busy = false;
          const old = kept.get(place);
          if (old && JSON.stringify(old) === JSON.stringify(series)) return;
          kept.delete(place);
          kept.set(place, series);
          if (kept.size > KEPT) kept.delete(kept.keys().next().value ?? '');
          if (!stopped) {
            setError(null);
            redraw((count) => count + 1);
          }
        },
        (problem: unknown) => {
          busy = false;
          if (!stopped && problem instanceof ApiError) setError(problem);
        },
      );
    };
    if (live || !kept.has(place)) read();
    if (live) tickers.add(read);
    return () => {
      stopped = true;
      tickers.delete(read);
    };
    // `place` says what `ids`, `key` and `points` are.
  }, [place, live, wanted]);
  return { series: kept.get(place), error };
}
