// The files below a folder, or one file, read as one table.
import { RepositoryPage, AtRef } from '../../parts/data/frame';
import { objectPage } from '../../parts/data/paths';
import { TableView } from '../../parts/data/table_view';
import { Panel } from '../../parts/basics';
import { Link, useParam } from '../../router';

export default function TablePage({ args: [name = ''] }: { args: string[] }) {
  const [path] = useParam('path');
  return (
    <RepositoryPage name={name} section="">
      {(repository, reference) => (
        <AtRef repository={repository} reference={reference} tools={() => <Link className="clip" href={objectPage(name, reference, path)}>{path}</Link>}>
          {(at) => <Panel title={<span className="clip">{path}</span>} flush><TableView key={`${reference} ${at.commit.id}`} repository={name} reference={reference} path={path} stamp={at.commit.id} /></Panel>}
        </AtRef>
      )}
    </RepositoryPage>
  );
}
