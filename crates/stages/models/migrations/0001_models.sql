-- Registered models, their versions and aliases.

CREATE TABLE registered_model (
  id @id@,
  workspace_id BIGINT NOT NULL,
  -- A deleted model's name gets a suffix that no living name can have, so that the name is free again.
  name TEXT NOT NULL,
  description TEXT,
  deleted BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (workspace_id, name)
);
CREATE TABLE registered_model_tag (
  workspace_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, model_id, name)
);

CREATE TABLE model_version (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  model_id BIGINT NOT NULL,
  -- Counts from 1 in each model; a deleted version keeps its number.
  number BIGINT NOT NULL,
  -- Where the files come from, as the client says.
  source TEXT NOT NULL,
  -- Where clients load them from.
  location TEXT NOT NULL,
  run TEXT,
  run_link TEXT,
  logged_model TEXT,
  description TEXT,
  stage TEXT NOT NULL,
  -- Of the manifest; null when the files are not in the server's own store.
  digest TEXT,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted BOOLEAN NOT NULL,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, model_id, number)
);
CREATE INDEX model_version_run ON model_version (workspace_id, run);
CREATE TABLE model_version_tag (
  workspace_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, version_id, name)
);

-- The manifest: which bytes a version is made of. Written once.
CREATE TABLE model_file (
  workspace_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, version_id, path)
);

CREATE TABLE model_alias (
  workspace_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  alias TEXT NOT NULL,
  version_id BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, model_id, alias)
);
