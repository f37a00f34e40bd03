// The parameters and metrics of several runs as axes: which vary, which are numbers, where a value stands.
import type { Run } from '../api';
import { number } from '../format';

export interface Field {
  /** `metrics.x` or `params.x` */
  key: string;
  label: string;
  numeric: boolean;
  /** for text, the values in order */
  values: string[];
  low: number;
  high: number;
  /** where the axis is labelled: 0 to 1 along it, and what stands there */
  ticks: [number, string][];
}

export function valueOf(run: Run, key: string): string | number | null {
  const name = key.slice(key.indexOf('.') + 1);
  if (key.startsWith('metrics.')) return run.metrics[name] ?? null;
  const value = run.params[name];
  if (value === undefined) return null;
  return value !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Those that are not the same everywhere, parameters first. */
export function fieldsOf(runs: Run[]): Field[] {
  const keys = [
    ...new Set([...runs.flatMap((run) => Object.keys(run.params).map((name) => `params.${name}`)), ...runs.flatMap((run) => Object.keys(run.metrics).filter((name) => !name.startsWith('system/')).map((name) => `metrics.${name}`))]),
  ].sort((a, b) => Number(a.startsWith('metrics.')) - Number(b.startsWith('metrics.')) || a.localeCompare(b, 'en', { numeric: true }));
  return keys.flatMap((key) => {
    const values = runs.map((run) => valueOf(run, key));
    const present = values.filter((value) => value !== null);
    if (new Set(values).size < 2 || present.length < 2) return [];
    const numeric = present.every((value) => typeof value === 'number');
    const numbers = numeric ? (present as number[]) : [];
    const texts = numeric ? [] : [...new Set(present.map(String))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    // Text that is different everywhere (a path, a name) orders nothing.
    if (!numeric && texts.length > 24) return [];
    const field: Field = { key, label: key.slice(key.indexOf('.') + 1), numeric, values: texts, low: numeric ? Math.min(...numbers) : 0, high: numeric ? Math.max(...numbers) : Math.max(1, texts.length - 1), ticks: [] };
    const distinct = [...new Set(numbers)].sort((a, b) => a - b);
    field.ticks = numeric ? (distinct.length <= 6 ? distinct.map((value) => [position(field, value, decades(field)) ?? 0, number(value)]) : quarters(field)) : texts.map((value) => [position(field, value) ?? 0, value]);
    return [field];
  });
}

function quarters(field: Field): [number, string][] {
  const { low, high } = field;
  return [0, 0.25, 0.5, 0.75, 1].map((share) => [share, number(Number((decades(field) ? low * (high / low) ** share : low + share * (high - low)).toPrecision(3)))]);
}

/** 0 at the low end, 1 at the high end. */
export function position(field: Field, value: string | number | null, log = false): number | null {
  if (value === null) return null;
  if (!field.numeric) {
    const place = field.values.indexOf(String(value));
    return place < 0 ? null : field.values.length === 1 ? 0.5 : place / (field.values.length - 1);
  }
  const number = Number(value);
  if (field.high === field.low) return 0.5;
  if (log) return number <= 0 || field.low <= 0 ? null : Math.log(number / field.low) / Math.log(field.high / field.low);
  return (number - field.low) / (field.high - field.low);
}

/** Values that span decades (learning rates) read better on a log axis. */
export function decades(field: Field): boolean {
  return field.numeric && field.low > 0 && field.high / field.low >= 50;
}
