// The commit that a ref points to, read when its row is drawn.
import type { Resolved } from '../../data_types';
import { Link } from '../../router';
import { useApi } from '../../store';
import { Ago } from '../basics';
import { commitPage, refApi, subject } from './paths';

const useHead = (repository: string, commit: string) => useApi<Resolved>(refApi(repository, commit), { topics: [] }).data?.commit;

export function Head({ repository, commit }: { repository: string; commit: string }) {
  const head = useHead(repository, commit);
  return head ? <Link href={commitPage(repository, commit)} title={head.message}>{subject(head.message)}</Link> : <i className="cell-bone" />;
}

export function HeadTime({ repository, commit }: { repository: string; commit: string }) {
  const head = useHead(repository, commit);
  return head ? <Ago at={head.created_at} /> : null;
}
