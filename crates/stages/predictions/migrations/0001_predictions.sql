-- A sealed part of the prediction log: one Parquet blob. Ordinals are dense per endpoint.
CREATE TABLE prediction_segment (
    workspace_id BIGINT NOT NULL,
    uid TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    first_ordinal BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    first_id TEXT NOT NULL,
    last_id TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    digest TEXT NOT NULL,
    byte_count BIGINT NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE INDEX prediction_segment_endpoint ON prediction_segment (workspace_id, endpoint, first_ordinal);
CREATE INDEX prediction_segment_ids ON prediction_segment (workspace_id, first_id);

-- What really happened, told later. One label a prediction; the last one told stands.
CREATE TABLE prediction_label (
    workspace_id BIGINT NOT NULL,
    prediction_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    predicted_at BIGINT NOT NULL,
    label TEXT NOT NULL,
    observed_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, prediction_id)
);
CREATE INDEX prediction_label_endpoint ON prediction_label (workspace_id, endpoint, predicted_at);
