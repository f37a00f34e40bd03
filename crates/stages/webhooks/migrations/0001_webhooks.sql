-- Who wants to hear of what, and what still has to be told.
CREATE TABLE webhook (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  url TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  -- What deliveries are signed with, sealed by the vault as `webhook:<uid>`.
  secret BYTEA,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (workspace_id, uid)
);

CREATE TABLE webhook_topic (
  workspace_id BIGINT NOT NULL,
  webhook_id BIGINT NOT NULL REFERENCES webhook (id),
  topic TEXT NOT NULL,
  PRIMARY KEY (workspace_id, webhook_id, topic)
);

-- One row a webhook and event, from when the event was read until it was told or given up.
CREATE TABLE webhook_delivery (
  id @id@,
  workspace_id BIGINT NOT NULL,
  webhook_id BIGINT NOT NULL,
  -- The event's position.
  position BIGINT NOT NULL,
  topic TEXT NOT NULL,
  -- One event can say several things.
  ordinal BIGINT NOT NULL,
  -- Goes with every attempt, so that a receiver can tell that it heard this before.
  uid TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  UNIQUE (workspace_id, webhook_id, position, ordinal)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (workspace_id, due_at, id);
