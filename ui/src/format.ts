// How numbers, times and names are written, once for every page.
import { useEffect, useState } from 'react';
import type { Json } from './api';

const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Four significant digits, integers in full: 0.7341, 12,480, 1.2e-7. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return GROUPED.format(value).replace('-', '−');
  const size = Math.abs(value);
  const text = size < 1e-4 || size >= 1e7 ? value.toExponential(3) : size >= 1000 ? GROUPED.format(value) : String(Number(value.toPrecision(4)));
  return text.replace('-', '−').replace('e−', 'e-');
}

/** A metric in a column: as many decimals as its neighbours have, so that the points stand below each other. */
export function metric(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000 || (size !== 0 && size < 1e-3)) return number(value);
  return value.toFixed(size >= 100 ? 2 : 4).replace('-', '−');
}

export function count(value: number | null | undefined, one: string, many = `${one}s`): string {
  return `${number(value ?? 0)} ${value === 1 ? one : many}`;
}

export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const text = value * 100;
  return `${text !== 0 && Math.abs(text) < 10 ? text.toFixed(1) : text.toFixed(0)} %`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

export function millis(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0 ms';
  if (value < 1) return `${Math.round(value * 1000)} µs`;
  if (value < 10) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  return duration(value);
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 && ms % 1000 >= 50 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function between(start: string | null | undefined, end: string | null | undefined, now = Date.now()): number | null {
  if (!start) return null;
  return (end ? Date.parse(end) : now) - Date.parse(start);
}

export function ago(at: string | number | null | undefined, now = Date.now()): string {
  if (at === null || at === undefined || at === '') return '–';
  const then = typeof at === 'number' ? at : Date.parse(at);
  const ms = now - then;
  if (Number.isNaN(ms)) return String(at);
  if (ms < -5000) return `in ${coarse(-ms)}`;
  if (ms < 5000) return 'just now';
  return `${coarse(ms)} ago`;
}

function coarse(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

/** In the reader's time zone, which is named. */
export function moment(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === '') return '–';
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return date.toLocaleString('en-GB', { year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' });
}

export function clock(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === '') return '–';
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** Enough of an id or digest to tell it from its neighbours. Ids begin with their time, so the end is shown. */
export function short(id: string | null | undefined): string {
  if (!id) return '–';
  const digest = /^(sha256|blake3):([0-9a-f]{12})/.exec(id);
  if (digest) return digest[2] ?? id;
  if (/^[0-9a-f]{12}7[0-9a-f]{19}$/.test(id)) return id.slice(-8);
  return id.length > 16 ? `${id.slice(0, 12)}…` : id;
}

/** Any JSON as one line. */
export function plain(value: Json | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${plain(inner)}`)
    .join(' · ');
}

export function words(text: string): string {
  return text.replaceAll('_', ' ').replaceAll('.', ' ');
}

/** Ticks, so that "3 s ago" and running durations stay true. */
export function useNow(every = 5000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
