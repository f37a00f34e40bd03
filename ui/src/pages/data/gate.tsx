// One run of gates and actions, with what each said.
import type { GateRunDetail } from '../../data_types';
import { between, duration, moment, short } from '../../format';
import { RepositoryPage } from '../../parts/data/frame';
import { Checks, verdict } from '../../parts/data/gate_report';
import { commitPage, digits, objectPage, pageOf, repoApi } from '../../parts/data/paths';
import { Await, Panel, State, Strip } from '../../parts/basics';
import { Link, enc } from '../../router';
import { useApi } from '../../store';

export default function Gate({ args: [name = '', id = ''] }: { args: string[] }) {
  const found = useApi<GateRunDetail>(`${repoApi(name)}/gates/${enc(id)}`, { topics: ['hooks'] });
  return (
    <RepositoryPage name={name} section="gates" title={<>{found.data?.event ?? short(id)} {found.data && <State value={verdict(found.data)} />}</>} crumbs={[['Gates', pageOf(name, 'gates')]]}>
      {() => (
        <Await of={found}>
          {(run) => (
            <>
              <Strip
                items={[
                  ['Branch', run.branch ? <Link key="b" href={objectPage(name, run.branch, '')}>{run.branch}</Link> : '–'],
                  ['Commit', !run.commit ? '–' : run.passed ? <Link key="c" className="mono" href={commitPage(name, run.commit)}>{digits(run.commit)}</Link> : <span key="c" className="mono">{digits(run.commit)}, refused</span>],
                  ['Started', moment(run.started_at)],
                  ['Took', duration(between(run.started_at, run.ended_at))],
                ]}
              />
              <Panel title="What each said"><Checks repository={name} run={id} /></Panel>
            </>
          )}
        </Await>
      )}
    </RepositoryPage>
  );
}
