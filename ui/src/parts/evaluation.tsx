// A verdict with its evidence: each check with what was measured and what was asked, then the slices.
import type { Evaluation } from '../api';
import { metric, number } from '../format';
import { Figures, Panel, State } from './basics';
import { Table } from './table';

export function EvaluationReport({ evaluation, title }: { evaluation: Evaluation; title: string }) {
  const slices = evaluation.slices ?? [];
  const keys = [...new Set(slices.flatMap((slice) => Object.keys(slice.metrics)))].slice(0, 6);
  const checks = evaluation.checks ?? [];
  return (
    <Panel title={title} actions={<State value={evaluation.passed ? 'passed' : 'refused'} />} flush>
      <div className="body stack">
        <Figures
          items={Object.entries(evaluation.metrics).map(([name, value]) => ({
            name,
            value: metric(value),
            note: evaluation.champion && evaluation.champion.metrics[name] !== undefined ? `v${evaluation.champion.version}: ${metric(evaluation.champion.metrics[name])}` : undefined,
          }))}
        />
        {evaluation.rows !== undefined && <p className="muted">Measured on {number(evaluation.rows)} rows that training did not see.</p>}
        {checks.length > 0 && (
          <ul className="checks">
            {[...checks.filter((check) => !check.passed), ...checks.filter((check) => check.passed)].map((check) => (
              <li key={check.name}>
                <State value={check.passed ? 'passed' : 'refused'} label={check.name} />
                <span className="soft">{check.text ?? `${metric(check.observed)}, required ${check.required ?? '–'}`}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      {slices.length > 0 && (
        <div className="slices">
          <Table
            label="Slices"
            rows={slices}
            id={(slice) => `${slice.name}=${slice.value}`}
            columns={[
              { key: 'slice', label: 'Slice', width: 'minmax(140px, 1fr)', render: (slice) => `${slice.name} = ${slice.value}` },
              { key: 'rows', label: 'n', align: 'num', width: '90px', render: (slice) => number(slice.rows) },
              ...keys.map((key) => ({ key, label: key, align: 'num' as const, width: 'minmax(90px, 120px)', render: (slice: { metrics: Record<string, number | null> }) => metric(slice.metrics[key]) })),
            ]}
          />
        </div>
      )}
    </Panel>
  );
}
