-- The endpoint whose predictions wait in a queue; null where its items are traces. Such queues have experiment -1.
ALTER TABLE review_queue ADD COLUMN endpoint TEXT;

-- Of predictions: why they wait (a JSON list), who has taken one and when, what was said of it (JSON), and a remark.
ALTER TABLE review_queue_item ADD COLUMN reasons TEXT;
ALTER TABLE review_queue_item ADD COLUMN taken_by TEXT;
ALTER TABLE review_queue_item ADD COLUMN taken_at BIGINT;
ALTER TABLE review_queue_item ADD COLUMN verdict TEXT;
ALTER TABLE review_queue_item ADD COLUMN comment TEXT;
CREATE INDEX review_queue_item_status ON review_queue_item (workspace_id, queue, status, created_at);

-- Up to where the record of an endpoint was looked through for predictions that wait.
CREATE TABLE review_position (
    workspace_id BIGINT NOT NULL,
    endpoint     TEXT NOT NULL,
    next_ordinal BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, endpoint)
);
