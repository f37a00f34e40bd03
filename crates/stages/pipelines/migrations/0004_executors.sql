-- Clusters that tasks may run on, beside this machine.

CREATE TABLE pipeline_executor (
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- ExecutorSpec as JSON. Secrets stand in it by reference only.
  spec TEXT NOT NULL,
  -- Takes tasks that name no executor; one at most.
  is_default BOOLEAN NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
