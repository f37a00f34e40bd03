// Why something was started: a trigger is JSON whose `kind` names the cause.
import type { ReactNode } from 'react';
import type { Json } from '../api';
import { plain, words } from '../format';
import { Link, enc } from '../router';

export function triggerText(trigger: Json | undefined): ReactNode {
  if (trigger === null || trigger === undefined) return <span className="muted">–</span>;
  if (typeof trigger === 'string') return words(trigger);
  if (typeof trigger !== 'object' || Array.isArray(trigger)) return plain(trigger);
  const text = (key: string) => (typeof trigger[key] === 'string' ? (trigger[key] as string) : '');
  const kind = text('kind') || text('type') || text('on');
  const retraining = text('retraining');
  const monitor = text('monitor');
  const actor = text('actor') || text('user') || text('by');
  const schedule = text('schedule');
  const replay = text('replay') || text('replay_of');
  if (retraining) return <>{words(kind || 'retraining')}: <Link href={`/retrainings/${enc(retraining)}`}>{text('policy') || 'retraining'}</Link></>;
  if (replay) return <>replay of <Link href={`/pipeline-runs/${enc(replay)}`}>{replay.slice(-12)}</Link></>;
  if (schedule && schedule !== kind) return <>schedule <Link href={`/schedules?schedule=${enc(schedule)}`}>{text('name') || schedule.slice(-8)}</Link></>;
  if (text('cron')) return `schedule ${text('cron')} (${text('zone')})`;
  if (kind === 'data_commit') {
    const [repository, commit] = [text('repository'), text('commit')];
    const more = Number(trigger.commits) > 1 ? ` (${Number(trigger.commits)} commits)` : '';
    return <>data commit: <Link href={`/repositories/${enc(repository)}/commits/${enc(commit)}`}>{repository}@{commit.slice(0, 12)}</Link>{more}</>;
  }
  if (kind === 'labels') return `${String(trigger.count)} new labels`;
  if (kind === 'schedule') return `schedule${text('name') ? ` ${text('name')}` : ''}`;
  if (kind === 'event') return `${words(text('on'))} · ${text('subject')}`;
  if (monitor && text('metric')) return <>{text('metric')} fell to {Number(trigger.value).toPrecision(3)}: <Link href={`/monitors/${enc(monitor)}`}>{monitor}</Link></>;
  if (monitor) return <>{words(kind || 'monitor')}: <Link href={`/monitors/${enc(monitor)}`}>{monitor}</Link></>;
  if (kind) return `${words(kind)}${actor ? ` by ${actor}` : ''}${text('reason') ? `: ${text('reason')}` : ''}`;
  return plain(trigger);
}
