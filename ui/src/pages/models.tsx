import { useState } from 'react';
import type { ModelSummary } from '../api';
import { number } from '../format';
import { Ago, Await, Code, Empty, Page, Segments } from '../parts/basics';
import { Table } from '../parts/table';
import { enc, useParam } from '../router';
import { useApi } from '../store';

/** The tag that makes a registered model a prompt. */
const PROMPT = 'mlflow.prompt.is_prompt';

export default function Models() {
  const [text, setText] = useState('');
  const [kind, setKind] = useParam('kind', 'models');
  const list = useApi<{ models: ModelSummary[] }>('/models', { topics: ['model', 'evaluation'] });
  return (
    <Page title="Models" lead="Registered models, their versions, and the aliases that endpoints follow.">
      <Await of={list}>
        {({ models: all }) => {
          const prompt = (model: ModelSummary) => model.tags?.[PROMPT]?.toLowerCase() === 'true';
          const prompts = all.filter(prompt).length;
          const models = all.filter((model) => prompt(model) === (kind === 'prompts') && model.name.toLowerCase().includes(text.toLowerCase()));
          return all.length === 0 ? (
            <Empty title="No model yet">
              <p>A pipeline step that declares <code>registers:</code> makes versions; so does MLflow's client:</p>
              <Code label="Python" text={`mlflow.set_tracking_uri("${location.origin}")\nmlflow.sklearn.log_model(model, name="model", registered_model_name="visits")`} />
            </Empty>
          ) : (
            <>
            <div className="row" style={{ marginBottom: 12 }}>
              <input type="search" aria-label="Find a model" placeholder="Find a model" value={text} onChange={(event) => setText(event.target.value)} />
              {prompts > 0 && <Segments label="Kind" value={kind as 'models' | 'prompts'} onChange={setKind} options={[['models', 'Models'], ['prompts', 'Prompts']] as const} />}
            </div>
            <Table
              label="Models"
              rows={models}
              height={models.length > 40 ? 'calc(100vh - 200px)' : undefined}
              empty="No model has that in its name."
              id={(model) => model.name}
              href={(model) => `/models/${enc(model.name)}`}
              keys
              columns={[
                { key: 'name', label: 'Model', width: 'minmax(180px, 1.2fr)', title: (model) => model.description ?? undefined, render: (model) => model.name },
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
            </>
          );
        }}
      </Await>
    </Page>
  );
}
