-- What graphs and loops that have been expanded still wait for. Apart from their rows, which are wide: every end of a
-- task counts here.
CREATE TABLE step_children (
  workspace_id BIGINT NOT NULL,
  step_uid TEXT NOT NULL,
  -- Those that have not ended.
  left_over BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  cancelled BIGINT NOT NULL,
  -- Of a loop: the iteration that starts next; NULL if all have started.
  next_iteration BIGINT,
  PRIMARY KEY (workspace_id, step_uid)
) @keyed@;
INSERT INTO step_children (workspace_id, step_uid, left_over, failed, cancelled, next_iteration)
SELECT workspace_id, uid, COALESCE(children_left, 0), children_failed, children_cancelled, next_iteration
FROM step_run WHERE children IS NOT NULL;
ALTER TABLE step_run DROP COLUMN children_left;
ALTER TABLE step_run DROP COLUMN children_failed;
ALTER TABLE step_run DROP COLUMN children_cancelled;
ALTER TABLE step_run DROP COLUMN next_iteration;
