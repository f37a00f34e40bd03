// What flows between tasks: values as they are, artifacts with what is known of them and a look inside.
import { type ReactNode, useState } from 'react';
import type { Datum, Json, PlanArtifact, StepRun } from '../../api';
import { query } from '../../api';
import { bytes, count, number } from '../../format';
import { Link, enc } from '../../router';
import { useApi } from '../../store';
import { Download } from '../artifacts';
import { Bones, Facts, Failure, Id } from '../basics';
import { Icon } from '../icons';
import { JsonTree, Preview } from '../preview';

/** Where an artifact's content is asked for. */
interface Where {
  run: string;
  step: string;
  port: string;
  index: number;
}

export type Ports = [string, Datum][];

export function Data({ title, ports, run, step }: { title: string; ports: Ports; run: string; step: string }) {
  return (
    <section className="data-ports">
      <h3>{title}</h3>
      {ports.length === 0 ? <p className="muted">None.</p> : (
        <dl>
          {ports.map(([port, datum]) => (
            <div key={port}>
              <dt>{port}</dt>
              <dd><OneDatum datum={datum} where={{ run, step, port, index: 0 }} /></dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function OneDatum({ datum, where }: { datum: Datum; where: Where }) {
  if ('value' in datum) return <Value value={datum.value} />;
  if ('artifact' in datum) return <Artifact artifact={datum.artifact} where={where} />;
  return <Artifacts artifacts={datum.artifacts} where={where} />;
}

/** So many are shown at once of a list, which may have one for each iteration of a loop. */
const SHOWN = 20;

function Artifacts({ artifacts, where }: { artifacts: PlanArtifact[]; where: Where }) {
  const [shown, setShown] = useState(SHOWN);
  return (
    <div className="stack">
      <span className="muted">{count(artifacts.length, 'artifact')}</span>
      {artifacts.slice(0, shown).map((artifact, index) => <Artifact key={index} artifact={artifact} where={{ ...where, index }} />)}
      {artifacts.length > shown && <button type="button" onClick={() => setShown(shown + 5 * SHOWN)}>{number(artifacts.length - shown)} more</button>}
    </div>
  );
}

export function Value({ value }: { value: Json }) {
  if (value === null) return <span className="muted">null</span>;
  if (typeof value === 'string') return value.length > 120 || value.includes('\n') ? <pre className="code" tabIndex={0}>{value}</pre> : <span className="mono">{value === '' ? <span className="muted">(empty)</span> : value}</span>;
  if (typeof value !== 'object') return <span className="mono">{typeof value === 'number' && !Number.isInteger(value) ? String(value) : typeof value === 'number' ? number(value) : String(value)}</span>;
  return <div className="json-value"><JsonTree value={value} /></div>;
}

/** `system.ClassificationMetrics` → `ClassificationMetrics`. */
const kindOf = (artifact: PlanArtifact) => artifact.schema.split('.').at(-1) ?? artifact.schema;

/** What the preview goes by: the name, with the ending that its type says. */
function fileName(artifact: PlanArtifact): string {
  const last = artifact.uri.split('/').at(-1) ?? artifact.name;
  const name = artifact.uri.startsWith('mlwright:') ? artifact.name.split('/').at(-1) || last : last;
  const ending = { Markdown: '.md', HTML: '.html' }[kindOf(artifact)];
  return ending && !name.endsWith(ending) ? name + ending : name;
}

function Artifact({ artifact, where }: { artifact: PlanArtifact; where: Where }) {
  const [open, setOpen] = useState(false);
  const metadata = Object.entries(artifact.metadata ?? {}).filter(([key]) => !['display_name', 'confusionMatrix', 'confidenceMetrics'].includes(key));
  const name = fileName(artifact);
  const kept = artifact.digest != null;
  const file = kept && !artifact.is_dir ? `/blobs/${enc(artifact.digest ?? '')}` : `/pipeline-runs/${enc(where.run)}/artifact${query({ step: where.step, port: where.port, index: where.index })}`;
  const scores = metadata.length > 0 && metadata.every(([, value]) => typeof value === 'number');
  return (
    <div className="artifact">
      <div className="row">
        <span className="artifact-icon"><Icon name={kindOf(artifact) === 'Model' ? 'model' : kindOf(artifact) === 'Dataset' ? 'data' : artifact.is_dir ? 'folder' : 'file'} /></span>
        <b className="clip" title={artifact.uri}>{artifact.name.split('/').at(-1) || where.port}</b>
        <span className="tag">{kindOf(artifact)}</span>
        {kept && <span className="muted">{bytes(artifact.bytes)}</span>}
        {kept && <Id value={artifact.digest} />}
      </div>
      {scores ? (
        <dl className="figures">{metadata.map(([key, value]) => <div key={key}><dt className="clip" title={key}>{key}</dt><dd>{number(value as number)}</dd></div>)}</dl>
      ) : metadata.length > 0 && <Facts items={metadata.map(([key, value]): [string, ReactNode] => [key, <Value key={key} value={value} />])} />}
      {artifact.metadata?.confusionMatrix !== undefined && <Confusion matrix={artifact.metadata.confusionMatrix} />}
      {!kept && (artifact.uri.startsWith('mlwright:') ? Object.keys(artifact.metadata ?? {}).length === 0 && <p className="muted">Nothing was written to it.</p> : <p className="muted wrap">{artifact.uri}</p>)}
      {kept && (
        <div className="row">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Close' : 'Look inside'}</button>
          <Download address={file} name={artifact.is_dir ? `${name}.tar` : name} />
          <Link className="button" href={`/lineage?kind=artifact&key=${artifact.digest}`}>Lineage</Link>
        </div>
      )}
      {open && (artifact.is_dir ? <Directory where={where} /> : <Preview name={name} preview={`${file}/preview${query({ name, bytes: artifact.bytes })}`} file={file} />)}
    </div>
  );
}

function Directory({ where }: { where: Where }) {
  const [path, setPath] = useState<string | null>(null);
  const at = (of: string, more: Record<string, string> = {}) => `/pipeline-runs/${enc(where.run)}/${of}${query({ step: where.step, port: where.port, index: where.index, ...more })}`;
  const listing = useApi<{ artifacts: { path: string; is_dir: boolean; size?: number | null }[] }>(at('files'), { topics: [] });
  if (!listing.data) return listing.error ? <Failure error={listing.error} /> : <Bones lines={3} />;
  return (
    <div className="stack">
      <div className="tree" role="group" aria-label="Files">
        {listing.data.artifacts.filter((item) => !item.is_dir).map((item) => (
          <button type="button" key={item.path} className="tree-row" aria-current={item.path === path ? 'true' : undefined} onClick={() => setPath(item.path === path ? null : item.path)}>
            <span className="artifact-icon"><Icon name="file" /></span>
            <span className="clip">{item.path}</span>
            <span className="muted size">{bytes(item.size)}</span>
          </button>
        ))}
        {listing.data.artifacts.length === 0 && <p className="tree-none muted">The directory is empty.</p>}
      </div>
      {path !== null && (
        <>
          <div className="row"><b className="clip">{path}</b> <Download address={at('artifact', { path })} name={path.split('/').at(-1) ?? path} /></div>
          <Preview key={path} name={path.split('/').at(-1) ?? path} preview={at('preview', { path })} file={at('artifact', { path })} />
        </>
      )}
    </div>
  );
}

/** As Kubeflow's SDK logs it: names of the classes, and a row of counts for each true one. */
function Confusion({ matrix }: { matrix: Json }) {
  const given = matrix as { annotationSpecs?: { displayName?: string }[]; rows?: { row?: number[] }[] } | null;
  const names = given?.annotationSpecs?.map((one) => one.displayName ?? '') ?? [];
  const rows = given?.rows?.map((one) => one.row ?? []) ?? [];
  if (names.length === 0 || rows.length === 0) return null;
  const top = Math.max(1, ...rows.flat());
  return (
    <div className="grid-view confusion" tabIndex={0} role="region" aria-label="Confusion matrix">
      <table>
        <thead><tr><th scope="col">true \ predicted</th>{names.map((name) => <th key={name} scope="col" className="num">{name}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}><th scope="row">{names[index]}</th>{row.map((value, place) => <td key={place} className="num" style={{ background: `color-mix(in oklab, var(--accent) ${Math.round((value / top) * 38)}%, transparent)` }}>{number(value)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** By port; the files of a declared step are artifacts without a type. */
export function outputsOf(step: StepRun): Ports {
  if (step.results && Object.keys(step.results).length > 0) return Object.entries(step.results);
  if (!step.outputs) return [];
  if (!Array.isArray(step.outputs)) return Object.entries(step.outputs);
  return step.outputs.map((file): [string, Datum] => [file.name, { artifact: { name: file.name, schema: 'Output', uri: file.name, digest: file.digest, bytes: file.bytes, is_dir: file.is_dir } }]);
}
