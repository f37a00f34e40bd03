// Pipelines, their runs, tasks and schedules, as the native API gives them.
import type { Json } from './api_types';

export interface StepSpec {
  name: string;
  needs: string[];
  run?: string;
  environment?: string | null;
  outputs?: string[];
  timeout?: string | null;
  retries?: number;
}

export interface Pipeline {
  name: string;
  /** false if only its runs or published versions are known */
  declared?: boolean;
  versions?: number;
  dataset?: string | null;
  params: Record<string, Json>;
  steps: StepSpec[];
  /** the newest one, where it was written in something else than `mlwright.yaml` */
  plan?: Plan | null;
  latest?: PipelineRunSummary | null;
}

export interface PipelineRunSummary {
  id: string;
  name?: string;
  pipeline: string;
  state: string;
  created_at: string;
  started_at?: string | null;
  ended_at?: string | null;
  trigger?: Json;
  message?: string | null;
  labels?: Json;
  archived?: boolean;
  replay_of?: string | null;
  retry_of?: string | null;
  /** the tasks of the root graph, where they were asked for */
  steps?: StepBrief[];
}

export interface StepBrief {
  id: string;
  name?: string;
  task?: string;
  state: string;
  attempt: number;
  cached: boolean;
  shape?: Shape;
  parent?: string | null;
  needs?: string[];
  started_at?: string | null;
  ended_at?: string | null;
}

export type Shape = 'work' | 'graph' | 'loop' | 'iteration' | 'import' | 'approval';

/** Something that flows between tasks. */
export type Datum = { value: Json } | { artifact: PlanArtifact } | { artifacts: PlanArtifact[] };

export interface PlanArtifact {
  name: string;
  /** such as `system.Model` */
  schema: string;
  uri: string;
  metadata?: Record<string, Json>;
  /** of the content, if the house keeps it */
  digest?: string | null;
  bytes?: number;
  is_dir?: boolean;
}

export interface StepFile {
  name: string;
  digest: string;
  bytes?: number;
  is_dir?: boolean;
}

export interface Attempt {
  attempt: number;
  state: string;
  started_at: string | null;
  ended_at: string | null;
  exit_code?: number | null;
  message?: string | null;
}

/** One task of a run, or a graph, loop or iteration that holds others. */
export interface StepRun {
  id: string;
  /** unique in the run: the way to it, such as `each-fold/3/train` */
  name: string;
  /** in its graph */
  task?: string;
  display_name?: string | null;
  shape?: Shape;
  /** id of what holds it; absent at the top */
  parent?: string | null;
  iteration?: number | null;
  needs: string[];
  state: string;
  attempt: number;
  cached: boolean;
  created_at?: string | null;
  /** since when nothing but room was missing */
  ready_at?: string | null;
  started_at?: string | null;
  ended_at?: string | null;
  /** the next attempt starts then */
  due_at?: string | null;
  exit_code?: number | null;
  message?: string | null;
  question?: string | null;
  inputs?: Record<string, Datum>;
  /** a list for the files of a declared step, by port otherwise */
  outputs?: StepFile[] | Record<string, Datum>;
  results?: Record<string, Datum>;
  attempts?: Attempt[];
  /** what it holds, by state, with `total` */
  children?: Record<string, number> | null;
  pool?: string | null;
  cache_key?: string | null;
  environment?: string | null;
  run_id?: string | null;
}

export interface PipelineRun extends Omit<PipelineRunSummary, 'steps'> {
  params: Record<string, Json>;
  inputs?: Record<string, Json>;
  outputs?: Record<string, Datum> | null;
  dataset_version?: { uid: string; dataset: string; number: number; digest?: string } | null;
  code?: { digest: string; git_commit?: string | null; git_diff_digest?: string | null } | null;
  schedule?: { id: string; name: string } | string | null;
  scheduled_at?: string | null;
  created_by?: string | null;
  /** works by state */
  counts?: Record<string, number>;
  steps: StepRun[];
  /** `steps` holds only the tasks of the root graph; the others are read where they are looked at */
  truncated?: boolean;
}

export interface LogChunk {
  text: string;
  /** where it begins, in bytes of the log */
  offset?: number;
  next_offset: number;
  eof: boolean;
}

export interface Schedule {
  id: string;
  name: string;
  pipeline?: string | null;
  cron?: string | null;
  interval_seconds?: number | null;
  on?: string | null;
  subject?: string | null;
  time_zone?: string | null;
  enabled: boolean;
  catch_up?: boolean;
  max_concurrency?: number;
  next_at?: string | null;
  upcoming?: string[];
  last_run?: { id: string; state: string; created_at: string } | string | null;
  inputs?: Record<string, Json>;
  created_by?: string | null;
}

/** Moments of a backfill by what became of them. */
export interface BackfillProgress {
  total: number;
  waiting: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  skipped: number;
}

export interface BackfillMoment {
  moment: string;
  until: string | null;
  /** waiting, skipped, cancelled, or the state of its run */
  state: string;
  run: string | null;
  message: string | null;
}

export interface Backfill {
  id: string;
  name: string;
  pipeline: string;
  schedule?: string | null;
  cron?: string | null;
  interval_seconds?: number | null;
  time_zone?: string | null;
  from: string;
  to: string;
  max_active: number;
  rerun: 'none' | 'failed' | 'completed';
  backwards: boolean;
  moment_input?: string | null;
  state: 'running' | 'paused' | 'finished' | 'cancelled';
  progress: BackfillProgress;
  message?: string | null;
  created_at: string;
  ended_at?: string | null;
  created_by?: string | null;
  moments?: BackfillMoment[];
}

/** The parts of a plan that pages read. */
export interface Plan {
  name: string;
  root: PlanGraph;
  components?: Record<string, { graph?: PlanGraph; work?: Json; import?: Json; approval?: Json }>;
}

export interface PlanGraph {
  inputs?: Record<string, PlanPort>;
  tasks: PlanTask[];
}

export interface PlanPort {
  of: string | { artifact: { schema: string; list: boolean } };
  optional?: boolean;
  default?: Json;
  allowed?: Json[];
}

export interface PlanTask {
  name: string;
  display_name?: string;
  component: string;
  needs?: string[];
  when?: string;
  each?: Json;
}
