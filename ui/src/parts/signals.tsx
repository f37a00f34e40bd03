// What a monitor watches beside drift: each signal with its limit, and what its value was made of.
import type { ReactNode } from 'react';
import type { MonitorWindow, Signal } from '../api';
import { metric, number, percent } from '../format';
import { Panel, State, type Tone } from './basics';

const NAMES: Record<string, string> = {
  missing: 'Missing values',
  out_of_range: 'Out of range',
  unseen: 'Unseen texts',
  latency_p95_ms: 'Latency, 95 % (ms)',
  latency_p99_ms: 'Latency, 99 % (ms)',
  traffic: 'Predictions a second',
  demographic_parity_difference: 'Demographic parity, difference',
  demographic_parity_ratio: 'Demographic parity, ratio',
  equal_opportunity_difference: 'Equal opportunity, difference',
  equalized_odds_difference: 'Equalized odds, difference',
  attribution_ndcg: 'Attribution (NDCG)',
  client_rate: 'Busiest client (rows a second)',
  client_novel_share: 'Novel rows of a client',
  client_boundary_share: 'Rows of a client at the boundary',
  client_near_share: 'Rows of a client near each other',
};
const TONE: Record<Signal['level'], Tone> = { ok: 'good', warn: 'warn', critical: 'alarm' };

export function Signals({ window, levels, labelled }: { window: MonitorWindow; levels: Record<string, Signal['level']>; labelled?: Record<string, number | null> }) {
  const signals = (window.signals ?? []).filter((signal) => signal.name !== 'drift');
  // Those of labelled predictions are no part of a window: they change when labels come.
  const late = Object.entries(levels).filter(([name]) => !signals.some((signal) => signal.name === name));
  if (signals.length === 0 && late.length === 0) return null;
  return (
    <Panel title="Signals">
      <div className="signals">
        <table>
          <thead>
            <tr><th>Signal</th><th>Level</th><th className="num">Value</th><th className="num">Limit</th><th>Worst</th></tr>
          </thead>
          <tbody>
            {signals.map((signal) => (
              <tr key={signal.name}>
                <td>{NAMES[signal.name] ?? signal.name}</td>
                <td><State value={signal.level} tone={TONE[signal.level]} /></td>
                <td className="num">{metric(signal.value)}</td>
                <td className="num">{signal.limit == null ? '–' : metric(signal.limit)}</td>
                <td>{signal.feature ?? '–'}</td>
              </tr>
            ))}
            {late.map(([name, level]) => (
              <tr key={name}>
                <td>{NAMES[name] ?? name.replace(/^performance_/, '').replaceAll('_', ' ')} <span className="muted">by labels</span></td>
                <td><State value={level} tone={TONE[level]} /></td>
                <td className="num">{metric(worst(name, labelled)?.value)}</td>
                <td className="num">–</td>
                <td>{worst(name, labelled)?.column ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Groups signal={signals.find((signal) => signal.name === 'demographic_parity_difference')} />
      <Features signal={signals.find((signal) => signal.name === 'attribution_ndcg')} />
      <Clients signal={signals.find((signal) => signal.name.startsWith('client_'))} />
    </Panel>
  );
}

/** What labels show of it: a metric, or the column where groups differ most. */
function worst(name: string, labelled: Record<string, number | null> = {}): { value: number | null | undefined; column?: string } | undefined {
  const own = labelled[name.replace(/^performance_/, '')];
  if (own !== undefined) return { value: own };
  const columns = Object.entries(labelled).filter(([key]) => key.startsWith(`${name}:`));
  const [key, value] = columns.toSorted(([, a], [, b]) => (b ?? 0) - (a ?? 0))[0] ?? [];
  return key === undefined ? undefined : { value, column: key.slice(name.length + 1) };
}

type Grouped = Record<string, Record<string, { rows: number; selection_rate: number }>>;

function Groups({ signal }: { signal: Signal | undefined }) {
  const columns = Object.entries((signal?.detail ?? {}) as Grouped);
  return columns.map(([column, groups]) => (
    <Detail key={column} title={`Predicted positive by ${column}`} heads={['Group', 'Rows', 'Share']}>
      {Object.entries(groups).map(([group, found]) => (
        <tr key={group}><td>{group}</td><td className="num">{number(found.rows)}</td><td className="num">{percent(found.selection_rate)}</td></tr>
      ))}
    </Detail>
  ));
}

function Features({ signal }: { signal: Signal | undefined }) {
  const features = (signal?.detail ?? []) as { feature: string; baseline: number; window: number }[];
  if (features.length === 0) return null;
  return (
    <Detail title="What the predictions are made of" heads={['Feature', 'Baseline', 'Window']}>
      {features.map((found) => (
        <tr key={found.feature}><td>{found.feature}</td><td className="num">{metric(found.baseline)}</td><td className="num">{metric(found.window)}</td></tr>
      ))}
    </Detail>
  );
}

type Client = { client: string; rows: number; rate: number | null; novel_share: number; boundary_share: number | null; near_share: number | null };

function Clients({ signal }: { signal: Signal | undefined }) {
  const clients = (signal?.detail ?? []) as Client[];
  if (clients.length === 0) return null;
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  return (
    <Detail title="Clients" heads={['Client', 'Rows', 'A second', 'Novel', 'At the boundary', 'Near each other']}>
      {clients.map((found) => (
        <tr key={found.client}>
          <td>{found.client}</td>
          <td className="num">{number(found.rows)}</td>
          <td className="num">{found.rate === null ? '–' : metric(found.rate)}</td>
          <td className="num">{share(found.novel_share)}</td>
          <td className="num">{share(found.boundary_share)}</td>
          <td className="num">{share(found.near_share)}</td>
        </tr>
      ))}
    </Detail>
  );
}

function Detail({ title, heads, children }: { title: string; heads: string[]; children: ReactNode }) {
  return (
    <details className="signals">
      <summary>{title}</summary>
      <div>
        <table>
          <thead><tr>{heads.map((head, at) => <th key={head} className={at > 0 ? 'num' : undefined}>{head}</th>)}</tr></thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </details>
  );
}
