import type { RetrainPolicy, Retraining } from '../api';
import { between, duration, moment, useNow } from '../format';
import { Ago, Await, Code, Empty, Facts, Page, Panel, State, isLive } from '../parts/basics';
import { Table } from '../parts/table';
import { triggerText } from '../parts/trigger';
import { Link, enc } from '../router';
import { useApi } from '../store';

export default function Retrainings() {
  const list = useApi<{ retrainings: Retraining[]; policies?: RetrainPolicy[] }>('/retrainings', { topics: ['retrain', 'drift', 'pipeline', 'model', 'project'] });
  const now = useNow(1000);
  return (
    <Page title="Retrainings" lead="What closes the loop: an alarm becomes new data, a new model, a verdict, and a swap, or a reasoned no.">
      <Await of={list}>
        {({ retrainings, policies = [] }) => (
          <div className="stack">
            {policies.length > 0 && (
              <div className="halves">
                {policies.map((policy) => (
                  <Panel key={policy.name} title={policy.name}>
                    <Facts
                      items={[
                        ['Starts on', <Starts key="m" policy={policy} />],
                        ['Between gate and swap', ['shadow', 'approval', 'freeze', 'canary'].filter((station) => policy.rule?.[station as keyof typeof policy.rule]).join(', ') || 'nothing'],
                        ['Waits for', policy.pending ? <Waiting key="w" policy={policy} now={now} /> : null],
                        ['Runs', <Link key="p" href={`/pipelines/${enc(policy.pipeline)}`}>{policy.pipeline}</Link>],
                        ['Cool-down', policy.cooldown_until && Date.parse(policy.cooldown_until) > now ? `until ${moment(policy.cooldown_until)}` : 'ready'],
                        ['Budget', policy.budget ? `${policy.budget.used} of ${policy.budget.runs} used per ${policy.budget.per}` : null],
                      ]}
                    />
                  </Panel>
                ))}
              </div>
            )}
            {retrainings.length === 0 ? (
              <Empty title="Nothing was retrained yet">
                <p>A policy under <code>retrain:</code> in <code>mlwright.yaml</code> acts when its monitor raises an alarm. To start one by hand:</p>
                <Code text={`export MLWRIGHT_URL=${location.origin}\nmlwright retrain ${policies[0]?.name ?? 'visits-retrain'}`} />
              </Empty>
            ) : (
              <Table
                label="Retrainings"
                rows={retrainings}
                id={(item) => item.id}
                href={(item) => `/retrainings/${enc(item.id)}`}
                keys
                columns={[
                  { key: 'policy', label: 'Policy', width: 'minmax(150px, 1fr)', render: (item) => item.policy },
                  { key: 'state', label: 'State', width: '150px', render: (item) => <State value={item.state} label={(item.times ?? 1) > 1 ? `${item.state} ${item.times} times` : undefined} /> },
                  { key: 'why', label: 'Because', width: 'minmax(160px, 1fr)', render: (item) => triggerText(item.trigger) },
                  { key: 'reason', label: 'Outcome', width: 'minmax(160px, 1.6fr)', title: (item) => item.reason ?? undefined, render: (item) => item.reason ?? <span className="muted">–</span> },
                  { key: 'at', label: 'Started', width: '110px', render: (item) => <Ago at={item.created_at} /> },
                  { key: 'took', label: 'Took', align: 'num', width: '110px', render: (item) => duration(between(item.created_at, isLive(item.state) ? null : item.updated_at, now)) },
                ]}
              />
            )}
          </div>
        )}
      </Await>
    </Page>
  );
}

/** The alarm, and what else. */
function Starts({ policy }: { policy: RetrainPolicy }) {
  const { performance, labels, data_commit: commit, schedule } = policy.triggers ?? {};
  const more = [
    performance && `${performance.metric} of ${performance.monitor} ${performance.bound.min === undefined ? `above ${performance.bound.max}` : `below ${performance.bound.min}`}`,
    labels && `${labels} new labels`,
    commit && `commits to ${commit.repository}@${commit.branch}${commit.prefix ? `:${commit.prefix}` : ''}`,
    schedule && `${schedule.cron} (${schedule.zone})`,
  ].filter(Boolean);
  return <>{policy.on && <Link href={`/monitors/${enc(policy.on)}`}>{policy.on}</Link>}{policy.on && more.length > 0 ? ', ' : ''}{more.join(', ')}</>;
}

/** Commits that settle, or that something stands against. */
function Waiting({ policy, now }: { policy: RetrainPolicy; now: number }) {
  const { pending, triggers } = policy;
  const repository = triggers?.data_commit?.repository;
  if (!pending || !repository) return null;
  const link = <Link href={`/repositories/${enc(repository)}/commits/${enc(pending.commit)}`}>{repository}@{pending.commit.slice(0, 12)}</Link>;
  const when = Date.parse(pending.due) > now ? `, until ${moment(pending.due)} unless another comes` : ', as soon as cool-down, budget and the running one allow';
  return <>{link}{pending.commits > 1 ? ` and ${pending.commits - 1} before it` : ''}{when}</>;
}
