// Who answers, with sliders: the shares of several variants are changed together and deployed as one revision.
import { useState } from 'react';
import { ApiError, type EndpointDetail, type GraphMember, type Variant, call } from '../../api';
import { bytes, millis, number, percent } from '../../format';
import { enc } from '../../router';
import { refresh } from '../../store';
import { Failure, Id } from '../basics';
import { Table } from '../table';

/** What a variant is made of: `churn v3`, `scale v1 → mean(a v1, b v2)`. */
export function modelOf(variant: Variant): string {
  const one = ({ model, version }: GraphMember) => `${model} v${version}`;
  if (!variant.graph) return one(variant);
  return variant.graph.map((step) => ('members' in step ? `${step.combine}(${step.members.map(one).join(', ')})` : one(step))).join(' → ');
}

/** The wish that leads to this variant again. */
export function again({ name, model, version, weight, labels, shadow, graph }: Variant) {
  return { name, model, version, weight, labels, shadow, graph: graph ?? undefined };
}

export function Weights({ endpoint }: { endpoint: EndpointDetail }) {
  const [wish, setWish] = useState<Record<string, number> | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const answering = endpoint.variants.filter((variant) => !variant.shadow);
  const total = (weights: (variant: Variant) => number) => answering.reduce((sum, variant) => sum + weights(variant), 0);
  const now = (variant: Variant) => {
    const sum = total((one) => one.weight);
    return sum > 0 ? variant.weight / sum : 0;
  };
  const wished = (variant: Variant) => {
    if (!wish) return now(variant);
    const sum = total((one) => wish[one.name] ?? 0);
    return sum > 0 ? (wish[variant.name] ?? 0) / sum : 0;
  };
  const slides = answering.length > 1 && !['running', 'paused'].includes(endpoint.rollout?.state ?? '');
  const slide = (name: string, value: number) => setWish({ ...Object.fromEntries(answering.map((variant) => [variant.name, Math.round(wished(variant) * 1000) / 10])), [name]: value });
  const traffic = new Map((endpoint.by_variant ?? []).map((of) => [of.variant, of.traffic]));
  const deploy = async () => {
    setBusy(true);
    setError(null);
    try {
      const variants = endpoint.variants.map((variant) => ({ ...again(variant), weight: variant.shadow ? variant.weight : (wish?.[variant.name] ?? variant.weight) }));
      await call(`/endpoints/${enc(endpoint.name)}`, { method: 'PUT', body: { variants } });
      setWish(null);
      refresh();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Table
        label="Variants"
        rows={endpoint.variants}
        id={(variant) => variant.name}
        href={(variant) => `/models/${enc(variant.model)}?v=${variant.version}`}
        empty="No version is deployed. The endpoint answers once its alias points at one."
        columns={[
          { key: 'model', label: 'Model version', width: 'minmax(150px, 1fr)', render: modelOf, title: modelOf },
          { key: 'name', label: 'Variant', width: 'minmax(120px, 1fr)', render: (variant) => <>{variant.name} {(variant.labels ?? []).map((label) => <span key={label} className="tag">{label}</span>)}</> },
          { key: 'weight', label: 'Share of traffic', width: 'minmax(130px, 1fr)', render: (variant) => (variant.shadow ? <span className="muted">shadow</span> : <span className="share"><i style={{ width: `${wished(variant) * 100}%` }} /><b>{percent(wished(variant))}</b></span>) },
          { key: 'runtime', label: 'Runtime', width: '120px', title: (variant) => (variant.memory_bytes ? `${bytes(variant.memory_bytes)} ${variant.awake ? 'in memory' : 'when it is in memory'}` : ''), render: (variant) => (variant.runtime ? <>{variant.runtime}{variant.awake === false && <span className="muted"> asleep</span>}</> : '–') },
          { key: 'requests', label: 'Requests', align: 'num', width: '100px', render: (variant) => number(traffic.get(variant.name)?.requests ?? null) },
          { key: 'errors', label: 'Errors', align: 'num', width: '84px', render: (variant) => <span className={(traffic.get(variant.name)?.errors ?? 0) > 0 ? 'alarm-text' : undefined}>{number(traffic.get(variant.name)?.errors ?? null)}</span> },
          { key: 'p99', label: 'p99', align: 'num', width: '84px', render: (variant) => millis(traffic.get(variant.name)?.p99_ms ?? null) },
          { key: 'digest', label: 'Model digest', width: '150px', render: (variant) => <Id value={variant.digest} /> },
        ]}
      />
      {slides && (
        <div className="weights">
          {answering.map((variant) => (
            <label key={variant.name}>
              <span>{variant.name}</span>
              <input type="range" min="0" max="100" step="1" aria-label={`share of ${variant.name}`} value={Math.round(wished(variant) * 100)} onChange={(event) => slide(variant.name, Number(event.target.value))} />
              <b>{percent(wished(variant))}</b>
            </label>
          ))}
          {wish && (
            <p>
              <button type="button" className="primary" disabled={busy || total((variant) => wish[variant.name] ?? 0) <= 0} onClick={() => void deploy()}>Deploy these shares</button>{' '}
              <button type="button" onClick={() => setWish(null)}>Leave as it is</button>
            </p>
          )}
          {error && <Failure error={error} />}
        </div>
      )}
    </>
  );
}
