-- Servers that share the database, and the right to say how an attempt ended.

CREATE TABLE server (
  uid TEXT NOT NULL PRIMARY KEY,
  -- The machine and its boot: locks and process ids mean something below the same one only.
  host TEXT NOT NULL,
  data_dir TEXT NOT NULL,
  url TEXT NOT NULL,
  -- Of what its steps show to be let in, by whichever server.
  token_digest TEXT,
  started_at BIGINT NOT NULL,
  -- Counts up while the server lives; the others watch it by their own clocks.
  beat BIGINT NOT NULL,
  beat_at BIGINT NOT NULL,
  -- How long the counter may stand still before others take over what the server was doing.
  lease_ms BIGINT NOT NULL
);

-- Raised by every claim and every takeover: who holds an older one may not end the attempt.
ALTER TABLE step_run ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
-- The server whose disk holds the attempt, where that is not its owner.
ALTER TABLE step_run ADD COLUMN disk TEXT;
-- Attempts that were lost with their server; they do not count against the retries.
ALTER TABLE step_run ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;
