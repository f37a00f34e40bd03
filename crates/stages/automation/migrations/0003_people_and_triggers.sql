-- People and freezes between gate and swap; triggers that are no alarm.

ALTER TABLE retraining ADD COLUMN approval_deadline BIGINT;
-- Decision as JSON.
ALTER TABLE retraining ADD COLUMN decision TEXT;

-- Up to where a policy's triggers were answered: the next moment of a schedule, labels counted, the number of a window.
CREATE TABLE retrain_mark (
  workspace_id BIGINT NOT NULL,
  policy TEXT NOT NULL,
  kind TEXT NOT NULL,
  mark BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, policy, kind)
);
