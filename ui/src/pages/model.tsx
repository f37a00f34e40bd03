// A model: versions, stages and aliases, the chosen version, and any two versions compared.
import { useState } from 'react';
import { ApiError, type Model, type ModelVersion, call } from '../api';
import { metric, short } from '../format';
import { Ago, Await, Dialog, Failure, Page, Panel, State } from '../parts/basics';
import { direction } from '../parts/diff';
import { Description, VersionPanels } from '../parts/model_version';
import { Table } from '../parts/table';
import { VersionDiff, metricsOf } from '../parts/version_diff';
import { Link, enc, setParams, useParam } from '../router';
import { refresh, useApi } from '../store';
import '../styles/artifacts.css';

export default function ModelPage({ args: [name = ''] }: { args: string[] }) {
  const model = useApi<Model>(`/models/${enc(name)}`, { topics: ['model', 'evaluation', 'run.finished', 'endpoint'] });
  const [chosen] = useParam('v');
  const [against] = useParam('against');
  const [moving, setMoving] = useState<{ version: ModelVersion; alias: string } | null>(null);
  const [leaving, setLeaving] = useState<{ version: ModelVersion; alias: string } | null>(null);
  return (
    <Await of={model}>
      {(data) => {
        const versions = [...data.versions].sort((a, b) => b.version - a.version);
        const current = versions.find((version) => String(version.version) === chosen) ?? versions.find((version) => version.aliases.includes('champion')) ?? versions[0];
        const other = versions.find((version) => String(version.version) === against && version !== current);
        const keys = [...new Set(versions.slice(0, 20).flatMap((version) => Object.keys(metricsOf(version))))].filter((key) => !key.startsWith('system/')).sort((a, b) => Number(direction(b) === 'up') - Number(direction(a) === 'up') || a.localeCompare(b)).slice(0, 4);
        const staged = versions.some((version) => version.stage && version.stage !== 'None');
        return (
          <Page
            crumbs={[['Models', '/models']]}
            title={data.name}
            actions={
              current && (
                <>
                  <Link className="button" href={`/lineage?kind=model_version&key=${current.uid}`}>Lineage of v{current.version}</Link>
                  <button type="button" className="primary" onClick={() => setMoving({ version: current, alias: 'champion' })}>Promote v{current.version}…</button>
                </>
              )
            }
          >
            <div className="stack">
              <Description path={`/models/${enc(name)}`} text={data.description ?? ''} label="Description" />
              <Table
                label="Versions"
                rows={versions}
                id={(version) => version.uid}
                href={(version) => `/models/${enc(name)}?v=${version.version}`}
                current={current?.uid}
                keys
                height={versions.length > 12 ? '420px' : undefined}
                empty="No version is registered yet."
                columns={[
                  { key: 'version', label: 'Version', width: '86px', render: (version) => `v${version.version}` },
                  {
                    key: 'aliases',
                    label: 'Aliases',
                    width: 'minmax(150px, 1fr)',
                    render: (version) => (
                      <span className="tags">
                        {version.aliases.map((alias) => (
                          <span key={alias} className="tag alias">
                            {alias} <button type="button" className="bare" aria-label={`take the alias ${alias} away from v${version.version}`} onClick={() => setLeaving({ version, alias })}>×</button>
                          </span>
                        ))}
                        <button type="button" className="bare" aria-label={`set an alias to v${version.version}`} onClick={() => setMoving({ version, alias: '' })}>+</button>
                      </span>
                    ),
                  },
                  ...(staged ? [{ key: 'stage', label: 'Stage', width: '104px', render: (version: ModelVersion) => (version.stage === 'None' ? <span className="muted">none</span> : version.stage) }] : []),
                  { key: 'gate', label: 'Gate', width: '120px', render: (version) => (version.evaluation ? <State value={version.evaluation.passed ? 'passed' : 'refused'} /> : <span className="muted">not evaluated</span>) },
                  ...keys.map((key) => ({ key, label: key, align: 'num' as const, width: 'minmax(90px, 120px)', render: (version: ModelVersion) => metric(metricsOf(version)[key]) })),
                  { key: 'run', label: 'From run', width: '110px', render: (version) => (version.run_id ? <Link href={`/runs/${enc(version.run_id)}`} className="mono">{short(version.run_id)}</Link> : '–') },
                  { key: 'at', label: 'Created', width: '104px', render: (version) => <Ago at={version.created_at} /> },
                  {
                    key: 'compare',
                    label: 'Compare',
                    width: '90px',
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
                  <VersionDiff model={name} before={other} after={current} />
                </Panel>
              )}
              {current && <VersionPanels key={current.uid} model={name} version={current} />}
            </div>
            {moving && <Promote model={data} version={moving.version} usual={moving.alias} onClose={() => setMoving(null)} />}
            {leaving && <TakeAway model={name} {...leaving} onClose={() => setLeaving(null)} />}
          </Page>
        );
      }}
    </Await>
  );
}

/** Moving an alias changes what is served, so the difference is shown before. */
function Promote({ model, version, usual, onClose }: { model: Model; version: ModelVersion; usual: string; onClose: () => void }) {
  const [alias, setAlias] = useState(usual);
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
            {holder ? `Move ${alias} from v${holder.version} to v${version.version}` : `Set ${alias || 'the alias'} to v${version.version}`}
          </button>
        </>
      }
    >
      <label className="row">
        Alias <input type="text" value={alias} autoFocus onChange={(event) => setAlias(event.target.value.trim())} size={20} list="aliases" />
        <datalist id="aliases">{Object.keys(model.aliases).map((known) => <option key={known} value={known} />)}</datalist>
      </label>
      {version.evaluation && !version.evaluation.passed && (
        <div className="notice"><strong>The gate refused this version</strong><span>Endpoints that follow {alias || 'the alias'} would serve it all the same.</span></div>
      )}
      {!version.evaluation && <p className="soft">No gate has judged this version.</p>}
      {!alias ? null : already ? <p className="soft">{alias} already points at v{version.version}.</p> : holder ? <VersionDiff model={model.name} before={holder} after={version} /> : <p className="soft">Nothing carries the alias {alias} yet.</p>}
      {error && <Failure error={error} />}
    </Dialog>
  );
}

function TakeAway({ model, version, alias, onClose }: { model: string; version: ModelVersion; alias: string; onClose: () => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const act = async () => {
    try {
      await call(`/models/${enc(model)}/aliases/${enc(alias)}`, { method: 'DELETE' });
      refresh();
      onClose();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
  };
  return (
    <Dialog title={`Take ${alias} away from v${version.version}`} onClose={onClose} footer={<><button type="button" onClick={onClose}>Cancel</button><button type="button" className="danger" onClick={() => void act()}>Take {alias} away</button></>}>
      <p>Nothing carries the alias then: clients that load <code>models:/{model}@{alias}</code> fail from then on.</p>
      {error && <Failure error={error} />}
    </Dialog>
  );
}
