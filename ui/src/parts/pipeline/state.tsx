// The states of tasks: each has a shape and a colour of its own, the same in every picture.
import type { ReactNode } from 'react';
import { count, number } from '../../format';
import { type Tone } from '../basics';
import { type Counts, sum } from './tree';
import '../../styles/pipeline.css';

interface Look {
  tone: Tone;
  word: string;
  glyph: ReactNode;
}

const line = (d: string, more: object = {}) => <path d={d} fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" {...more} />;
const ring = (more: object = {}) => <circle cx="8" cy="8" r="5.8" fill="none" stroke="currentColor" strokeWidth="1.6" {...more} />;

const LOOKS: Record<string, Look> = {
  failed: { tone: 'alarm', word: 'failed', glyph: line('M8 1.6 15 14H1zM8 6.2v3.6M8 11.6v.6', { strokeWidth: 1.7 }) },
  asking: { tone: 'warn', word: 'waits for an answer', glyph: <>{ring()}{line('M6.2 6.4C6.2 4.4 9.8 4.4 9.8 6.5 9.8 7.8 8 7.8 8 9.2M8 11.2v.2', { strokeWidth: 1.5 })}</> },
  running: { tone: 'busy', word: 'running', glyph: <g className="spin">{ring({ opacity: 0.28, strokeWidth: 1.8 })}{line('M8 2.2A5.8 5.8 0 0 1 13.8 8')}</g> },
  retrying: { tone: 'warn', word: 'waits for its next attempt', glyph: line('M13.4 8A5.4 5.4 0 1 1 11.6 4M11.8 1.6v2.7H9.1', { strokeWidth: 1.7 }) },
  queued: { tone: 'still', word: 'in line', glyph: <>{ring()}<circle cx="8" cy="8" r="1.9" fill="currentColor" /></> },
  waiting: { tone: 'still', word: 'waits for others', glyph: ring({ strokeDasharray: '2.4 2.4', r: 4.8 }) },
  succeeded: { tone: 'good', word: 'succeeded', glyph: line('M3.2 8.4 6.6 11.8 12.8 4.8', { strokeWidth: 2 }) },
  cached: { tone: 'good', word: 'from the cache', glyph: line('M3.2 6.6 6.4 9.8 12.8 3.2M3.4 13.4h9.2', { strokeWidth: 1.7 }) },
  skipped: { tone: 'still', word: 'skipped', glyph: line('M3 3.6 8.4 8 3 12.4zM12.2 3.6v8.8', { strokeWidth: 1.5 }) },
  cancelled: { tone: 'warn', word: 'cancelled', glyph: <>{ring()}{line('M4 12 12 4', { strokeWidth: 1.6 })}</> },
};

/** In the order in which counts are shown: what needs a look first. */
export const STATES = ['failed', 'asking', 'cancelled', 'running', 'retrying', 'succeeded', 'cached', 'skipped', 'queued', 'waiting'] as const;

const UNKNOWN: Look = { tone: 'still', word: '', glyph: ring({ strokeDasharray: '2.4 2.4', r: 4.8 }) };
const look = (state: string): Look => LOOKS[state] ?? UNKNOWN;

export const toneOfTask = (state: string): Tone => look(state).tone;
export const wordOf = (state: string): string => look(state).word || state.replaceAll('_', ' ');

export function TaskGlyph({ state }: { state: string }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" className="task-glyph" data-tone={look(state).tone}>
      {look(state).glyph}
    </svg>
  );
}

export function TaskState({ state, label }: { state: string; label?: ReactNode }) {
  return (
    <span className="state" data-tone={look(state).tone}>
      <TaskGlyph state={state} />
      {label ?? wordOf(state)}
    </span>
  );
}

/** `cached` counts as succeeded where they are told apart from what is left. */
const DONE = new Set(['succeeded', 'cached', 'failed', 'cancelled', 'skipped']);

export function countsText(counts: Counts, total = sum(counts)): string {
  const done = Object.entries(counts).reduce((all, [state, n]) => all + (DONE.has(state) ? n : 0), 0);
  const more = ['failed', 'cancelled', 'running', 'asking'].flatMap((state) => (counts[state] ? [`${number(counts[state])} ${state === 'asking' ? 'asking' : state}`] : []));
  return [`${number(done)} of ${number(total)}`, ...more].join(' · ');
}

/** The same where there is little room. */
export function countsBrief(counts: Counts, total = sum(counts)): string {
  if (total < 1000) return countsText(counts, total);
  const done = Object.entries(counts).reduce((all, [state, n]) => all + (DONE.has(state) ? n : 0), 0);
  return `${done === total ? '100' : Math.min(99.9, (done / total) * 100).toFixed(1)} %${counts.failed ? ` · ${number(counts.failed)} failed` : ''}`;
}

/** How many are in which state, as parts of one bar; each part has a pattern beside its colour. */
export function CountBar({ counts, total = sum(counts) }: { counts: Counts; total?: number }) {
  return (
    <span className="count-bar" role="img" aria-label={countsText(counts, total)} title={STATES.flatMap((state) => (counts[state] ? [`${number(counts[state])} ${wordOf(state)}`] : [])).join('\n')}>
      {STATES.map((state) => (counts[state] ? <i key={state} data-state={state} style={{ flexGrow: counts[state] }} /> : null))}
    </span>
  );
}

/** The same as words, each a choice. */
export function CountChoices({ counts, chosen, onChoose }: { counts: Counts; chosen: string | null; onChoose: (state: string) => void }) {
  const total = sum(counts);
  return (
    <div className="count-choices" role="group" aria-label="Tasks by state">
      <button type="button" aria-pressed={chosen === ''} onClick={() => onChoose('')}>{count(total, 'task')}</button>
      {STATES.map((state) => (counts[state] ? (
        <button type="button" key={state} aria-pressed={chosen === state} title={wordOf(state)} onClick={() => onChoose(chosen === state ? '' : state)}>
          <TaskGlyph state={state} /> {number(counts[state])} <span className="words">{wordOf(state)}</span>
        </button>
      ) : null))}
    </div>
  );
}
