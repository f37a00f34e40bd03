// The frame of a repository's pages: its name, the sections, and the ref that the address names.
import type { ReactNode } from 'react';
import type { Repository, Resolved } from '../../data_types';
import { setParams, useParam } from '../../router';
import { useApi } from '../../store';
import { Await, Bones, Failure, Page, Tabs } from '../basics';
import { TOPICS, pageOf, refApi, repoApi } from './paths';
import { RefPicker } from './ref_picker';
import '../../styles/data.css';

const SECTIONS: [string, string][] = [
  ['', 'Objects'],
  ['changes', 'Uncommitted'],
  ['commits', 'Commits'],
  ['compare', 'Compare'],
  ['branches', 'Branches'],
  ['tags', 'Tags'],
  ['gates', 'Gates'],
  ['query', 'SQL'],
  ['settings', 'Settings'],
];
/** Sections that look at one ref; the others keep it in their addresses. */
const OF_A_REF = ['', 'changes', 'commits', 'query'];

export function useRepository(name: string) {
  return useApi<Repository>(repoApi(name), { topics: ['repository'] });
}

interface Props {
  name: string;
  section: string;
  /** below the section's name, such as one commit */
  title?: ReactNode;
  crumbs?: [string, string][];
  actions?: (repository: Repository) => ReactNode;
  children: (repository: Repository, reference: string) => ReactNode;
}

export function RepositoryPage({ name, section, title, crumbs = [], actions, children }: Props) {
  const found = useRepository(name);
  const [ref] = useParam('ref');
  return (
    <Await of={found}>
      {(repository) => {
        const reference = ref || repository.default_branch;
        return (
          <Page
            crumbs={[['Repositories', '/repositories'], ...(title === undefined ? [] : [[repository.name, pageOf(name)] as [string, string]]), ...crumbs]}
            title={title ?? <>{repository.name} {repository.read_only && <span className="tag">read only</span>}</>}
            actions={actions?.(repository)}
          >
            <Tabs
              current={section}
              tabs={SECTIONS.map(([key, label]) => ({ key, label, href: pageOf(name, key, { ref: ref && (OF_A_REF.includes(key) || key === 'compare') ? ref : null }) }))}
            />
            {children(repository, reference)}
          </Page>
        );
      }}
    </Await>
  );
}

/** What a ref leads to, with its picker above. */
export function AtRef({ repository, reference, tools, children }: { repository: Repository; reference: string; tools?: (at: Resolved) => ReactNode; children: (at: Resolved) => ReactNode }) {
  const at = useApi<Resolved>(refApi(repository.name, reference), { topics: TOPICS });
  return (
    <>
      <div className="row data-tools">
        <RefPicker label="Ref" repository={repository.name} value={reference} from={at.data ? undefined : repository.default_branch} onChange={(next) => setParams({ ref: next === repository.default_branch ? null : next, row: null }, { push: true })} />
        {at.data && tools?.(at.data)}
      </div>
      {at.data ? (
        <>
          {at.error && <Failure error={at.error} stale />}
          {children(at.data)}
        </>
      ) : at.error ? <Failure error={at.error} /> : <Bones lines={8} height={22} />}
    </>
  );
}
