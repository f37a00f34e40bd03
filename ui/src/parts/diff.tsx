// The one comparison: any number of things side by side, what differs first, what is the same folded away.
import { type ReactNode, useState } from 'react';
import { count } from '../format';
import '../styles/diff.css';

export interface DiffRow {
  group: string;
  name: string;
  /** one for each side; `undefined` is absent there */
  values: (string | number | null | undefined)[];
  /** numbers: which direction is better, if one is */
  better?: 'up' | 'down';
  render?: (value: string | number | null | undefined) => ReactNode;
}

const differs = (row: DiffRow) => row.values.some((value) => value !== row.values[0]);

export function Diff({ sides, rows, label }: { sides: ReactNode[]; rows: DiffRow[]; label: string }) {
  const [all, setAll] = useState(false);
  const same = rows.filter((row) => !differs(row));
  const different = rows.filter(differs);
  const shown = all ? [...different, ...same] : different;
  const groups = [...new Set(shown.map((row) => row.group))];
  return (
    <div className="diff-box">
      <div className="diff-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className="diff">
          <thead>
            <tr>
              <th scope="col" className="name">
                <span className="muted">{different.length === 0 ? 'No differences' : count(different.length, 'difference')}</span>
              </th>
              {sides.map((side, index) => (
                <th scope="col" key={index}>{side}</th>
              ))}
            </tr>
          </thead>
          {groups.map((group) => (
            <tbody key={group}>
              <tr className="group">
                <th scope="rowgroup" colSpan={sides.length + 1}>{group}</th>
              </tr>
              {shown.filter((row) => row.group === group).map((row) => (
                <Row key={row.name} row={row} />
              ))}
            </tbody>
          ))}
        </table>
      </div>
      {same.length > 0 && (
        <button type="button" className="bare" onClick={() => setAll(!all)}>
          {all ? 'Hide what is the same' : `Show ${same.length} that ${same.length === 1 ? 'is' : 'are'} the same`}
        </button>
      )}
    </div>
  );
}

function Row({ row }: { row: DiffRow }) {
  const changed = differs(row);
  const numbers = row.values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  const best = changed && row.better && numbers.length > 1 ? (row.better === 'up' ? Math.max(...numbers) : Math.min(...numbers)) : undefined;
  return (
    <tr data-changed={changed}>
      <th scope="row" className="name" title={row.name}>{row.name.replace(/^mlflow\./, '')}</th>
      {row.values.map((value, index) => (
        <td key={index} data-odd={odd(row.values, value)} className={typeof value === 'number' ? 'num' : undefined} title={value === undefined || value === null ? undefined : String(value)}>
          {value === undefined || value === null ? <span className="muted">–</span> : row.render ? row.render(value) : plainValue(value)}
          {best !== undefined && value === best && <span className="best" title="best of these"> ●<span className="visually-hidden">best</span></span>}
        </td>
      ))}
    </tr>
  );
}

/** Among three or more, a value that only one side has while others agree. */
function odd(values: DiffRow['values'], value: DiffRow['values'][number]): boolean {
  if (values.length < 3 || values.filter((other) => other === value).length > 1) return false;
  return values.some((other) => values.filter((same) => same === other).length > 1);
}

/** A commit is told from another by its first digits. */
function plainValue(value: string | number): string {
  const text = String(value);
  return /^[0-9a-f]{40}$/.test(text) ? text.slice(0, 10) : text;
}

/** Error-like metrics go down, score-like ones up; an unknown name has no better side. */
export function direction(name: string): 'up' | 'down' | undefined {
  const key = name.toLowerCase();
  if (/(loss|error|mse|rmse|mae|mape|brier|perplexity|latency|_ms$|log_loss)/.test(key)) return 'down';
  if (/(auc|acc|f1|precision|recall|r2|score|kappa|mcc|ap$|map|ndcg)/.test(key)) return 'up';
  return undefined;
}
