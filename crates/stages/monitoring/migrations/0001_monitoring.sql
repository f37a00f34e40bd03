-- A monitor as it was defined; `spec` is JSON.
CREATE TABLE monitor (
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    spec TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

-- How far a monitor has read its endpoint's log, and whether its alarm is on. Operational.
CREATE TABLE monitor_position (
    workspace_id BIGINT NOT NULL,
    monitor TEXT NOT NULL,
    next_ordinal BIGINT NOT NULL,
    revision TEXT,
    streak BIGINT NOT NULL,
    streak_ordinal BIGINT,
    streak_at BIGINT,
    alarm BOOLEAN NOT NULL,
    number BIGINT NOT NULL,
    problem TEXT,
    PRIMARY KEY (workspace_id, monitor)
);

-- One judged window. `features` is a JSON list with scores and histograms.
CREATE TABLE monitor_window (
    workspace_id BIGINT NOT NULL,
    uid TEXT NOT NULL,
    monitor TEXT NOT NULL,
    number BIGINT NOT NULL,
    first_ordinal BIGINT NOT NULL,
    next_ordinal BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    revision TEXT NOT NULL,
    model_version TEXT NOT NULL,
    baseline TEXT NOT NULL,
    drifted BOOLEAN NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    alarm BOOLEAN NOT NULL,
    features TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, uid)
);
CREATE UNIQUE INDEX monitor_window_ordinal ON monitor_window (workspace_id, monitor, first_ordinal);

-- Metrics of a window from the labels that have arrived so far. Operational: it changes with every late label.
CREATE TABLE monitor_performance (
    workspace_id BIGINT NOT NULL,
    window_uid TEXT NOT NULL,
    monitor TEXT NOT NULL,
    labelled BIGINT NOT NULL,
    metrics TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, window_uid)
);
