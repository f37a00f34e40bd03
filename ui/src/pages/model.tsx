// A model: versions and aliases, the verdict on the chosen version, and any two versions compared.
import { useState } from 'react';
import { ApiError, type Model, type ModelVersion, type RunDetail, call } from '../api';
import { metric, moment, short } from '../format';
import { Ago, Await, Dialog, Facts, Failure, Id, Page, Panel, State } from '../parts/basics';
import { Diff, type DiffRow, direction } from '../parts/diff';
import { EvaluationReport } from '../parts/evaluation';
import { Table } from '../parts/table';
import { Link, enc, setParams, useParam } from '../router';
import { refresh, useApi } from '../store';

/** What an evaluation measured says more than what training logged. */
function metricsOf(version: ModelVersion | undefined): Record<string, number | null> {
  return { ...version?.metrics, ...version?.evaluation?.metrics };
}

export default function ModelPage({ args: [name = ''] }: { args: string[] }) {
  const model = useApi<Model>(`/models/${enc(name)}`, { topics: ['model', 'evaluation', 'run.finished', 'endpoint'] });
  const [chosen] = useParam('v');
  const [against] = useParam('against');
  const [moving, setMoving] = useState<ModelVersion | null>(null);
  return (
    <Await of={model}>
      {(data) => {
        const versions = [...data.versions].sort((a, b) => b.version - a.version);
        const current = versions.find((version) => String(version.version) === chosen) ?? versions.find((version) => version.aliases.includes('champion')) ?? versions[0];
        const other = versions.find((version) => String(version.version) === against && version !== current);
        const keys = [...new Set(versions.slice(0, 20).flatMap((version) => Object.keys(metricsOf(version))))].sort((a, b) => Number(direction(b) === 'up') - Number(direction(a) === 'up') || a.localeCompare(b)).slice(0, 4);
        return (
          <Page
            crumbs={[['Models', '/models']]}
            title={data.name}
            lead={data.description}
            actions={
              current && (
                <>
                  <Link className="button" href={`/lineage?kind=model_version&key=${current.uid}`}>Lineage of v{current.version}</Link>
                  <button type="button" className="primary" onClick={() => setMoving(current)}>Promote v{current.version}…</button>
                </>
              )
            }
          >
            <div className="stack">
              <Table
                label="Versions"
                rows={versions}
                id={(version) => version.uid}
                href={(version) => `/models/${enc(name)}?v=${version.version}`}
                current={current?.uid}
                keys
                empty="No version is registered yet."
                columns={[
                  { key: 'version', label: 'Version', width: '86px', render: (version) => `v${version.version}` },
                  { key: 'aliases', label: 'Aliases', width: 'minmax(110px, 1fr)', render: (version) => <span className="tags">{version.aliases.map((alias) => <span key={alias} className="tag alias">{alias}</span>)}</span> },
                  { key: 'gate', label: 'Gate', width: '120px', render: (version) => (version.evaluation ? <State value={version.evaluation.passed ? 'passed' : 'refused'} /> : <span className="muted">not evaluated</span>) },
                  ...keys.map((key) => ({ key, label: key, align: 'num' as const, width: 'minmax(90px, 120px)', render: (version: ModelVersion) => metric(metricsOf(version)[key]) })),
                  { key: 'run', label: 'From run', width: '130px', render: (version) => (version.run_id ? <Link href={`/runs/${enc(version.run_id)}`} className="mono">{short(version.run_id)}</Link> : '–') },
                  { key: 'at', label: 'Created', width: '104px', render: (version) => <Ago at={version.created_at} /> },
                  {
                    key: 'compare',
                    label: 'Compare',
                    width: '104px',
                    render: (version) =>
                      version === current ? null : version === other ? (
                        <button type="button" className="bare" onClick={() => setParams({ against: null })}>close</button>
                      ) : (
                        <button type="button" className="bare" onClick={() => setParams({ v: String(current?.version), against: String(version.version) })}>with v{current?.version}</button>
                      ),
                  },
                ]}
              />
              {current && other && (
                <Panel title={`v${other.version} against v${current.version}`} flush>
                  <VersionDiff before={other} after={current} />
                </Panel>
              )}
              {current && (
                <div className="columns">
                  {current.evaluation ? (
                    <EvaluationReport evaluation={current.evaluation} title={`Evaluation of v${current.version}`} />
                  ) : (
                    <Panel title={`Evaluation of v${current.version}`}><p className="muted">No gate has judged this version. A gate in <code>mlwright.yaml</code> does so after training.</p></Panel>
                  )}
                  <Panel title={`Version ${current.version}`}>
                    <Facts
                      items={[
                        ['Created', moment(current.created_at)],
                        ['By', current.created_by],
                        ['Run', current.run_id ? <Link key="r" href={`/runs/${enc(current.run_id)}`}>{short(current.run_id)}</Link> : null],
                        ['Digest', <Id key="d" value={current.digest} />],
                        ['Id', <Id key="u" value={current.uid} />],
                        ['Status', current.status.toLowerCase()],
                        ...Object.entries(current.tags ?? {}),
                      ]}
                    />
                  </Panel>
                </div>
              )}
            </div>
            {moving && <Promote model={data} version={moving} onClose={() => setMoving(null)} />}
          </Page>
        );
      }}
    </Await>
  );
}

function VersionDiff({ before, after }: { before: ModelVersion; after: ModelVersion }) {
  const a = useApi<RunDetail>(before.run_id ? `/runs/${enc(before.run_id)}` : null, { topics: [] }).data;
  const b = useApi<RunDetail>(after.run_id ? `/runs/${enc(after.run_id)}` : null, { topics: [] }).data;
  const keys = (...of: object[]) => [...new Set(of.flatMap((one) => Object.keys(one)))].sort();
  const [m1, m2] = [metricsOf(before), metricsOf(after)];
  const data = (run: RunDetail | undefined) => run?.inputs?.map((input) => `${input.dataset}${input.version ? ` v${input.version}` : ''}`).join(', ') || undefined;
  const rows: DiffRow[] = [
    ...keys(m1, m2).map((key): DiffRow => ({ group: 'Metrics', name: key, values: [m1[key], m2[key]], better: direction(key), render: (value) => metric(typeof value === 'number' ? value : null) })),
    ...keys(a?.params ?? {}, b?.params ?? {}).map((key): DiffRow => ({ group: 'Parameters of the run', name: key, values: [a?.params[key], b?.params[key]] })),
    { group: 'Origin', name: 'data', values: [data(a), data(b)] },
    { group: 'Origin', name: 'run', values: [before.run_id, after.run_id], render: (value) => <Link href={`/runs/${enc(String(value))}`}>{short(String(value))}</Link> },
    { group: 'Origin', name: 'model digest', values: [before.digest, after.digest], render: (value) => <Id value={String(value)} /> },
    { group: 'Origin', name: 'gate', values: [before, after].map((side) => (side.evaluation ? (side.evaluation.passed ? 'passed' : 'refused') : 'not evaluated')) },
  ];
  return <Diff label="Two versions" sides={[`v${before.version}`, `v${after.version}`]} rows={rows} />;
}

/** Moving an alias changes what is served, so the difference is shown before. */
function Promote({ model, version, onClose }: { model: Model; version: ModelVersion; onClose: () => void }) {
  const [alias, setAlias] = useState('champion');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const holder = model.versions.find((candidate) => candidate.aliases.includes(alias));
  const already = holder?.version === version.version;
  const act = async () => {
    setBusy(true);
    try {
      await call(`/models/${enc(model.name)}/aliases/${enc(alias)}`, { method: 'PUT', body: { version: version.version } });
      refresh();
      onClose();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Promote ${model.name} v${version.version}`}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="button" className="primary" disabled={busy || already || !alias} onClick={() => void act()}>
            {holder ? `Move ${alias} from v${holder.version} to v${version.version}` : `Set ${alias} to v${version.version}`}
          </button>
        </>
      }
    >
      <label className="row">
        Alias <input type="text" value={alias} onChange={(event) => setAlias(event.target.value.trim())} size={20} />
      </label>
      {version.evaluation && !version.evaluation.passed && (
        <div className="notice"><strong>The gate refused this version</strong><span>Endpoints that follow {alias} would serve it all the same.</span></div>
      )}
      {!version.evaluation && <p className="soft">No gate has judged this version.</p>}
      {already ? <p className="soft">{alias} already points at v{version.version}.</p> : holder ? <VersionDiff before={holder} after={version} /> : <p className="soft">Nothing carries the alias {alias} yet.</p>}
      {error && <Failure error={error} />}
    </Dialog>
  );
}
