// Two refs against each other, and merging the second into the first.
import { useState } from 'react';
import { query } from '../../api';
import type { Repository } from '../../data_types';
import { Differences } from '../../parts/data/differences';
import { RepositoryPage } from '../../parts/data/frame';
import { MergePanel } from '../../parts/data/merge';
import { TOPICS, isTable, objectPage, pageOf, refApi, refLabel, repoApi } from '../../parts/data/paths';
import { RefPicker } from '../../parts/data/ref_picker';
import { Empty, Panel, Segments } from '../../parts/basics';
import { Link, setParams, useParam } from '../../router';
import { useApi } from '../../store';
import type { Resolved } from '../../data_types';

export default function Compare({ args: [name = ''] }: { args: string[] }) {
  return <RepositoryPage name={name} section="compare">{(repository, reference) => <Body repository={repository} reference={reference} />}</RepositoryPage>;
}

function Body({ repository, reference }: { repository: Repository; reference: string }) {
  const [left] = useParam('left', repository.default_branch);
  const [right] = useParam('right', reference);
  const [since, setSince] = useParam('since', 'parted');
  const [merging, setMerging] = useState(false);
  const into = useApi<Resolved>(refApi(repository.name, left), { topics: TOPICS }).data?.branch;
  const base = since === 'parted';
  const same = left === right;
  return (
    <div className="stack">
      <div className="row data-tools">
        <RefPicker label="Into" repository={repository.name} value={left} onChange={(next) => setParams({ left: next }, { push: true })} />
        <button type="button" className="icon-button" aria-label="Swap the two refs" title="Swap" onClick={() => setParams({ left: right, right: left }, { push: true })}>⇄</button>
        <RefPicker label="From" repository={repository.name} value={right} onChange={(next) => setParams({ right: next }, { push: true })} />
        <Segments label="Compare" value={since as 'parted' | 'now'} onChange={setSince} options={[['parted', 'Since they parted'], ['now', 'As they are']] as const} />
        {into && !same && !repository.read_only && <button type="button" className="primary push" aria-expanded={merging} onClick={() => setMerging(!merging)}>Merge…</button>}
      </div>
      {same ? (
        <Empty title="Choose two refs"><p>“Into” is what you have, “From” is what came since: a branch to merge, a tag, a commit, or an expression such as <code>{left}~3</code>.</p></Empty>
      ) : (
        <>
          {merging && into && <MergePanel key={`${left} ${right}`} repository={repository.name} source={right} destination={into} />}
          <Panel title={base ? `What ${refLabel(right)} has changed since it left ${refLabel(left)}` : `From ${refLabel(left)} to ${refLabel(right)}`} flush>
            <Differences
              key={`${left} ${right} ${since}`}
              label="Objects that differ"
              source={`${repoApi(repository.name)}/diff${query({ left, right, from_base: base ? 'true' : '' })}`}
              empty={base ? `${refLabel(right)} has nothing that ${refLabel(left)} lacks.` : 'They hold the same objects.'}
              href={(of) => (of.is_prefix ? undefined : objectPage(repository.name, of.right ? right : left, of.path))}
              tools={(of) => !of.is_prefix && of.left && of.right && isTable(of.path) && <Link href={pageOf(repository.name, 'rows', { left, right, path: of.path })}>Rows</Link>}
            />
          </Panel>
        </>
      )}
    </div>
  );
}
