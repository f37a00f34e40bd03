// The native API (/api/v1) as this app reads it. Times are RFC 3339 strings in UTC unless a name ends in `_ms`.
// A field that the server may leave out is optional; everything else is relied on.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Facts = Record<string, Json>;

export interface Event {
  position: number;
  at: string;
  actor: string;
  kind: string;
  subject: string;
  payload: Facts;
  hash?: string;
}

export type StageState = 'ok' | 'running' | 'attention' | 'idle';

export interface Stage {
  name: string;
  state: StageState;
  headline: string;
  detail: string;
  href: string;
}

export interface Attention {
  what: string;
  where: string;
  action: string;
  href: string;
}

export interface Overview {
  project?: string | null;
  stages: Stage[];
  attention: Attention[];
  recent: Event[];
}

export interface Server {
  version: string;
  started_at: string;
  data_dir: string;
  database: string;
  auth: Json;
}

export interface Experiment {
  id: string;
  name: string;
  runs?: number;
}

export interface Run {
  id: string;
  name: string;
  experiment: string;
  status: string;
  started_at: string | null;
  ended_at: string | null;
  params: Record<string, string>;
  metrics: Record<string, number | null>;
  tags: Record<string, string>;
}

export interface RunInput {
  dataset: string;
  version?: number | null;
  uid?: string | null;
  digest?: string | null;
  context?: string | null;
  source_type?: string;
  schema?: string | null;
}

export interface MetricFacts {
  step: number;
  at_ms: number;
  min: number | null;
  max: number | null;
  points: number;
}

export interface RunDetail extends Run {
  deleted?: boolean;
  summaries?: Record<string, MetricFacts>;
  logged_models?: { id: string; name: string; type: string; status: string; step: number }[];
  actor?: string | null;
  inputs?: RunInput[];
  models?: { name: string; version: number; uid: string }[];
  pipeline_run?: { id: string; pipeline: string; step: string } | null;
}

export interface Artifact {
  path: string;
  is_dir: boolean;
  size?: number | null;
}

export interface DatasetSummary {
  name: string;
  versions: number;
  latest?: DatasetVersion | null;
}

export interface DatasetVersion {
  uid: string;
  dataset: string;
  number: number;
  digest: string;
  rows: number;
  bytes: number;
  created_at: string;
  created_by: string;
  origin?: Json;
}

export interface Column {
  name: string;
  type: string;
  nullable?: boolean;
}

export interface ColumnProfile {
  name: string;
  type?: string;
  count: number;
  null_count: number;
  nan_count?: number;
  inf_count?: number;
  min?: number | string | null;
  max?: number | string | null;
  mean?: number | null;
  std?: number | null;
  distinct?: number | null;
  histogram?: Histogram | null;
}

/** `edges` has one more item than `counts`; `categories` has as many */
export interface Histogram {
  edges?: number[];
  categories?: string[];
  counts: number[];
}

export interface GateCheck {
  name: string;
  passed: boolean;
  observed?: Json;
  expected?: Json;
  text?: string;
  /** the first rows that break the rule, where it is about values */
  failing?: { file: string; place: string; row_id: string; value: Json }[];
}

export interface GateReport {
  passed: boolean;
  text: string;
  checks?: GateCheck[];
  /** Rows that break a rule, as Parquet with reasons and places. */
  quarantine?: string | null;
  at?: string;
}

export interface DatasetVersionDetail extends DatasetVersion {
  schema: { columns: Column[] };
  parts: { name: string; source_digest: string; parquet_digest: string; rows: number }[];
  profile?: { rows: number; columns: ColumnProfile[] } | null;
  gate?: GateReport | null;
}

export interface Evaluation {
  uid: string;
  passed: boolean;
  at?: string;
  data?: string;
  rows?: number;
  metrics: Record<string, number | null>;
  slices?: { name: string; value: string; rows: number; metrics: Record<string, number | null> }[];
  checks?: { name: string; passed: boolean; observed?: number | null; required?: string | null; text?: string }[];
  champion?: { model: string; version: number; metrics: Record<string, number | null> } | null;
  report?: string | null;
}

export interface ModelVersion {
  version: number;
  uid: string;
  status: string;
  run_id?: string | null;
  aliases: string[];
  created_at: string;
  created_by?: string;
  digest?: string | null;
  metrics: Record<string, number | null>;
  evaluation?: Evaluation | null;
  tags?: Record<string, string>;
  stage?: string;
  description?: string | null;
}

/** A column, or a tensor. */
export interface SignatureField {
  name?: string;
  type: string;
  required?: boolean;
  optional?: boolean;
  default?: Json;
  'tensor-spec'?: { dtype: string; shape: number[] };
}

export interface ModelVersionDetail extends ModelVersion {
  source: string;
  run_link?: string | null;
  logged_model?: string | null;
  updated_at?: string;
  files: { path: string; digest: string; bytes: number }[];
  run: (Run & { inputs: RunInput[] }) | null;
  signature?: { inputs: SignatureField[] | null; outputs: SignatureField[] | null; params: SignatureField[] | null } | null;
  flavors?: string[];
  bytes?: number | null;
  mlflow_version?: string | null;
  spec_error?: string;
  /** Newest first. */
  verdicts?: RuntimeVerdict[];
}

/** Whether a runtime gives what Python gives (`parity`), or the package starts and answers by itself (`infrastructure`). */
export interface RuntimeVerdict {
  id: string;
  kind: 'parity' | 'infrastructure';
  engine: string;
  passed: boolean;
  detail: {
    reason?: string | null;
    rows?: number;
    outputs?: { output: string; rows: number; different: number; largest_difference: number }[];
    load_ms?: number;
    p50_ms?: number;
    p99_ms?: number;
    resident_mib?: number;
  };
  created_at: string;
  created_by: string;
}

export interface Model {
  name: string;
  tags?: Record<string, string>;
  created_at?: string;
  versions: ModelVersion[];
  aliases: Record<string, number>;
  description?: string | null;
}

export interface ModelSummary {
  name: string;
  description?: string | null;
  tags?: Record<string, string>;
  versions: number;
  latest?: number | null;
  aliases: Record<string, number>;
  updated_at?: string | null;
}

export interface Replay {
  id: string;
  run: string;
  state: string;
  verdict: 'bit_identical' | 'metric_equal' | 'diverged' | null;
  first: { step: string; output: string; expected: string; actual: string } | null;
  message: string | null;
}

export interface FeatureScore {
  name: string;
  score: number | null;
  threshold: number;
  drifted: boolean;
  method: string;
}

export interface MonitorWindow {
  id: string;
  from: string;
  to: string;
  rows: number;
  drifted: boolean;
  share: number;
  level?: Signal['level'];
  signals?: Signal[];
  features: FeatureScore[];
}

/** One measured value of a window beside drift. */
export interface Signal {
  name: string;
  /** The feature, protected column or client where it is worst. */
  feature?: string | null;
  value: number;
  limit?: number | null;
  level: 'ok' | 'warn' | 'critical';
  detail?: unknown;
}

export interface MonitorSummary {
  name: string;
  endpoint: string;
  drifted: boolean;
  windows: number;
  last?: MonitorWindow | null;
}

export interface Monitor {
  name: string;
  endpoint: string;
  method: string;
  threshold: number;
  share: number;
  window_rows: number;
  consecutive: number;
  /** rows waiting for the current window to fill */
  pending_rows?: number | null;
  rules?: { records?: 'answers' | 'shadows' };
  /** Of the signals that are not ok. */
  levels?: Record<string, Signal['level']>;
  windows: MonitorWindow[];
  latest?: (MonitorWindow & { features: (FeatureScore & { baseline?: Histogram; current?: Histogram })[] }) | null;
  performance?: { at: string; rows: number; metrics: Record<string, number | null> }[];
}

export interface Retraining {
  id: string;
  policy: string;
  state: string;
  trigger: Json;
  reason?: string | null;
  created_at: string;
  updated_at: string;
  dataset_version?: string | null;
  pipeline_run?: string | null;
  model?: string | null;
  model_version?: string | null;
  evaluation?: string | null;
  endpoint?: string;
  endpoint_revision?: string | null;
  /** What is declared between gate and swap. */
  rule?: RolloutRule | null;
  shadow_since?: string | null;
  shadow?: ShadowFigures | null;
  rollout?: string | null;
  approval_deadline?: string | null;
  decision?: { approved: boolean; by: string; reason: string; at: string } | null;
  /** Somebody asked for its end. */
  cancel?: { by: string; reason?: string | null; at: string } | null;
  ended_at?: string | null;
  /** Of a skipped one, how often in a row. */
  times?: number;
  frozen_until?: string | null;
  history?: { at: string; state: string; detail?: string | null }[];
}

export interface RolloutRule {
  shadow?: { requests: number; within: number; errors: number; disagreement?: number | null; latency_factor: number; latency_slack_ms: number };
  approval?: { within: number; by?: string[] };
  freeze?: { days?: string[]; from?: string; to?: string; first?: string; last?: string; zone: string }[];
  canary?: { steps: number[]; bake: number };
}

export interface ShadowFigures {
  requests: number;
  errors: number;
  rows: number;
  disagreement: number | null;
  p95_ms: number;
  answered_p95_ms: number;
}

export interface RetrainPolicy {
  name: string;
  on: string;
  /** What starts it beside the alarm. */
  triggers?: { performance?: { monitor: string; metric: string; bound: { min?: number; max?: number } }; labels?: number; data_commit?: { repository: string; branch: string; prefix?: string; settle: number }; schedule?: { cron: string; zone: string } };
  rule?: RolloutRule | null;
  pipeline: string;
  cooldown_until?: string | null;
  budget?: { used: number; runs: number; per: string } | null;
  /** Commits that will start the next one. */
  pending?: { commit: string; commits: number; due: string } | null;
}

export interface LineageNode {
  id: number;
  kind: string;
  key: string;
  props: Facts;
  created_at: string;
}

export interface Lineage {
  nodes: LineageNode[];
  edges: { from: number; kind: string; to: number }[];
}

export interface Why {
  prediction?: Facts;
  chain: { kind: string; title: string; facts: Facts; href?: string | null }[];
  graph: Lineage;
}

export interface AuditVerdict {
  ok: boolean;
  events: number;
  head?: string | null;
  broken_at?: number | null;
}

export interface ReviewQueue {
  endpoint: string;
  pending: number;
  complete: number;
  declined: number;
  oldest: string | null;
}

/** A prediction that waits for a person, or waited. */
export interface Review {
  prediction: string;
  endpoint: string;
  status: 'pending' | 'complete' | 'declined';
  reasons: string[];
  taken_by: string | null;
  taken_at: string | null;
  verdict: number | boolean | string | null;
  comment: string | null;
  completed_by: string | null;
  completed_at: string | null;
  created_at: string;
  /** Where one is asked for; null where the record is gone. */
  record?: { at: string; model: string; version: number; inputs: Record<string, unknown>; outputs: Record<string, unknown>; flags: string[] } | null;
}
