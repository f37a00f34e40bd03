-- Watched rows of a window; null in older rows, where every row between its ordinals was watched.
ALTER TABLE monitor_window ADD COLUMN watched BIGINT;
