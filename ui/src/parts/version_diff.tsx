// Two versions of a model: metrics, parameters, what they take and give, files, origin.
import type { ModelVersion, ModelVersionDetail, SignatureField } from '../api';
import { bytes, metric, short } from '../format';
import { Link, enc } from '../router';
import { useApi } from '../store';
import { Bones, Failure, Id } from './basics';
import { Diff, type DiffRow, direction } from './diff';

/** What an evaluation measured says more than what training logged. */
export function metricsOf(version: ModelVersion | undefined): Record<string, number | null> {
  return { ...version?.metrics, ...version?.evaluation?.metrics };
}

export function fieldType(field: SignatureField): string {
  const tensor = field['tensor-spec'];
  const type = tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : typeof field.type === 'string' ? field.type : JSON.stringify(field.type);
  return `${type}${field.required === false || field.optional ? ', optional' : ''}`;
}

export function fieldName(field: SignatureField, place: number): string {
  return field.name ?? `${place}`;
}

export function useVersion(model: string, version: number | undefined) {
  return useApi<ModelVersionDetail>(version === undefined ? null : `/models/${enc(model)}/versions/${version}`, { topics: ['model'] });
}

export function VersionDiff({ model, before, after }: { model: string; before: ModelVersion; after: ModelVersion }) {
  const [one, two] = [useVersion(model, before.version), useVersion(model, after.version)];
  const [a, b] = [one.data, two.data];
  if (!a || !b) return one.error || two.error ? <Failure error={(one.error ?? two.error)!} /> : <Bones lines={6} />;
  const keys = (...of: object[]) => [...new Set(of.flatMap((part) => Object.keys(part)))].sort();
  const [m1, m2] = [metricsOf(before), metricsOf(after)];
  const signature = (side: ModelVersionDetail, part: 'inputs' | 'outputs' | 'params') => Object.fromEntries((side.signature?.[part] ?? []).map((field, place) => [fieldName(field, place), fieldType(field)]));
  const files = (side: ModelVersionDetail) => Object.fromEntries(side.files.map((file) => [file.path, file]));
  const [f1, f2] = [files(a), files(b)];
  const data = (side: ModelVersionDetail) => side.run?.inputs.map((input) => `${input.dataset} ${input.digest ?? ''}`.trim()).join(', ') || undefined;
  const rows: DiffRow[] = [
    ...keys(m1, m2).map((key): DiffRow => ({ group: 'Metrics', name: key, values: [m1[key], m2[key]], better: direction(key), render: (value) => metric(typeof value === 'number' ? value : null) })),
    ...keys(a.run?.params ?? {}, b.run?.params ?? {}).map((key): DiffRow => ({ group: 'Parameters of the run', name: key, values: [a.run?.params[key], b.run?.params[key]] })),
    ...(['inputs', 'outputs', 'params'] as const).flatMap((part) => {
      const [s1, s2] = [signature(a, part), signature(b, part)];
      return keys(s1, s2).map((key): DiffRow => ({ group: `Signature: ${part}`, name: key, values: [s1[key], s2[key]] }));
    }),
    ...keys(f1, f2).map((path): DiffRow => ({ group: 'Files', name: path, values: [f1[path]?.digest, f2[path]?.digest], render: (value) => <span className="row" style={{ flexWrap: 'nowrap' }}><Id value={String(value)} /> <span className="muted">{bytes((f1[path]?.digest === value ? f1[path] : f2[path])?.bytes)}</span></span> })),
    { group: 'Origin', name: 'data', values: [data(a), data(b)] },
    { group: 'Origin', name: 'run', values: [before.run_id, after.run_id], render: (value) => <Link href={`/runs/${enc(String(value))}`}>{short(String(value))}</Link> },
    { group: 'Origin', name: 'flavors', values: [a.flavors?.join(', '), b.flavors?.join(', ')] },
    { group: 'Origin', name: 'size', values: [a.bytes, b.bytes], render: (value) => bytes(Number(value)) },
    { group: 'Origin', name: 'model digest', values: [before.digest, after.digest], render: (value) => <Id value={String(value)} /> },
    { group: 'Origin', name: 'gate', values: [before, after].map((side) => (side.evaluation ? (side.evaluation.passed ? 'passed' : 'refused') : 'not evaluated')) },
    { group: 'Registry', name: 'stage', values: [before.stage, after.stage] },
    { group: 'Registry', name: 'description', values: [before.description || undefined, after.description || undefined] },
    ...keys(before.tags ?? {}, after.tags ?? {}).map((key): DiffRow => ({ group: 'Tags', name: key, values: [before.tags?.[key], after.tags?.[key]] })),
  ];
  return <Diff label="Two versions" sides={[`v${before.version}`, `v${after.version}`]} rows={rows} />;
}
