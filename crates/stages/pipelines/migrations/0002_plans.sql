-- Runs of plans: trees of tasks. Rows from before have no plan; the engine gives them one when it meets them.

-- What runs, as JSON; runs and versions name it by its digest.
CREATE TABLE pipeline_plan (
  workspace_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  plan TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, digest)
);

ALTER TABLE pipeline_run ADD COLUMN name TEXT;
ALTER TABLE pipeline_run ADD COLUMN plan_digest TEXT;
ALTER TABLE pipeline_run ADD COLUMN pipeline_root TEXT;
-- The submitter's own JSON.
ALTER TABLE pipeline_run ADD COLUMN labels TEXT NOT NULL DEFAULT 'null';
ALTER TABLE pipeline_run ADD COLUMN schedule_uid TEXT;
ALTER TABLE pipeline_run ADD COLUMN scheduled_at BIGINT;
ALTER TABLE pipeline_run ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX pipeline_run_by_schedule ON pipeline_run (workspace_id, schedule_uid, state);
CREATE INDEX pipeline_run_by_state ON pipeline_run (state);

-- The root graph of a run is a row with the run's uid, without parent, and with an empty name.
-- work, graph, loop, import, approval
ALTER TABLE step_run ADD COLUMN shape TEXT NOT NULL DEFAULT 'work';
-- uid of the row that holds it.
ALTER TABLE step_run ADD COLUMN parent TEXT;
-- Its name in the graph of its parent.
ALTER TABLE step_run ADD COLUMN task TEXT;
-- Of the plan; NULL for the root.
ALTER TABLE step_run ADD COLUMN component TEXT;
ALTER TABLE step_run ADD COLUMN display_name TEXT;
ALTER TABLE step_run ADD COLUMN created_at BIGINT;
ALTER TABLE step_run ADD COLUMN iteration BIGINT;
-- JSON: data by port.
ALTER TABLE step_run ADD COLUMN inputs TEXT;
ALTER TABLE step_run ADD COLUMN outputs TEXT;
-- Of a graph or loop that has been expanded: how many it holds, and how many of them have not ended.
ALTER TABLE step_run ADD COLUMN children BIGINT;
ALTER TABLE step_run ADD COLUMN children_left BIGINT;
ALTER TABLE step_run ADD COLUMN children_failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE step_run ADD COLUMN children_cancelled BIGINT NOT NULL DEFAULT 0;
-- Of a loop with a limit: the iteration that starts next.
ALTER TABLE step_run ADD COLUMN next_iteration BIGINT;
-- A failed attempt is followed by another then.
ALTER TABLE step_run ADD COLUMN due_at BIGINT;
-- Attempts before the run was retried; they do not count against the retries.
ALTER TABLE step_run ADD COLUMN attempts_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE step_run ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE step_run ADD COLUMN pool TEXT;
CREATE INDEX step_run_by_parent ON step_run (workspace_id, parent, task);
CREATE INDEX step_run_by_iteration ON step_run (workspace_id, parent, iteration);
-- In the order in which ready tasks start.
CREATE INDEX step_run_in_line ON step_run (state, priority DESC, id);
CREATE INDEX step_run_due ON step_run (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE pipeline_schedule (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  -- NewSchedule as JSON, without `enabled`.
  what TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  max_concurrency BIGINT NOT NULL,
  next_at BIGINT,
  last_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX pipeline_schedule_due ON pipeline_schedule (next_at);

-- Pipelines that were published rather than declared, and their versions.
CREATE TABLE published_pipeline (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- The publisher's own JSON.
  labels TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, name)
);

CREATE TABLE pipeline_version (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  pipeline_uid TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- What the plan was written in, as a blob.
  source TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, pipeline_uid, name)
);
