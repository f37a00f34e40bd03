-- Rows of a dataset version whose label looks wrong, and what people say of them.
CREATE TABLE review_label (
    workspace_id BIGINT NOT NULL,
    version      TEXT NOT NULL,
    -- From 1, over all files of the version.
    row_number   BIGINT NOT NULL,
    row_id       TEXT NOT NULL,
    label_column TEXT NOT NULL,
    given        TEXT NOT NULL,
    likely       TEXT NOT NULL,
    -- 0-1: how much speaks for the given label.
    quality      DOUBLE PRECISION NOT NULL,
    -- JSON: the whole row, for who judges it.
    row_values   TEXT NOT NULL,
    -- pending, complete or declined
    status       TEXT NOT NULL,
    -- The right label, once somebody said it.
    verdict      TEXT,
    comment      TEXT,
    completed_by TEXT,
    completed_at BIGINT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, version, row_number)
);
