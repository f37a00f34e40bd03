-- Repositories of objects: refs, commits, and what is staged on branches. Objects and the trees of commits are blobs.
-- Paths are bytes, so that their order is that of the trees. Commits are named by 64 hexadecimal digits.

CREATE TABLE repository (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  name TEXT NOT NULL,
  storage_namespace TEXT NOT NULL,
  default_branch TEXT NOT NULL,
  read_only BOOLEAN NOT NULL,
  -- JSON object of text to text
  metadata TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, name),
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, storage_namespace)
);

CREATE TABLE branch (
  id @id@,
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  hidden BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (workspace_id, repository_id, name)
);

CREATE TABLE tag (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, repository_id, name)
);

CREATE TABLE repository_commit (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  -- JSON array of commit ids
  parents TEXT NOT NULL,
  committer TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  metadata TEXT NOT NULL,
  root TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, repository_id, id)
);
CREATE INDEX repository_commit_by_root ON repository_commit (workspace_id, repository_id, root);

-- A layer of staged changes of a branch. state: 0 open (writes go to it), 1 sealed (a commit takes it along),
-- 2 dropped (part of a commit, or reset). A branch has one open layer; later layers have higher ids. The entries of a
-- dropped layer are kept for a while, for readers that began before.
CREATE TABLE staging (
  id @id@,
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  branch_id BIGINT NOT NULL,
  state BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX staging_by_branch ON staging (workspace_id, branch_id, state, id);
CREATE INDEX staging_by_state ON staging (workspace_id, state, changed_at);

-- No object: the path is deleted.
CREATE TABLE staged_entry (
  workspace_id BIGINT NOT NULL,
  staging_id BIGINT NOT NULL,
  path BYTEA NOT NULL,
  object BYTEA,
  PRIMARY KEY (workspace_id, staging_id, path)
)@keyed@;

CREATE TABLE upload (
  workspace_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  branch TEXT NOT NULL,
  path TEXT NOT NULL,
  content_type TEXT,
  metadata TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX upload_by_repository ON upload (workspace_id, repository_id, branch, path, id);

CREATE TABLE upload_part (
  workspace_id BIGINT NOT NULL,
  upload_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  digest TEXT NOT NULL,
  size BIGINT NOT NULL,
  etag TEXT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, upload_id, number)
);

CREATE TABLE branch_protection (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  pattern TEXT NOT NULL,
  staging BOOLEAN NOT NULL,
  commits BOOLEAN NOT NULL,
  PRIMARY KEY (workspace_id, repository_id, pattern)
);

CREATE TABLE retention (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  default_days BIGINT NOT NULL,
  -- JSON object of branch to days
  branches TEXT NOT NULL,
  PRIMARY KEY (workspace_id, repository_id)
);

-- state: running, done, failed, cancelled
CREATE TABLE repository_import (
  workspace_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  branch TEXT NOT NULL,
  state TEXT NOT NULL,
  ingested BIGINT NOT NULL,
  error TEXT,
  commit_id TEXT,
  started_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

-- A tree that gates look at before a commit or merge has it; readable as `candidate:<id>`.
CREATE TABLE candidate (
  workspace_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  commit_id TEXT NOT NULL,
  root TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

-- A run of the gates or actions of one event. state: running, completed, failed. `hooks` is a JSON array.
CREATE TABLE action_run (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  branch TEXT NOT NULL,
  source TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  hooks TEXT NOT NULL,
  PRIMARY KEY (workspace_id, repository_id, id)
);

-- A place that was promised for the bytes of one object. `received` is JSON of what was brought.
CREATE TABLE link (
  workspace_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  branch TEXT NOT NULL,
  path TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  received TEXT,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX link_by_expiry ON link (workspace_id, expires_at);

-- status: open, closed, merged
CREATE TABLE pull (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  author TEXT NOT NULL,
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  closed_at BIGINT,
  merged_commit TEXT,
  PRIMARY KEY (workspace_id, repository_id, id)
);
