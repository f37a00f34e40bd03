-- What shadows were like beside the variants that answered: counts of one server process each, written now and then.
CREATE TABLE endpoint_shadow (
    workspace_id BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    revision TEXT NOT NULL,
    variant TEXT NOT NULL,
    -- The server process.
    server TEXT NOT NULL,
    model_version TEXT NOT NULL,
    -- ShadowFigures as JSON.
    body TEXT NOT NULL,
    -- When the revision was deployed.
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, endpoint, revision, variant, server)
);
