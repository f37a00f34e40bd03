-- What garbage collection found in earlier passes.

-- Commits that retention no longer keeps, and since when. Once that is a while ago they are released: their objects may
-- be removed, and no ref can be made to them.
CREATE TABLE commit_expiry (
  workspace_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  commit_id TEXT NOT NULL,
  expired_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, repository_id, commit_id)
);

-- Blobs of the repositories' store that nothing needed. Removed in a later pass, if nothing needs them then. All rows
-- are of the first workspace, as the store is one.
CREATE TABLE condemned_blob (
  workspace_id BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  condemned_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, digest)
)@keyed@;
