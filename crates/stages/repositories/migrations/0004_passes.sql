-- When the last pass of garbage collection ended, or the wait for the first one began (microseconds), so that the next one
-- is due in time after a restart as well. One row, of the first workspace, as the store is one.
CREATE TABLE garbage_pass (
  workspace_id BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id)
);
