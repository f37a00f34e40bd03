-- People who end a retraining.

-- Cancellation as JSON: who asked for it, when, why.
ALTER TABLE retraining ADD COLUMN cancel TEXT;
