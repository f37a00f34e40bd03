// Runs of one pipeline, or of all.
import type { PipelineRunSummary } from '../../api';
import { between, duration, short } from '../../format';
import { enc } from '../../router';
import { Ago, State } from '../basics';
import { type Column, Table } from '../table';
import { triggerText } from '../trigger';

export function RunsTable({ runs, now, pipelines, empty }: { runs: PipelineRunSummary[]; now: number; pipelines?: boolean; empty: string }) {
  const columns: Column<PipelineRunSummary>[] = [
    { key: 'run', label: 'Run', width: 'minmax(150px, 1.2fr)', render: (run) => run.name || <span className="mono">{short(run.id)}</span> },
    ...(pipelines ? [{ key: 'pipeline', label: 'Pipeline', width: 'minmax(120px, 0.8fr)', render: (run: PipelineRunSummary) => run.pipeline }] : []),
    { key: 'state', label: 'State', width: '120px', render: (run) => <State value={run.state} /> },
    { key: 'why', label: 'Started because', width: 'minmax(150px, 1fr)', render: (run) => triggerText(run.trigger) },
    { key: 'at', label: 'When', width: '104px', render: (run) => <Ago at={run.created_at} /> },
    { key: 'took', label: 'Took', align: 'num', width: '104px', render: (run) => duration(between(run.started_at ?? run.created_at, run.ended_at, now)) },
    { key: 'says', label: 'What it says', width: 'minmax(140px, 1.4fr)', title: (run) => run.message ?? undefined, render: (run) => <span className={run.state === 'failed' ? 'alarm-text' : 'muted'}>{run.message ?? ''}</span> },
  ];
  return <Table label="Pipeline runs" rows={runs} id={(run) => run.id} href={(run) => `/pipeline-runs/${enc(run.id)}`} height={runs.length > 40 ? 'calc(100vh - 250px)' : undefined} keys empty={empty} columns={columns} />;
}
