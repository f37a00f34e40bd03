-- A project, or what belongs to one: a report, a data set, an artifact, a version of an artifact. `body` is JSON.
CREATE TABLE report_document (
    workspace_id   BIGINT NOT NULL,
    uid            TEXT NOT NULL,
    kind           TEXT NOT NULL,
    project        TEXT NOT NULL,
    -- What it belongs to inside the project: of a version, its artifact.
    parent         TEXT NOT NULL,
    name           TEXT NOT NULL,
    body           TEXT NOT NULL,
    -- The object that holds what is too big for a row.
    content_digest TEXT,
    -- When it happened, as its maker says; microseconds.
    happened_at    BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX report_document_project ON report_document (workspace_id, project, kind, happened_at, uid);
CREATE INDEX report_document_name ON report_document (workspace_id, kind, name);

-- One value of a report: what was measured, of what, and the value (none where it is no number).
CREATE TABLE report_point (
    workspace_id BIGINT NOT NULL,
    report       TEXT NOT NULL,
    place        BIGINT NOT NULL,
    project      TEXT NOT NULL,
    metric       TEXT NOT NULL,
    -- JSON, texts by name.
    params       TEXT NOT NULL,
    value        DOUBLE PRECISION,
    PRIMARY KEY (workspace_id, report, place)
);
CREATE INDEX report_point_project ON report_point (workspace_id, project, metric);
