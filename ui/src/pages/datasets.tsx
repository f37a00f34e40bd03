import type { DatasetSummary } from '../api';
import { bytes, number } from '../format';
import { Ago, Await, Code, Empty, Id, Page } from '../parts/basics';
import { Table } from '../parts/table';
import { enc } from '../router';
import { useApi } from '../store';

export default function Datasets() {
  const list = useApi<{ datasets: DatasetSummary[] }>('/datasets', { topics: ['data'] });
  return (
    <Page title="Datasets" lead="Every import is a version that never changes: same content, same version.">
      <Await of={list}>
        {({ datasets }) =>
          datasets.length === 0 ? (
            <Empty title="No dataset yet">
              <p>A dataset is made of files. Import them by hand, or name them in <code>mlwright.yaml</code> and apply it.</p>
              <Code text={`export MLWRIGHT_URL=${location.origin}\nmlwright data import visits data/train.csv`} />
            </Empty>
          ) : (
            <Table
              label="Datasets"
              rows={datasets}
              id={(item) => item.name}
              href={(item) => `/datasets/${enc(item.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Dataset', width: 'minmax(180px, 1.5fr)', render: (item) => item.name },
                { key: 'version', label: 'Newest', width: '90px', render: (item) => (item.latest ? `v${item.latest.number}` : '–') },
                { key: 'rows', label: 'Rows', align: 'num', width: '110px', render: (item) => number(item.latest?.rows) },
                { key: 'bytes', label: 'Size', align: 'num', width: '110px', render: (item) => bytes(item.latest?.bytes) },
                { key: 'versions', label: 'Versions', align: 'num', width: '90px', render: (item) => number(item.versions) },
                { key: 'digest', label: 'Digest', width: '140px', render: (item) => <Id value={item.latest?.digest} /> },
                { key: 'at', label: 'Imported', width: '120px', render: (item) => <Ago at={item.latest?.created_at} /> },
              ]}
            />
          )
        }
      </Await>
    </Page>
  );
}
