-- The row of the benchmark: what a small change of state looks like.
CREATE TABLE bench_row (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        DOUBLE PRECISION NOT NULL,
    at           BIGINT NOT NULL,
    UNIQUE (workspace_id, uid)
);
