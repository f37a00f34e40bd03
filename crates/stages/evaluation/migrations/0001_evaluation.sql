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

-- A set of inputs and expectations that applications are judged by. Schema (JSON) and digest follow its records.
CREATE TABLE evaluation_set (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    name         TEXT NOT NULL,
    schema       TEXT,
    digest       TEXT NOT NULL,
    -- NULL until the first record came.
    records      BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    created_by   TEXT,
    updated_by   TEXT,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX evaluation_set_created ON evaluation_set (workspace_id, created_at, uid);

CREATE TABLE evaluation_set_tag (
    workspace_id BIGINT NOT NULL,
    set_uid      TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT,
    PRIMARY KEY (workspace_id, set_uid, name)
);
CREATE INDEX evaluation_set_tag_value ON evaluation_set_tag (workspace_id, name, set_uid);

-- Experiments as protocols name them: one that is gone stays named.
CREATE TABLE evaluation_set_experiment (
    workspace_id BIGINT NOT NULL,
    set_uid      TEXT NOT NULL,
    experiment   TEXT NOT NULL,
    place        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, set_uid, experiment)
);
CREATE INDEX evaluation_set_experiment_set ON evaluation_set_experiment (workspace_id, experiment, set_uid);

-- JSON columns hold JSON. One set has one record for one input.
CREATE TABLE evaluation_record (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    set_uid      TEXT NOT NULL,
    input_digest TEXT NOT NULL,
    inputs       TEXT NOT NULL,
    outputs      TEXT,
    expectations TEXT,
    tags         TEXT,
    source       TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    created_by   TEXT,
    updated_by   TEXT,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, set_uid, input_digest)
);
CREATE INDEX evaluation_record_order ON evaluation_record (workspace_id, set_uid, created_at, uid);

-- Judges of traces. A version never changes; the next number is one more than the highest.
CREATE TABLE scorer (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    experiment   BIGINT NOT NULL,
    name         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, experiment, name)
);

CREATE TABLE scorer_version (
    workspace_id BIGINT NOT NULL,
    scorer       TEXT NOT NULL,
    number       BIGINT NOT NULL,
    definition   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, scorer, number)
);

-- Which share of new traces a scorer judges by itself.
CREATE TABLE scorer_online (
    workspace_id BIGINT NOT NULL,
    scorer       TEXT NOT NULL,
    uid          TEXT NOT NULL,
    experiment   BIGINT NOT NULL,
    sample_rate  DOUBLE PRECISION NOT NULL,
    filter       TEXT,
    PRIMARY KEY (workspace_id, scorer)
);
