// What gates and actions said, newest first.
import { query } from '../../api';
import type { GateRun, Repository } from '../../data_types';
import { between, duration } from '../../format';
import { RepositoryPage } from '../../parts/data/frame';
import { verdict } from '../../parts/data/gate_report';
import { usePages } from '../../parts/data/pages';
import { commitPage, digits, objectPage, pageOf, repoApi } from '../../parts/data/paths';
import { RefPicker } from '../../parts/data/ref_picker';
import { Ago, Bones, Code, Empty, Failure, State } from '../../parts/basics';
import { Table } from '../../parts/table';
import { Link, enc, useParam } from '../../router';

export default function Gates({ args: [name = ''] }: { args: string[] }) {
  return <RepositoryPage name={name} section="gates">{(repository) => <List repository={repository} />}</RepositoryPage>;
}

const GATE = `name: labels are known
branches: [main]
files: "labels/*.csv"
expectations:
  rows: {min: 1}
  columns:
    label: {not_null: true}`;

function List({ repository }: { repository: Repository }) {
  const [branch, setBranch] = useParam('branch');
  const name = repository.name;
  const list = usePages<GateRun>('gates', `${repoApi(name)}/gates${query({ branch, limit: 100 })}`, { topics: ['hooks'] });
  if (list.items?.length === 0 && branch === '') {
    return (
      <Empty title="No gate was asked yet">
        <p>Before a commit or merge counts, gates look at exactly what would be published, and may refuse it. A gate is a file in the repository itself, versioned with the data that it guards; lakeFS's actions below <code>_lakefs_actions/</code> are asked as well. In <code>_mlwright/gates/labels.yaml</code>, say:</p>
        <Code label="_mlwright/gates/labels.yaml" text={GATE} />
      </Empty>
    );
  }
  return (
    <div className="stack">
      <div className="row data-tools">
        <RefPicker label="Branch" repository={name} value={branch} onChange={setBranch} branchesOnly />
        {branch && <button type="button" onClick={() => setBranch(null)}>All branches</button>}
      </div>
      {list.error && <Failure error={list.error} stale={list.items !== undefined} />}
      {!list.items ? (!list.error && <Bones lines={6} height={22} />) : (
        <Table
          label="Runs of gates and actions"
          rows={list.items}
          id={(run) => run.id}
          href={(run) => pageOf(name, `gates/${enc(run.id)}`)}
          height={list.items.length > 15 ? 'calc(100vh - 230px)' : undefined}
          onEnd={list.more}
          empty="Nothing was asked about that branch."
          keys
          columns={[
            { key: 'event', label: 'Event', width: 'minmax(140px, 1fr)', render: (run) => run.event },
            { key: 'state', label: 'Verdict', width: '120px', render: (run) => <State value={verdict(run)} /> },
            { key: 'branch', label: 'Branch', width: 'minmax(120px, 1fr)', render: (run) => (run.branch ? <Link href={objectPage(name, run.branch, '')}>{run.branch}</Link> : '–') },
            { key: 'commit', label: 'Commit', width: '140px', render: (run) => (!run.commit ? '–' : run.passed ? <Link className="mono" href={commitPage(name, run.commit)}>{digits(run.commit)}</Link> : <span className="mono muted" title="a candidate that was refused">{digits(run.commit)}</span>) },
            { key: 'took', label: 'Took', align: 'num', width: '100px', render: (run) => duration(between(run.started_at, run.ended_at)) },
            { key: 'at', label: 'When', width: '110px', render: (run) => <Ago at={run.started_at} /> },
          ]}
        />
      )}
    </div>
  );
}
