-- Of a skipped one: how often in a row something stood against the same trigger.
ALTER TABLE retraining ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
