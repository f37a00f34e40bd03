// What is known of a run besides its curves: the note, parameters, metrics, tags, data, times.
import { useState } from 'react';
import { ApiError, type RunDetail, call } from '../api';
import { metric, moment, number } from '../format';
import { Link, enc } from '../router';
import { refresh } from '../store';
import { Facts, Failure, Panel } from './basics';
import { Markdown } from './markdown';
import { Table } from './table';

const NOTE = 'mlflow.note.content';
const pairs = (of: Record<string, string>) => Object.entries(of).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));

export function Details({ run }: { run: RunDetail }) {
  const own = pairs(run.tags).filter(([key]) => !key.startsWith('mlflow.'));
  const system = pairs(run.tags).filter(([key]) => key.startsWith('mlflow.') && key !== NOTE && key !== 'mlflow.runName');
  const params = pairs(run.params);
  return (
    <div className="halves">
      <div className="stack">
        <Note key={run.id} id={run.id} text={run.tags[NOTE] ?? ''} />
        <Panel title="Parameters" flush={params.length > 0}>
          {params.length ? (
            <Table label="Parameters" rows={params} id={([key]) => key} columns={[
              { key: 'name', label: 'Name', width: 'minmax(140px, 1fr)', render: ([key]) => key, title: ([key]) => key },
              { key: 'value', label: 'Value', width: 'minmax(140px, 1.4fr)', render: ([, value]) => <span className="mono">{value}</span>, title: ([, value]) => value },
            ]} height={params.length > 14 ? '500px' : undefined} />
          ) : <p className="muted">None were logged.</p>}
        </Panel>
        <Metrics run={run} />
      </div>
      <div className="stack">
        <Data run={run} />
        <Outputs run={run} />
        <Panel title="Tags">{own.length ? <Facts items={own} /> : <p className="muted">None were set.</p>}</Panel>
        {system.length > 0 && <Panel title="Set by the client">{<Facts items={system.map(([key, value]) => [key.replace('mlflow.', ''), value.length > 400 ? `${value.slice(0, 400)}…` : value])} />}</Panel>}
        <Panel title="Times">
          <Facts items={[['Started', moment(run.started_at)], ['Ended', run.ended_at ? moment(run.ended_at) : null], ['By', run.actor]]} />
        </Panel>
      </div>
    </div>
  );
}

function Metrics({ run }: { run: RunDetail }) {
  const rows = Object.entries(run.summaries ?? {}).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  if (rows.length === 0) return null;
  return (
    <Panel title="Metrics" flush>
      <Table label="Metrics" rows={rows} id={([key]) => key} height={rows.length > 14 ? '500px' : undefined} columns={[
        { key: 'name', label: 'Name', width: 'minmax(140px, 1.4fr)', render: ([key]) => key, title: ([key]) => key },
        { key: 'last', label: 'Last', align: 'num', width: '92px', render: ([key]) => metric(run.metrics[key]) },
        { key: 'min', label: 'Lowest', align: 'num', width: '92px', render: ([, of]) => metric(of.min) },
        { key: 'max', label: 'Highest', align: 'num', width: '92px', render: ([, of]) => metric(of.max) },
        { key: 'points', label: 'Points', align: 'num', width: '80px', render: ([, of]) => number(of.points) },
      ]} />
    </Panel>
  );
}

function Data({ run }: { run: RunDetail }) {
  if (!run.inputs?.length) return null;
  return (
    <Panel title="Data that it read">
      <div className="stack">
        {run.inputs.map((input, index) => (
          <Facts
            key={index}
            items={[
              ['Dataset', input.version ? <Link key="d" href={`/datasets/${enc(input.dataset)}?v=${input.version}`}>{input.dataset} v{input.version}</Link> : input.dataset],
              ['Used for', input.context],
              ['Digest', input.digest],
              ['From', input.source_type],
              ['Columns', columns(input.schema)],
            ]}
          />
        ))}
      </div>
    </Panel>
  );
}

function Outputs({ run }: { run: RunDetail }) {
  const logged = run.logged_models ?? [];
  if (logged.length === 0) return null;
  return (
    <Panel title="Models that it logged">
      <Facts
        items={logged.map((model) => [
          model.name,
          <span key={model.id} className="row">
            <span>{model.type || 'model'}{model.step > 0 ? `, step ${number(model.step)}` : ''}{model.status === 'ready' ? '' : `, ${model.status}`}</span>
            <Link href={`/runs/${enc(run.id)}?tab=artifacts&model=${enc(model.id)}&path=MLmodel`}>files</Link>
          </span>,
        ])}
      />
    </Panel>
  );
}

/** MLflow keeps a dataset's schema as JSON text of several shapes. */
function columns(schema: string | null | undefined): string | null {
  if (!schema) return null;
  try {
    const found = JSON.parse(schema) as { mlflow_colspec?: { name?: string; type?: string }[] };
    return found.mlflow_colspec?.map((column) => `${column.name ?? '?'} ${column.type ?? ''}`).join(', ') ?? null;
  } catch {
    return null;
  }
}

/** The note is MLflow's own: what is written here stands in its page too. */
function Note({ id, text }: { id: string; text: string }) {
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await call(`/runs/${enc(id)}`, { method: 'PATCH', body: { tags: { [NOTE]: draft?.trim() ? draft : null } } });
      setError(null);
      setDraft(null);
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
    setBusy(false);
  };
  return (
    <Panel title="Notes" actions={draft === null ? <button type="button" onClick={() => setDraft(text)}>{text ? 'Edit' : 'Write'}</button> : undefined}>
      {draft === null ? (
        text ? <Markdown text={text} /> : <p className="muted">What this run was for, and what came of it. Markdown.</p>
      ) : (
        <form className="stack" onSubmit={(event) => { event.preventDefault(); void save(); }}>
          <textarea
            aria-label="Notes, in Markdown"
            rows={Math.min(24, Math.max(6, draft.split('\n').length + 1))}
            value={draft}
            autoFocus
            onChange={(event) => setDraft(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) void save();
            }}
          />
          {error && <Failure error={error} />}
          <div className="row">
            <button className="primary" disabled={busy}>Save</button>
            <button type="button" onClick={() => setDraft(null)}>Cancel</button>
            <span className="muted">Ctrl+Enter saves</span>
          </div>
          {draft.trim() && <div className="note-preview"><Markdown text={draft} /></div>}
        </form>
      )}
    </Panel>
  );
}
