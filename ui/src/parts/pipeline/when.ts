// When a schedule fires, in words.
import type { Schedule } from '../../api';
import { duration } from '../../format';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const two = (text: string) => text.padStart(2, '0');
const plainNumber = (text: string) => /^\d+$/.test(text);

/** The common shapes of cron; null for the others, which are shown as they are. */
export function cronWords(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  const [second = '0', minute = '', hour = '', day = '', month = '', weekday = ''] = fields.length === 6 ? fields : ['0', ...fields];
  if (fields.length < 5 || fields.length > 6 || month !== '*') return null;
  const every = (field: string) => /^\*\/(\d+)$/.exec(field)?.[1];
  const anyDay = ['*', '?'].includes(day) && ['*', '?'].includes(weekday);
  if (anyDay && hour === '*') {
    if (minute === '*' && second === '*') return 'every second';
    if (minute === '*' && every(second)) return `every ${every(second)} seconds`;
    if (second !== '0') return null;
    if (minute === '*') return 'every minute';
    if (every(minute)) return `every ${every(minute)} minutes`;
    return plainNumber(minute) ? `every hour at :${two(minute)}` : null;
  }
  if (second !== '0' || !plainNumber(minute)) return null;
  if (anyDay && every(hour)) return `every ${every(hour)} hours at :${two(minute)}`;
  if (!plainNumber(hour)) return null;
  const time = `${two(hour)}:${two(minute)}`;
  if (anyDay) return `every day at ${time}`;
  if (['*', '?'].includes(day)) {
    if (weekday === '1-5' || weekday.toLowerCase() === 'mon-fri') return `on weekdays at ${time}`;
    const names = weekday.split(',').map((part) => DAYS[plainNumber(part) ? Number(part) % 7 : DAYS.findIndex((name) => name.slice(0, 3).toLowerCase() === part.toLowerCase())]);
    return names.every((name) => name !== undefined) ? `on ${names.join(', ')} at ${time}` : null;
  }
  return plainNumber(day) && ['*', '?'].includes(weekday) ? `on day ${day} of the month at ${time}` : null;
}

export function whenText(schedule: Pick<Schedule, 'cron' | 'interval_seconds' | 'on' | 'subject'>): string {
  if (schedule.on) return `on ${schedule.on}${schedule.subject ? ` of ${schedule.subject}` : ''}`;
  if (schedule.cron) return cronWords(schedule.cron) ?? schedule.cron;
  return schedule.interval_seconds ? `every ${duration(schedule.interval_seconds * 1000).replace(/ min 0 s$/, ' min').replace(/ h 0 min$/, ' h').replace(/ d 0 h$/, ' d')}` : '–';
}

/** In the zone of the schedule, which is named: `Mon 30 Nov 2026, 06:00:00 CET`. */
export function inZone(at: string | null | undefined, zone: string | null | undefined): string {
  if (!at) return '–';
  const options = { weekday: 'short', year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' } as const;
  try {
    return new Date(at).toLocaleString('en-GB', { ...options, timeZone: zone || 'UTC' });
  } catch {
    return new Date(at).toLocaleString('en-GB', { ...options, timeZone: 'UTC' });
  }
}
