// Endpoints, their variants, traffic and rollouts, as the native API gives them.

export interface Variant {
  name: string;
  labels?: string[];
  /** Gets copies of requests, answers nobody. */
  shadow?: boolean;
  model: string;
  version: number;
  weight: number;
  digest?: string | null;
  requests?: number;
  /** What runs it now: native, onnx or python. */
  runtime?: string;
  /** In memory; else the next request loads it. */
  awake?: boolean;
  memory_bytes?: number;
  /** Several versions that answer as one; `model` and `version` are the main one's then. */
  graph?: GraphStep[] | null;
}

export interface GraphMember {
  model: string;
  version: number;
  weight?: number;
}

/** One version, or several that are combined. */
export type GraphStep = GraphMember | { combine: 'mean' | 'weighted' | 'vote'; members: GraphMember[] };

export interface Revision {
  uid: string;
  number: number;
  created_at: string;
  created_by?: string;
  variants: Variant[];
}

export interface Traffic {
  requests: number;
  errors: number;
  rps: number;
  p50_ms: number | null;
  p99_ms: number | null;
  /** [at_ms, requests per second, p50 ms, p99 ms, errors] */
  series: [number, number, number | null, number | null, number][];
}

export interface Endpoint {
  name: string;
  revision: number | null;
  variants: Variant[];
  traffic: Traffic;
}

export interface EndpointDetail extends Endpoint {
  revisions: Revision[];
  by_variant?: { variant: string; traffic: Traffic }[];
  rollout?: Rollout | null;
  settings?: { features?: Features };
}

/** Inputs that are looked up by a key that callers send instead. */
export interface Features {
  key: string;
  dataset: string;
  version: number;
  /** All that the data set has, if there are none. */
  columns?: string[];
  missing: 'error' | 'null' | 'default';
  defaults?: Record<string, string | number | boolean>;
}

export interface Rollout {
  id: string;
  endpoint: string;
  candidate: string;
  stable: string[];
  state: 'running' | 'paused' | 'promoted' | 'rolled_back' | 'aborted';
  reason: string | null;
  /** Of the traffic, 0 to 1. */
  share: number;
  steps: number[];
  step: number;
  bake_seconds: number;
  guards: { least_requests: number; error_margin: number; latency_factor: number; latency_slack_ms: number; patience_seconds: number; without_traffic: 'pause' | 'roll_back' };
  timeline: { at: string; what: string; share: number; by: string }[];
}

/** How the labels of a dataset version stand that looked wrong. */
export interface LabelReview {
  dataset: string;
  number: number;
  version: string;
  column: string;
  pending: number;
  /** Judged, the corrected ones among them. */
  complete: number;
  corrected: number;
  declined: number;
  since: string;
}

/** A row whose label looks wrong. */
export interface LabelItem {
  row: number;
  row_id: string;
  column: string;
  given: string;
  likely: string;
  /** How much speaks for the given label, 0 to 1. */
  quality: number;
  values: Record<string, unknown>;
  status: 'pending' | 'complete' | 'declined';
  verdict: string | null;
  comment: string | null;
  completed_by: string | null;
  completed_at: string | null;
}

export interface LabelPage {
  dataset: string;
  number: number;
  review: LabelReview | null;
  /** What the dataset's own verification says of labels. */
  plan: { label: string; probabilities: string[]; activations: string[]; ignore: string[] } | null;
  items: LabelItem[];
  more: boolean;
}
