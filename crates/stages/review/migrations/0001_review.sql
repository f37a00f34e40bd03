-- A problem found in an experiment's traces. Lists are JSON.
CREATE TABLE issue (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    experiment   BIGINT NOT NULL,
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    status       TEXT NOT NULL,
    -- 0 not an issue, 1 low, 2 medium, 3 high.
    severity     BIGINT,
    root_causes  TEXT NOT NULL,
    categories   TEXT NOT NULL,
    source_run   TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    created_by   TEXT,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX issue_experiment ON issue (workspace_id, experiment, created_at, uid);

-- A question that reviewers answer for a trace. `input` is JSON: how the answer is given.
CREATE TABLE label_schema (
    workspace_id   BIGINT NOT NULL,
    uid            TEXT NOT NULL,
    experiment     BIGINT NOT NULL,
    name           TEXT NOT NULL,
    is_expectation BOOLEAN NOT NULL,
    instruction    TEXT,
    enable_comment BOOLEAN NOT NULL,
    input          TEXT NOT NULL,
    -- The question that every experiment has.
    is_default     BOOLEAN NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, experiment, name)
);

-- Traces to be judged by somebody. Names are unique without regard to case: `name_key` is lower case.
CREATE TABLE review_queue (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    experiment   BIGINT NOT NULL,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    -- Whether it is one user's own queue.
    is_user      BOOLEAN NOT NULL,
    owner        TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, experiment, name_key)
);

CREATE TABLE review_queue_user (
    workspace_id BIGINT NOT NULL,
    queue        TEXT NOT NULL,
    user_name    TEXT NOT NULL,
    PRIMARY KEY (workspace_id, queue, user_name)
);

CREATE TABLE review_queue_schema (
    workspace_id BIGINT NOT NULL,
    queue        TEXT NOT NULL,
    label_schema TEXT NOT NULL,
    PRIMARY KEY (workspace_id, queue, label_schema)
);

CREATE TABLE review_queue_item (
    workspace_id BIGINT NOT NULL,
    queue        TEXT NOT NULL,
    item         TEXT NOT NULL,
    status       TEXT NOT NULL,
    completed_by TEXT,
    completed_at BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, queue, item)
);
CREATE INDEX review_queue_item_item ON review_queue_item (workspace_id, item);
