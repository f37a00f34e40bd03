// The filter of the runs table: words match names; `metrics.roc_auc > 0.7 status:failed params.depth=6` compare values.
import type { Run } from '../api';

type Test = (run: Run) => boolean;

const TERM = /^(-?)([\w./ -]*?)(>=|<=|!=|=|:|>|<)(.*)$/;

export function runField(run: Run, field: string): string | number | null | undefined {
  const dot = field.indexOf('.');
  const head = dot < 0 ? field : field.slice(0, dot);
  const rest = field.slice(dot + 1);
  switch (head) {
    case 'metrics':
    case 'metric':
      return run.metrics[rest];
    case 'params':
    case 'param':
      return run.params[rest];
    case 'tags':
    case 'tag':
      return run.tags[rest];
    case 'status':
      return run.status.toLowerCase();
    case 'experiment':
      return run.experiment;
    case 'name':
      return run.name;
    case 'id':
      return run.id;
    case 'started':
      return run.started_at;
    default:
      return run.metrics[field] ?? run.params[field] ?? run.tags[field];
  }
}

function term(word: string): Test {
  const match = TERM.exec(word);
  if (!match || !match[2]) {
    const wanted = word.toLowerCase();
    return (run) => `${run.name} ${run.id} ${run.experiment}`.toLowerCase().includes(wanted);
  }
  const [, not, field = '', operator = ':', wanted = ''] = match;
  const number = Number(wanted);
  const test: Test = (run) => {
    const value = runField(run, field);
    if (value === undefined || value === null) return operator === '!=';
    const actual = Number(value);
    const numeric = wanted !== '' && !Number.isNaN(number) && !Number.isNaN(actual) && value !== '';
    switch (operator) {
      case '>':
        return numeric && actual > number;
      case '<':
        return numeric && actual < number;
      case '>=':
        return numeric && actual >= number;
      case '<=':
        return numeric && actual <= number;
      case '=':
        return numeric ? actual === number : String(value).toLowerCase() === wanted.toLowerCase();
      case '!=':
        return numeric ? actual !== number : String(value).toLowerCase() !== wanted.toLowerCase();
      default:
        return String(value).toLowerCase().includes(wanted.toLowerCase());
    }
  };
  return not ? (run) => !test(run) : test;
}

/** Spaces around a comparison are allowed; terms are joined by "and". */
export function runFilter(text: string): Test {
  const tidy = text.trim().replace(/\s*(>=|<=|!=|=|>|<)\s*/g, '$1');
  if (!tidy) return () => true;
  const tests = (tidy.match(/"[^"]+"|\S+/g) ?? []).map((word) => term(word.replaceAll('"', '')));
  return (run) => tests.every((test) => test(run));
}
