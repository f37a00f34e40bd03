-- Commits of data that start retrainings.

-- What a policy has heard of and not answered: commits settle first. Operational, known again from the events.
CREATE TABLE retrain_commit (
  workspace_id BIGINT NOT NULL,
  policy TEXT NOT NULL,
  -- Repository, branch and prefix as the policy had them; what was heard for others counts no more.
  source TEXT NOT NULL,
  -- The newest one, and the position of its event.
  commit_id TEXT NOT NULL,
  position BIGINT NOT NULL,
  commits BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, policy)
);
