-- The moment since which a schedule that waits for events listens: when it was enabled last; if NULL, when it was made.
ALTER TABLE pipeline_schedule ADD COLUMN listens_since BIGINT;
