// What gates and actions said of a commit or merge.
import type { GateRun, GateRunDetail, Listed } from '../../data_types';
import { between, duration } from '../../format';
import { query } from '../../api';
import { Link, enc } from '../../router';
import { useApi } from '../../store';
import { Ago, Await, Bones, Failure, Panel, State } from '../basics';
import { Markdown } from '../markdown';
import { TOPICS, pageOf, repoApi } from './paths';

export const verdict = (run: { passed: boolean; ended_at: string | null }) => (run.ended_at === null ? 'running' : run.passed ? 'passed' : 'failed');

/** The reports of one commit, newest first. */
export function GateReports({ repository, commit }: { repository: string; commit: string }) {
  const found = useApi<Listed<'gates', GateRun>>(`${repoApi(repository)}/gates${query({ commit, limit: 20 })}`, { topics: TOPICS });
  if (!found.data) return found.error ? <Failure error={found.error} /> : <Bones lines={2} />;
  if (found.data.gates.length === 0) return <Panel title="Gates"><p className="muted">No gate and no action had a say in this commit.</p></Panel>;
  return (
    <>
      {found.data.gates.map((run) => (
        <Panel key={run.id} title={<Link href={pageOf(repository, `gates/${enc(run.id)}`)}>{run.event}</Link>} actions={<><span className="muted"><Ago at={run.started_at} /></span><State value={verdict(run)} /></>}>
          <Checks repository={repository} run={run.id} />
        </Panel>
      ))}
    </>
  );
}

/** Why the last commit or merge was refused, below its error. */
export function LastRefusal({ repository, branch }: { repository: string; branch: string }) {
  const run = useApi<Listed<'gates', GateRun>>(`${repoApi(repository)}/gates${query({ branch, limit: 1 })}`, { topics: ['hooks'] }).data?.gates[0];
  if (!run || run.passed) return null;
  return (
    <div className="refusal">
      <p><Link href={pageOf(repository, `gates/${enc(run.id)}`)}>The report of {run.event}</Link></p>
      <Checks repository={repository} run={run.id} />
    </div>
  );
}

export function Checks({ repository, run }: { repository: string; run: string }) {
  const found = useApi<GateRunDetail>(`${repoApi(repository)}/gates/${enc(run)}`, { topics: ['hooks'] });
  return (
    <Await of={found} lines={2}>
      {(data) => (data.checks.length === 0 ? <p className="muted">Nothing was asked.</p> : (
        <ul className="gate-checks">
          {[...data.checks].sort((a, b) => Number(a.passed || a.skipped) - Number(b.passed || b.skipped)).map((check) => <Check key={check.id} check={check} />)}
        </ul>
      ))}
    </Await>
  );
}

function Check({ check }: { check: GateRunDetail['checks'][number] }) {
  const took = between(check.started_at, check.ended_at);
  const state = check.skipped ? 'skipped' : verdict(check);
  const head = (
    <>
      <State value={state} label={<>{check.hook} <span className="visually-hidden">{state}</span></>} /> <span className="muted">{check.action === 'gate' ? 'gate' : `action ${check.action}`}{check.skipped ? ', not run' : took === null ? '' : `, ${duration(took)}`}</span>
    </>
  );
  if (check.output.trim() === '') return <li className="row">{head}</li>;
  return (
    <li>
      <details open={state === 'failed'}>
        <summary><span className="row">{head}</span></summary>
        {check.action === 'gate' ? <div className="gate-text"><Markdown text={check.output} /></div> : <pre className="code" tabIndex={0} aria-label={`what ${check.hook} said`}>{check.output}</pre>}
      </details>
    </li>
  );
}
