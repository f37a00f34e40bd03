import type { ModelSummary } from '../api';
import { number } from '../format';
import { Ago, Await, Code, Empty, Page } from '../parts/basics';
import { Table } from '../parts/table';
import { enc } from '../router';
import { useApi } from '../store';

export default function Models() {
  const list = useApi<{ models: ModelSummary[] }>('/models', { topics: ['model', 'evaluation'] });
  return (
    <Page title="Models" lead="Registered models, their versions, and the aliases that endpoints follow.">
      <Await of={list}>
        {({ models }) =>
          models.length === 0 ? (
            <Empty title="No model yet">
              <p>A pipeline step that declares <code>registers:</code> makes versions; so does MLflow's client:</p>
              <Code label="Python" text={`mlflow.set_tracking_uri("${location.origin}")\nmlflow.sklearn.log_model(model, name="model", registered_model_name="visits")`} />
            </Empty>
          ) : (
            <Table
              label="Models"
              rows={models}
              id={(model) => model.name}
              href={(model) => `/models/${enc(model.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Model', width: 'minmax(180px, 1.2fr)', render: (model) => model.name },
                {
                  key: 'aliases',
                  label: 'Aliases',
                  width: 'minmax(180px, 1.4fr)',
                  render: (model) => <span className="tags">{Object.entries(model.aliases).map(([alias, version]) => <span key={alias} className="tag alias">{alias} → v{version}</span>)}</span>,
                },
                { key: 'latest', label: 'Newest', width: '90px', render: (model) => (model.latest ? `v${model.latest}` : '–') },
                { key: 'versions', label: 'Versions', align: 'num', width: '90px', render: (model) => number(model.versions) },
                { key: 'at', label: 'Changed', width: '120px', render: (model) => <Ago at={model.updated_at} /> },
              ]}
            />
          )
        }
      </Await>
    </Page>
  );
}
