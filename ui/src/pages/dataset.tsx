// A dataset: its versions, and for the chosen one the gate's report, the columns with their profile, the files.
import { useState } from 'react';
import type { Json, DatasetVersion, DatasetVersionDetail, Event, GateReport } from '../api';
import { bytes, count, moment, number, plain, short, words } from '../format';
import { Ago, Await, Bones, Facts, Failure, Id, Page, Panel, State } from '../parts/basics';
import { Diff, type DiffRow } from '../parts/diff';
import { Preview } from '../parts/preview';
import { ColumnProfiles } from '../parts/profile';
import { Table } from '../parts/table';
import { Link, enc, setParams, useParam } from '../router';
import { useApi } from '../store';

const path = (name: string, version: number) => `/datasets/${enc(name)}/versions/${version}`;

export default function DatasetPage({ args: [name = ''] }: { args: string[] }) {
  const dataset = useApi<{ name: string; versions: DatasetVersion[] }>(`/datasets/${enc(name)}`, { topics: ['data'] });
  const [chosen] = useParam('v');
  const [against] = useParam('against');
  return (
    <Await of={dataset}>
      {(data) => {
        const versions = [...data.versions].sort((a, b) => b.number - a.number);
        const current = versions.find((version) => String(version.number) === chosen) ?? versions[0];
        const other = versions.find((version) => String(version.number) === against);
        return (
          <Page
            crumbs={[['Datasets', '/datasets']]}
            title={<>{data.name} {current && <span className="tag">v{current.number}</span>}</>}
            actions={
              current && (
                <>
                  <Link className="button" href={`/datasets/${enc(name)}/labels?v=${current.number}`}>Labels that look wrong</Link>
                  <Link className="button" href={`/lineage?kind=dataset_version&key=${current.uid}&direction=effects`}>What did it touch?</Link>
                </>
              )
            }
          >
            <div className="stack">
              <Table
                label="Versions"
                rows={versions}
                id={(version) => version.uid}
                href={(version) => `/datasets/${enc(name)}?v=${version.number}`}
                current={current?.uid}
                empty="No version was accepted yet."
                columns={[
                  { key: 'number', label: 'Version', width: '90px', render: (version) => `v${version.number}` },
                  { key: 'rows', label: 'Rows', align: 'num', width: '100px', render: (version) => number(version.rows) },
                  { key: 'bytes', label: 'Size', align: 'num', width: '100px', render: (version) => bytes(version.bytes) },
                  { key: 'at', label: 'Imported', width: '110px', render: (version) => <Ago at={version.created_at} /> },
                  { key: 'by', label: 'By', width: '130px', render: (version) => version.created_by },
                  { key: 'origin', label: 'From', width: 'minmax(140px, 1fr)', title: (version) => originText(version.origin), render: (version) => originText(version.origin) },
                  { key: 'digest', label: 'Digest', width: '130px', render: (version) => <Id value={version.digest} /> },
                  {
                    key: 'compare',
                    label: 'Compare',
                    width: '110px',
                    render: (version) =>
                      version.uid === current?.uid ? null : version.uid === other?.uid ? (
                        <button type="button" className="bare" onClick={() => setParams({ against: null })}>close</button>
                      ) : (
                        <button type="button" className="bare" onClick={() => setParams({ v: String(current?.number), against: String(version.number) })}>with v{current?.number}</button>
                      ),
                  },
                ]}
              />
              <Rejected name={name} />
              {current && other && <Compared name={name} a={current.number} b={other.number} />}
              {current && <Version name={name} version={current.number} />}
            </div>
          </Page>
        );
      }}
    </Await>
  );
}

function Version({ name, version }: { name: string; version: number }) {
  const detail = useApi<DatasetVersionDetail>(path(name, version), { topics: ['data'] });
  if (!detail.data) return detail.error ? <Failure error={detail.error} /> : <Bones lines={6} height={40} />;
  const data = detail.data;
  return (
    <>
      {data.gate && <Gate gate={data.gate} />}
      <Panel title={`${data.schema.columns.length} columns, ${number(data.rows)} rows`} flush>
        <ColumnProfiles columns={data.schema.columns} profiles={data.profile?.columns ?? []} rows={data.rows} />
      </Panel>
      <div className="halves">
        <Panel title="Files" flush>
          <Table
            label="Files"
            rows={data.parts}
            id={(part) => part.name}
            columns={[
              { key: 'name', label: 'Name', width: 'minmax(140px, 1fr)', render: (part) => part.name },
              { key: 'rows', label: 'Rows', align: 'num', width: '100px', render: (part) => number(part.rows) },
              { key: 'digest', label: 'Digest as received', width: '150px', render: (part) => <Id value={part.source_digest} /> },
            ]}
          />
        </Panel>
        <Panel title="Version">
          <Facts items={[['Imported', moment(data.created_at)], ['By', data.created_by], ['From', originText(data.origin)], ['Id', <Id key="u" value={data.uid} />], ['Digest', <Id key="d" value={data.digest} />]]} />
        </Panel>
      </div>
    </>
  );
}

/** Candidates that the gate refused are no versions; what was wrong with them is kept all the same. */
function Rejected({ name }: { name: string }) {
  const events = useApi<{ events: Event[] }>('/events?kind=data.rejected&limit=100', { topics: ['data.rejected'] }).data?.events ?? [];
  const own = events.filter((event) => event.payload.dataset === name);
  const [at] = useParam('rejected');
  const chosen = own.find((event) => String(event.position) === at);
  const report = useApi<GateReport>(chosen ? `/blobs/${enc(plain(chosen.payload.report))}` : null, { topics: [] });
  if (own.length === 0) return null;
  return (
    <>
      <Panel title={`${count(own.length, 'import')} refused`} flush>
        <Table
          label="Refused imports"
          rows={own.slice(0, 8)}
          id={(event) => String(event.position)}
          current={at}
          columns={[
            { key: 'what', label: 'Verdict', width: 'minmax(220px, 1fr)', render: (event) => <span className="row"><State value="rejected" /> {number(Number(event.payload.failed))} of {number(Number(event.payload.checks))} expectations failed</span> },
            { key: 'rows', label: 'Rows', align: 'num', width: '100px', render: (event) => number(Number(event.payload.rows)) },
            { key: 'at', label: 'When', width: '110px', render: (event) => <Ago at={event.at} /> },
            { key: 'by', label: 'By', width: '130px', render: (event) => event.actor },
            { key: 'why', label: 'Report', width: '90px', render: (event) => <button type="button" className="bare" onClick={() => setParams({ rejected: event === chosen ? null : String(event.position) })}>{event === chosen ? 'close' : 'why'}</button> },
          ]}
        />
      </Panel>
      {chosen && (report.data ? <Gate gate={report.data} title="Why it was refused" /> : report.error ? <Failure error={report.error} /> : <Bones lines={3} />)}
    </>
  );
}

/** `{kind, …}`: the kind leads. */
function originText(origin: Json | undefined): string {
  if (origin === null || typeof origin !== 'object' || Array.isArray(origin)) return plain(origin);
  const { kind, ...rest } = origin;
  const others = Object.entries(rest).map(([key, value]) => `${words(key)} ${typeof value === 'string' ? short(value) : plain(value)}`);
  return [typeof kind === 'string' ? words(kind) : null, ...others].filter(Boolean).join(', ') || '–';
}

function Gate({ gate, title = 'Expectations' }: { gate: Pick<GateReport, 'passed' | 'text' | 'checks' | 'quarantine'>; title?: string }) {
  const failed = gate.checks?.filter((check) => !check.passed) ?? [];
  return (
    <Panel title={title} actions={<State value={gate.passed ? 'accepted' : 'rejected'} />}>
      {gate.checks && gate.checks.length > 0 ? (
        <ul className="checks">
          {[...failed, ...gate.checks.filter((check) => check.passed)].map((check) => (
            <li key={check.name}>
              <State value={check.passed ? 'passed' : 'failed'} label={check.name} />
              <span className="soft">{check.text ?? `${plain(check.observed)}, expected ${plain(check.expected)}`}</span>
              {check.failing && check.failing.length > 0 && <Failing rows={check.failing} />}
            </li>
          ))}
        </ul>
      ) : (
        <pre className="report">{gate.text}</pre>
      )}
      {gate.quarantine && <Quarantine digest={gate.quarantine} />}
    </Panel>
  );
}

const FEW = 5;

/** The rows that speak against a check, also of one that only warns. */
function Failing({ rows }: { rows: NonNullable<NonNullable<GateReport['checks']>[number]['failing']> }) {
  const [all, setAll] = useState(false);
  return (
    <ul className="failing">
      {(all ? rows : rows.slice(0, FEW)).map((row) => (
        <li key={row.row_id}><span className="mono">{row.file}</span> {row.place}: <span className="mono">{plain(row.value)}</span></li>
      ))}
      {rows.length > FEW && <li><button type="button" className="bare" onClick={() => setAll(!all)}>{all ? 'fewer' : `all ${rows.length} that are shown`}</button></li>}
    </ul>
  );
}

/** Whole rows that break a rule, with their reasons and where they stand. */
function Quarantine({ digest }: { digest: string }) {
  const [open, setOpen] = useState(false);
  const file = `/blobs/${enc(digest)}`;
  return (
    <div className="stack" style={{ marginTop: 12 }}>
      <p>
        <button type="button" onClick={() => setOpen(!open)} aria-expanded={open}>{open ? 'Close the quarantine' : 'Rows in quarantine'}</button>{' '}
        <span className="muted">every row that breaks a rule, with its reasons (<code>_reasons</code>) and where it stands</span>
      </p>
      {open && <Preview name="quarantine.parquet" preview={`${file}/preview?name=quarantine.parquet`} file={file} />}
    </div>
  );
}

function Compared({ name, a, b }: { name: string; a: number; b: number }) {
  const [low, high] = a < b ? [a, b] : [b, a];
  const before = useApi<DatasetVersionDetail>(path(name, low), { topics: ['data'] }).data;
  const after = useApi<DatasetVersionDetail>(path(name, high), { topics: ['data'] }).data;
  if (!before || !after) return <Bones lines={5} />;
  return <Panel title={`v${low} against v${high}`} flush><Diff label="Two versions" sides={[`v${low}`, `v${high}`]} rows={difference(before, after)} /></Panel>;
}

function difference(before: DatasetVersionDetail, after: DatasetVersionDetail): DiffRow[] {
  const columns = (side: DatasetVersionDetail) => new Map(side.schema.columns.map((column) => [column.name, column]));
  const profiles = (side: DatasetVersionDetail) => new Map((side.profile?.columns ?? []).map((column) => [column.name, column]));
  const [c1, c2, p1, p2] = [columns(before), columns(after), profiles(before), profiles(after)];
  const asNumber = (value: string | number | null | undefined) => (typeof value === 'number' ? number(value) : plain(value));
  const rows: DiffRow[] = [
    { group: 'Version', name: 'rows', values: [before.rows, after.rows], render: asNumber },
    { group: 'Version', name: 'files', values: [before.parts.map((part) => part.name).join(', '), after.parts.map((part) => part.name).join(', ')] },
  ];
  for (const name of new Set([...c1.keys(), ...c2.keys()])) {
    rows.push({ group: name, name: 'type', values: [c1.get(name)?.type, c2.get(name)?.type] });
    const [q1, q2] = [p1.get(name), p2.get(name)];
    for (const key of ['mean', 'std', 'min', 'max', 'null_count', 'distinct'] as const) {
      if (q1?.[key] !== undefined || q2?.[key] !== undefined) rows.push({ group: name, name: key.replace('null_count', 'missing'), values: [q1?.[key], q2?.[key]], render: asNumber });
    }
  }
  return rows;
}
