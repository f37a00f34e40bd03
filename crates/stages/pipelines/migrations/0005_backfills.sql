-- Backfills: one run for each moment of a range.

CREATE TABLE pipeline_backfill (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  -- NewBackfill as JSON.
  what TEXT NOT NULL,
  -- running, paused, finished, cancelled
  state TEXT NOT NULL,
  message TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  ended_at BIGINT,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX pipeline_backfill_by_state ON pipeline_backfill (state);

CREATE TABLE backfill_moment (
  workspace_id BIGINT NOT NULL,
  backfill_uid TEXT NOT NULL,
  -- In the order in which they start, from 0.
  place BIGINT NOT NULL,
  moment BIGINT NOT NULL,
  -- The moment after it in the rhythm: the data of the run lie in between.
  until BIGINT,
  -- waiting, started, skipped, cancelled
  state TEXT NOT NULL,
  run_uid TEXT,
  -- Why it was skipped.
  message TEXT,
  PRIMARY KEY (workspace_id, backfill_uid, place)
);

ALTER TABLE pipeline_run ADD COLUMN backfill_uid TEXT;
-- The data that the run is about: from its moment up to this one.
ALTER TABLE pipeline_run ADD COLUMN interval_end BIGINT;
CREATE INDEX pipeline_run_by_backfill ON pipeline_run (workspace_id, backfill_uid, state);
CREATE INDEX pipeline_run_by_moment ON pipeline_run (workspace_id, pipeline, scheduled_at);
