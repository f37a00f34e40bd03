-- What an endpoint serves: immutable, numbered from 1 per endpoint. `variants` is a JSON list.
CREATE TABLE endpoint_revision (
    workspace_id BIGINT NOT NULL,
    uid TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    number BIGINT NOT NULL,
    variants TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE UNIQUE INDEX endpoint_revision_number ON endpoint_revision (workspace_id, endpoint, number);

-- The revision that each endpoint serves now. A deleted endpoint has no row; its revisions stay.
CREATE TABLE endpoint (
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    revision TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
