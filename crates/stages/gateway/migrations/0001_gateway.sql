-- Credentials of a provider. The value is sealed by the vault; what is shown of it is masked.
CREATE TABLE gateway_secret (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    name         TEXT NOT NULL,
    provider     TEXT,
    sealed       BYTEA NOT NULL,
    masked       TEXT NOT NULL,
    auth_config  TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    created_by   TEXT,
    updated_by   TEXT,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, name)
);

-- A provider's model with the credentials to use it; without any after those were deleted.
CREATE TABLE gateway_model (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    name         TEXT NOT NULL,
    secret       TEXT,
    provider     TEXT NOT NULL,
    model        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    created_by   TEXT,
    updated_by   TEXT,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, name)
);
CREATE INDEX gateway_model_secret ON gateway_model (workspace_id, secret);

CREATE TABLE gateway_endpoint (
    workspace_id   BIGINT NOT NULL,
    uid            TEXT NOT NULL,
    name           TEXT NOT NULL,
    routing        TEXT,
    -- NULL while the endpoint has no fallback; else JSON of strategy and attempts.
    fallback       TEXT,
    experiment     BIGINT,
    usage_tracking BOOLEAN NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    created_by     TEXT,
    updated_by     TEXT,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, name)
);

-- Which models an endpoint sends requests to, and which it tries after those.
CREATE TABLE gateway_link (
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL,
    endpoint     TEXT NOT NULL,
    model        TEXT NOT NULL,
    is_fallback  BOOLEAN NOT NULL,
    weight       DOUBLE PRECISION NOT NULL,
    place        BIGINT,
    created_at   BIGINT NOT NULL,
    created_by   TEXT,
    PRIMARY KEY (workspace_id, uid),
    UNIQUE (workspace_id, endpoint, model, is_fallback)
);
CREATE INDEX gateway_link_model ON gateway_link (workspace_id, model);

CREATE TABLE gateway_endpoint_tag (
    workspace_id BIGINT NOT NULL,
    endpoint     TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT,
    PRIMARY KEY (workspace_id, endpoint, name)
);

-- What uses an endpoint, such as a scorer.
CREATE TABLE gateway_binding (
    workspace_id  BIGINT NOT NULL,
    endpoint      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    display_name  TEXT,
    created_at    BIGINT NOT NULL,
    created_by    TEXT,
    PRIMARY KEY (workspace_id, endpoint, resource_type, resource_id)
);
CREATE INDEX gateway_binding_resource ON gateway_binding (workspace_id, resource_type, resource_id);
