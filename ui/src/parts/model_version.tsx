// One version of a model: what it takes and gives, where it comes from, what it is made of.
import { useState } from 'react';
import { ApiError, type ModelVersion, type ModelVersionDetail, type RuntimeVerdict, type SignatureField, call } from '../api';
import { bytes, metric, millis, moment, number, short } from '../format';
import { Link, enc, useParam } from '../router';
import { refresh } from '../store';
import { Ago, Await, Facts, Failure, Id, Panel, State } from './basics';
import { EvaluationReport } from './evaluation';
import { Markdown } from './markdown';
import { Preview } from './preview';
import { Table } from './table';
import { fieldName, fieldType, useVersion } from './version_diff';

const STAGES = ['None', 'Staging', 'Production', 'Archived'];

export function VersionPanels({ model, version }: { model: string; version: ModelVersion }) {
  const detail = useVersion(model, version.version);
  return (
    <div className="columns">
      <div className="stack">
        {version.evaluation ? (
          <EvaluationReport evaluation={version.evaluation} title={`Evaluation of v${version.version}`} />
        ) : (
          <Panel title={`Evaluation of v${version.version}`}><p className="muted">No gate has judged this version. A gate in <code>mlwright.yaml</code> does so after training.</p></Panel>
        )}
        <Await of={detail} lines={5}>
          {(data) => (
            <>
              <Signature version={data} />
              {data.verdicts && data.verdicts.length > 0 && <Runtimes verdicts={data.verdicts} />}
              <Files version={data} />
            </>
          )}
        </Await>
      </div>
      <div className="stack">
        <About model={model} version={version} detail={detail.data} />
        {detail.data?.run && <Origin run={detail.data.run} />}
      </div>
    </div>
  );
}

function About({ model, version, detail }: { model: string; version: ModelVersion; detail: ModelVersionDetail | undefined }) {
  const [error, setError] = useState<ApiError | null>(null);
  const stage = async (to: string) => {
    try {
      await call(`/models/${enc(model)}/versions/${version.version}`, { method: 'PATCH', body: { stage: to } });
      setError(null);
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
  };
  return (
    <Panel title={`Version ${version.version}`}>
      <div className="stack">
        <Description path={`/models/${enc(model)}/versions/${version.version}`} text={version.description ?? ''} label={`Description of version ${version.version}`} />
        <Facts
          items={[
            ['Stage', <select key="s" aria-label="Stage" value={version.stage || 'None'} onChange={(event) => void stage(event.target.value)}>{STAGES.map((name) => <option key={name}>{name}</option>)}</select>],
            ['Created', moment(version.created_at)],
            ['By', version.created_by],
            ['Flavors', detail?.flavors?.join(', ')],
            ['Size', detail?.bytes ? bytes(detail.bytes) : null],
            ['Source', detail?.source],
            ['Digest', <Id key="d" value={version.digest} />],
            ['Id', <Id key="u" value={version.uid} />],
            ...Object.entries(version.tags ?? {}),
          ]}
        />
        {error && <Failure error={error} />}
      </div>
    </Panel>
  );
}

/** Written in Markdown; saved by `PATCH {path}`. */
export function Description({ path, text, label }: { path: string; text: string; label: string }) {
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const save = async () => {
    try {
      await call(path, { method: 'PATCH', body: { description: draft } });
      setError(null);
      setDraft(null);
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
  };
  if (draft === null) {
    return (
      <div className="row" style={{ alignItems: 'baseline' }}>
        {text && <Markdown text={text} />}
        <button type="button" className="bare" onClick={() => setDraft(text)}>{text ? 'Edit' : 'Describe it'}</button>
      </div>
    );
  }
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <textarea aria-label={label} rows={4} value={draft} autoFocus onChange={(event) => setDraft(event.target.value)} />
      {error && <Failure error={error} />}
      <div className="row">
        <button className="primary">Save</button>
        <button type="button" onClick={() => setDraft(null)}>Cancel</button>
      </div>
    </form>
  );
}

/** What was found out before it may serve: parity with its Python original, and the trial of its package. */
function Runtimes({ verdicts }: { verdicts: RuntimeVerdict[] }) {
  const found = ({ kind, detail }: RuntimeVerdict) => {
    if (detail.reason) return detail.reason;
    if (kind === 'parity') {
      const largest = Math.max(0, ...(detail.outputs ?? []).map((output) => output.largest_difference));
      return `${number(detail.rows ?? 0)} rows, ${largest === 0 ? 'the same to the last bit' : `at most ${largest.toExponential(1)} apart`}`;
    }
    return [
      detail.load_ms !== undefined && `loads in ${millis(detail.load_ms)}`,
      detail.p50_ms !== undefined && `p50 ${millis(detail.p50_ms)}, p99 ${millis(detail.p99_ms ?? null)}`,
      detail.resident_mib !== undefined && `${number(Math.round(detail.resident_mib))} MiB resident`,
    ].filter(Boolean).join('; ');
  };
  return (
    <Panel title="Runtimes" flush>
      <Table
        label="Verdicts on runtimes"
        rows={verdicts}
        id={(verdict) => verdict.id}
        columns={[
          { key: 'kind', label: 'Judged', width: 'minmax(120px, 160px)', render: (verdict) => (verdict.kind === 'parity' ? 'like Python' : 'starts alone') },
          { key: 'engine', label: 'Runtime', width: '90px', render: (verdict) => verdict.engine },
          { key: 'state', label: 'Verdict', width: '110px', render: (verdict) => <State value={verdict.passed ? 'passed' : 'failed'} /> },
          { key: 'found', label: 'Found', width: 'minmax(200px, 2fr)', title: found, render: found },
          { key: 'at', label: 'When', width: '104px', title: (verdict) => moment(verdict.created_at), render: (verdict) => <Ago at={verdict.created_at} /> },
        ]}
      />
    </Panel>
  );
}

function Origin({ run }: { run: NonNullable<ModelVersionDetail['run']> }) {
  return (
    <Panel title="Where it comes from" actions={<Link href={`/lineage?kind=run&key=${enc(run.id)}`}>Lineage</Link>}>
      <Facts
        items={[
          ['Run', <Link key="r" href={`/runs/${enc(run.id)}`}>{run.name || short(run.id)}</Link>],
          ['Experiment', <Link key="e" href={`/runs?experiment=${enc(run.experiment)}`}>{run.experiment}</Link>],
          ...run.inputs.map((input): [string, React.ReactNode] => ['Data', `${input.dataset}${input.context ? ` (${input.context})` : ''} ${input.digest ?? ''}`]),
          ['Commit', run.tags['mlflow.source.git.commit']?.slice(0, 10)],
          ...Object.entries(run.metrics).filter(([key]) => !key.startsWith('system/')).slice(0, 8).map(([key, value]): [string, React.ReactNode] => [key, metric(value)]),
        ]}
      />
    </Panel>
  );
}

function Signature({ version }: { version: ModelVersionDetail }) {
  const parts = (['inputs', 'outputs', 'params'] as const).flatMap((part) => (version.signature?.[part] ?? []).map((field, place) => ({ part, field, place })));
  return (
    <Panel title="Signature" flush={parts.length > 0}>
      {parts.length > 0 ? (
        <Table<{ part: string; field: SignatureField; place: number }>
          label="Signature"
          rows={parts}
          id={(row) => `${row.part} ${row.place}`}
          columns={[
            { key: 'part', label: 'Side', width: '100px', render: (row) => ({ inputs: 'in', outputs: 'out', params: 'parameter' })[row.part] },
            { key: 'name', label: 'Name', width: 'minmax(120px, 1fr)', render: (row) => fieldName(row.field, row.place) },
            { key: 'type', label: 'Type', width: 'minmax(120px, 1fr)', render: (row) => <span className="mono">{fieldType(row.field)}</span> },
          ]}
        />
      ) : (
        <p className="muted">{version.spec_error ?? 'It was logged without one: pass signature=infer_signature(X, y) to log_model.'}</p>
      )}
    </Panel>
  );
}

function Files({ version }: { version: ModelVersionDetail }) {
  const [chosen, setChosen] = useParam('file');
  if (version.files.length === 0) return null;
  const file = version.files.find((candidate) => candidate.path === chosen);
  return (
    <Panel title="Files" flush>
      <Table
        label="Files"
        rows={version.files}
        id={(row) => row.path}
        current={chosen}
        columns={[
          { key: 'path', label: 'Path', width: 'minmax(160px, 1fr)', render: (row) => <button type="button" className="bare" aria-expanded={row.path === chosen} onClick={() => setChosen(row.path === chosen ? null : row.path)}>{row.path}</button> },
          { key: 'size', label: 'Size', align: 'num', width: '90px', render: (row) => bytes(row.bytes) },
          { key: 'digest', label: 'Digest', width: '130px', render: (row) => <Id value={row.digest} /> },
        ]}
      />
      {file && (
        <div className="body">
          <Preview key={file.digest} name={file.path} preview={`/blobs/${enc(file.digest)}/preview?name=${enc(file.path)}&bytes=${file.bytes}`} file={`/blobs/${enc(file.digest)}`} />
        </div>
      )}
    </Panel>
  );
}
