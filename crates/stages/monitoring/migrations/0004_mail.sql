-- E-mails about monitors.

-- What a person is to be told of a monitor, from when the event was read until it was sent or given up.
CREATE TABLE monitor_mail (
  id @id@,
  workspace_id BIGINT NOT NULL,
  monitor TEXT NOT NULL,
  recipient TEXT NOT NULL,
  -- The event's position, kind, time and payload.
  position BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  payload TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  UNIQUE (workspace_id, monitor, recipient, position)
);
CREATE INDEX monitor_mail_due ON monitor_mail (due_at, id);

-- When a person was told last.
CREATE TABLE monitor_mailed (
  workspace_id BIGINT NOT NULL,
  monitor TEXT NOT NULL,
  recipient TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, monitor, recipient)
);
