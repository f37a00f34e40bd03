-- Projects as they were applied, retraining policies, and every retraining with the steps that it took.

CREATE TABLE project (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- The project file.
  body TEXT NOT NULL,
  -- Where it stood on the client's machine.
  dir TEXT NOT NULL,
  -- CodeSnapshot as JSON.
  code TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  applied_by TEXT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

-- One declared thing, such as a pipeline. A name belongs to one project.
CREATE TABLE declaration (
  workspace_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  project TEXT NOT NULL,
  -- Everything that its behaviour depends on, as JSON; files by digest.
  spec TEXT NOT NULL,
  PRIMARY KEY (workspace_id, kind, name)
);

CREATE TABLE retrain_policy (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- The monitor whose alarm starts it.
  monitor TEXT NOT NULL,
  -- Policy as JSON.
  spec TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

-- Alarms that stand: operational, known again from the events.
CREATE TABLE retrain_alarm (
  workspace_id BIGINT NOT NULL,
  policy TEXT NOT NULL,
  monitor_window TEXT NOT NULL,
  label_since BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, policy)
);

CREATE TABLE retraining (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  policy TEXT NOT NULL,
  -- Trigger and Recipe as JSON, as they were when it was triggered.
  cause TEXT NOT NULL,
  -- drift, apply, manual
  cause_kind TEXT NOT NULL,
  -- The event that triggered it: the same one never triggers twice.
  cause_position BIGINT,
  recipe TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  -- Predictions from this moment on are counted for their labels.
  label_since BIGINT,
  label_deadline BIGINT,
  dataset_version TEXT,
  pipeline_run TEXT,
  model_version TEXT,
  evaluation TEXT,
  -- The version that the alias pointed to before.
  alias_from BIGINT,
  endpoint_revision TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  ended_at BIGINT,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, policy, cause_position)
);
CREATE INDEX retraining_by_policy ON retraining (workspace_id, policy, id);
CREATE INDEX retraining_by_state ON retraining (workspace_id, state, id);

CREATE TABLE retraining_step (
  workspace_id BIGINT NOT NULL,
  retraining TEXT NOT NULL,
  place BIGINT NOT NULL,
  state TEXT NOT NULL,
  at BIGINT NOT NULL,
  detail TEXT,
  PRIMARY KEY (workspace_id, retraining, place)
);
