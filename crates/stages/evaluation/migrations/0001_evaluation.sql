-- One judgement of one model version on one data artifact. Never changes. `body` is the evaluation as JSON.
CREATE TABLE evaluation (
    workspace_id BIGINT NOT NULL,
    uid TEXT NOT NULL,
    gate TEXT,
    model TEXT NOT NULL,
    number BIGINT NOT NULL,
    model_version TEXT NOT NULL,
    data_digest TEXT NOT NULL,
    champion TEXT,
    verdict TEXT NOT NULL,
    report_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX evaluation_model_version ON evaluation (workspace_id, model_version, created_at);
