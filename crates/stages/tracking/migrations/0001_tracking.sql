-- Experiments, runs and what they log.
-- Rows have integer ids inside; runs are known outside by `uid`, experiments by `number` (0 is "Default", for ever).

CREATE TABLE experiment (
  id @id@,
  workspace_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- Where clients keep artifacts themselves; null means the server's own store.
  artifact_location TEXT,
  deleted BOOLEAN NOT NULL,
  -- Null for "Default", which nobody created.
  created_at BIGINT,
  updated_at BIGINT,
  UNIQUE (workspace_id, number),
  UNIQUE (workspace_id, name)
);
INSERT INTO experiment (workspace_id, number, name, deleted) VALUES (1, 0, 'Default', FALSE);

CREATE TABLE experiment_counter (
  workspace_id BIGINT NOT NULL,
  last_number BIGINT NOT NULL,
  PRIMARY KEY (workspace_id)
);

CREATE TABLE experiment_tag (
  workspace_id BIGINT NOT NULL,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, experiment_id, name)
);

CREATE TABLE run (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- running, scheduled, finished, failed, killed
  status TEXT NOT NULL,
  owner TEXT NOT NULL,
  deleted BOOLEAN NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  artifact_location TEXT,
  UNIQUE (workspace_id, uid)
);
-- The newest of all experiments.
CREATE INDEX run_by_time ON run (workspace_id, deleted, started_at DESC, uid);
CREATE INDEX run_by_start ON run (workspace_id, experiment_id, deleted, started_at DESC, uid);

-- Names of parameters, metrics and tags, once each.
CREATE TABLE attribute_key (
  id @id@,
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (workspace_id, name)
);

CREATE TABLE run_param (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  -- What searches and protocols of texts see; json is the value itself, null if that is this text.
  value TEXT NOT NULL,
  json TEXT,
  PRIMARY KEY (workspace_id, run_id, key_id)
);
-- The head of the value only: values reach thousands of characters, index entries must not.
CREATE INDEX run_param_value ON run_param (workspace_id, key_id, substr(value, 1, 128), run_id);

CREATE TABLE run_tag (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, run_id, key_id)
);
CREATE INDEX run_tag_value ON run_tag (workspace_id, key_id, substr(value, 1, 128), run_id);

-- One row a run and metric: the latest point by (step, time, value), the extremes, and how many points there are.
-- A NaN is stored as 0 with is_nan; extremes leave it out. Times of points are milliseconds, as clients say them.
CREATE TABLE run_metric (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  experiment_id BIGINT NOT NULL,
  last_value DOUBLE PRECISION NOT NULL,
  is_nan BOOLEAN NOT NULL,
  last_step BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  min_value DOUBLE PRECISION,
  max_value DOUBLE PRECISION,
  points BIGINT NOT NULL,
  -- How many of the points are in chunks, in how many, and the greatest (step, time) in them.
  sealed BIGINT NOT NULL,
  chunks BIGINT NOT NULL,
  sealed_step BIGINT,
  sealed_at BIGINT,
  PRIMARY KEY (workspace_id, run_id, key_id)
) @keyed@;
-- Filtering and ordering by a metric walk this; NaN, whose last_value says nothing, is a range of its own.
CREATE INDEX run_metric_value ON run_metric (workspace_id, experiment_id, key_id, is_nan, last_value, run_id);

-- Points that are in no chunk yet. The key is the whole row: logging the same point twice stores it once.
CREATE TABLE metric_tail (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  is_nan BOOLEAN NOT NULL,
  PRIMARY KEY (workspace_id, run_id, key_id, step, at, value, is_nan)
) @keyed@;

-- What is known of a chunk of points without reading it. `seq` counts from 0 in each series; ranges may overlap
-- where points came out of order. `buckets` are a few of its points for each 64.
CREATE TABLE metric_chunk (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  points BIGINT NOT NULL,
  step0 BIGINT NOT NULL,
  step1 BIGINT NOT NULL,
  at0 BIGINT NOT NULL,
  at1 BIGINT NOT NULL,
  min_value DOUBLE PRECISION,
  max_value DOUBLE PRECISION,
  data_id BIGINT NOT NULL,
  buckets BYTEA NOT NULL,
  PRIMARY KEY (workspace_id, run_id, key_id, seq)
) @keyed@;
CREATE TABLE metric_chunk_data (
  id @id@,
  workspace_id BIGINT NOT NULL,
  data BYTEA NOT NULL
);

-- Data that a client says a run read. Versions kept by mlwright are edges of the graph instead.
CREATE TABLE run_dataset (
  id @id@,
  workspace_id BIGINT NOT NULL,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema_text TEXT,
  profile TEXT,
  UNIQUE (workspace_id, experiment_id, name, digest)
);
CREATE TABLE run_input (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  dataset_id BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, run_id, dataset_id)
);
CREATE TABLE run_input_tag (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  dataset_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, run_id, dataset_id, name)
);

-- Models as a run logged them, before anybody registers them.
CREATE TABLE logged_model (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  experiment_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  model_type TEXT NOT NULL,
  -- unspecified, pending, ready, failed
  status TEXT NOT NULL,
  source_run TEXT,
  artifact_location TEXT,
  deleted BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX logged_model_by_time ON logged_model (workspace_id, experiment_id, deleted, created_at DESC);
CREATE TABLE logged_model_param (
  workspace_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, model_id, name)
);
CREATE TABLE logged_model_tag (
  workspace_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, model_id, name)
);
CREATE TABLE logged_model_metric (
  workspace_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  run TEXT NOT NULL,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  is_nan BOOLEAN NOT NULL,
  dataset_name TEXT NOT NULL,
  dataset_digest TEXT NOT NULL,
  PRIMARY KEY (workspace_id, model_id, name, run, step, at, value, is_nan, dataset_name, dataset_digest)
);
-- role: input or output
CREATE TABLE run_model (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  role TEXT NOT NULL,
  model TEXT NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, run_id, role, model, step)
);

-- Files of runs and models by path. The bytes are blobs named by digest; a folder is a row without one.
-- `folder` is '' at the top and has no slash at either end.
CREATE TABLE artifact (
  workspace_id BIGINT NOT NULL,
  folder TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT,
  bytes BIGINT,
  stored_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, folder, name)
);

-- Ways of looking at runs that people gave a name: the part of the page's address after `?`.
CREATE TABLE run_view (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  saved_by TEXT NOT NULL,
  saved_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
