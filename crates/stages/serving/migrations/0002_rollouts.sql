-- How a candidate takes over the traffic of an endpoint, step by step. At most one of an endpoint is running or paused.
CREATE TABLE endpoint_rollout (
    workspace_id BIGINT NOT NULL,
    uid TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Everything else, as JSON.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX endpoint_rollout_by_endpoint ON endpoint_rollout (workspace_id, endpoint, created_at);
CREATE INDEX endpoint_rollout_by_state ON endpoint_rollout (state);

-- Limits, callers, cache and batching of an endpoint, as JSON; they outlive its revisions.
CREATE TABLE endpoint_settings (
    workspace_id BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    settings TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, endpoint)
);
