-- Declared pipelines, their runs, and the steps of each run.

CREATE TABLE pipeline (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- PipelineSpec as JSON.
  spec TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

CREATE TABLE pipeline_run (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  -- As it was when the run was submitted.
  spec TEXT NOT NULL,
  -- queued, running, succeeded, failed, cancelled
  state TEXT NOT NULL,
  params TEXT NOT NULL,
  dataset_version TEXT,
  -- CodeSnapshot as JSON.
  code TEXT NOT NULL,
  cause TEXT NOT NULL,
  use_cache BOOLEAN NOT NULL,
  cancel_requested BOOLEAN NOT NULL,
  replay_of TEXT,
  message TEXT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX pipeline_run_by_pipeline ON pipeline_run (workspace_id, pipeline, id);

CREATE TABLE step_run (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  run_uid TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Place in the order of execution, from 0.
  place BIGINT NOT NULL,
  -- JSON list of step names.
  needs TEXT NOT NULL,
  -- How many of these have not succeeded yet; the transaction that completes one counts down.
  needs_left BIGINT NOT NULL,
  -- waiting, ready, running, succeeded, failed, cancelled, skipped
  state TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  -- The server whose disk holds the running attempt.
  owner TEXT,
  cached BOOLEAN NOT NULL,
  cache_key TEXT,
  environment TEXT,
  started_at BIGINT,
  ended_at BIGINT,
  exit_code BIGINT,
  signal BIGINT,
  message TEXT,
  tracking_run TEXT,
  log_digest TEXT,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, run_uid, name)
);
-- The scheduler asks for ready and running steps of all workspaces.
CREATE INDEX step_run_by_state ON step_run (state);

CREATE TABLE step_output (
  workspace_id BIGINT NOT NULL,
  step_uid TEXT NOT NULL,
  place BIGINT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  is_dir BOOLEAN NOT NULL,
  PRIMARY KEY (workspace_id, step_uid, name)
);

-- Which step last produced what a key stands for.
CREATE TABLE step_cache (
  workspace_id BIGINT NOT NULL,
  cache_key TEXT NOT NULL,
  step_uid TEXT NOT NULL,
  PRIMARY KEY (workspace_id, cache_key)
);

CREATE TABLE replay (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  run_uid TEXT NOT NULL,
  replay_run TEXT NOT NULL,
  -- running, finished, failed
  state TEXT NOT NULL,
  -- bit_identical, metric_equal, diverged
  verdict TEXT,
  -- Difference as JSON.
  first_difference TEXT,
  message TEXT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, replay_run)
);
