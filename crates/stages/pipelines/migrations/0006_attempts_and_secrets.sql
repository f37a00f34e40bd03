-- Attempts of a task before the one that its row tells of.
CREATE TABLE step_attempt (
  workspace_id BIGINT NOT NULL,
  step_uid TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  state TEXT NOT NULL,
  server TEXT,
  started_at BIGINT,
  ended_at BIGINT,
  exit_code BIGINT,
  signal BIGINT,
  message TEXT,
  tracking_run TEXT,
  log_digest TEXT,
  PRIMARY KEY (workspace_id, step_uid, attempt)
);

-- What steps get by name, sealed by the vault.
CREATE TABLE pipeline_secret (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
