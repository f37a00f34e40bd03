-- Ready tasks start by priority, then by the age of their run, then in the order in which they came to be. Servers ask each
-- other for logs.

-- `id` of the run: the older, the smaller.
ALTER TABLE step_run ADD COLUMN run_id BIGINT NOT NULL DEFAULT 0;
UPDATE step_run SET run_id = COALESCE((SELECT r.id FROM pipeline_run r
  WHERE r.workspace_id = step_run.workspace_id AND r.uid = step_run.run_uid), 0);

-- A change of state touched two indexes of every row; now the rows that wait or have ended are in none.
DROP INDEX step_run_in_line;
DROP INDEX step_run_by_state;
CREATE INDEX step_run_in_line ON step_run (priority DESC, run_id, id) WHERE state = 'ready';
CREATE INDEX step_run_running ON step_run (owner, id) WHERE state = 'running';

-- Where the other servers find this one: `url` may lead to any of them.
ALTER TABLE server ADD COLUMN address TEXT;

-- How long a run may take from its beginning, in milliseconds; the moment at which it is ended; whether that came.
ALTER TABLE pipeline_run ADD COLUMN deadline_ms BIGINT;
ALTER TABLE pipeline_run ADD COLUMN deadline_at BIGINT;
ALTER TABLE pipeline_run ADD COLUMN overdue BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX pipeline_run_deadline ON pipeline_run (deadline_at) WHERE deadline_at IS NOT NULL;

-- Schedules that wait for an event: its kind, and the position up to which they have heard.
ALTER TABLE pipeline_schedule ADD COLUMN on_kind TEXT;
ALTER TABLE pipeline_schedule ADD COLUMN heard BIGINT;
CREATE INDEX pipeline_schedule_listening ON pipeline_schedule (id) WHERE on_kind IS NOT NULL;
