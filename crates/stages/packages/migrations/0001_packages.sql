-- What was found out about a model version before it may serve: whether another runtime agrees with its Python
-- original (`parity`), whether its package starts and answers in a process of its own (`infrastructure`).
CREATE TABLE model_verdict (
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  version TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- The runtime that was judged: native, onnx or python.
  engine TEXT NOT NULL,
  passed BOOLEAN NOT NULL,
  -- JSON: what was compared or measured.
  detail TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX model_verdict_version ON model_verdict (workspace_id, version, kind, created_at);

-- The keys that packages are signed with; the newest signs. The private half is sealed by the vault.
CREATE TABLE package_key (
  workspace_id BIGINT NOT NULL,
  public_key TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, public_key)
);
