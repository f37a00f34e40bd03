-- Parameters and tags are read by run, and a page of runs reads hundreds of them: on SQLite the rows stand in the key
-- itself, as those of metrics do, so that each is found in one step instead of two. PostgreSQL has no such tables.
@sqlite@
CREATE TABLE run_param_keyed (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  value TEXT NOT NULL,
  json TEXT,
  PRIMARY KEY (workspace_id, run_id, key_id)
) @keyed@;
INSERT INTO run_param_keyed SELECT workspace_id, run_id, key_id, value, json FROM run_param ORDER BY 1, 2, 3;
DROP TABLE run_param;
ALTER TABLE run_param_keyed RENAME TO run_param;
CREATE INDEX run_param_value ON run_param (workspace_id, key_id, substr(value, 1, 128), run_id);

CREATE TABLE run_tag_keyed (
  workspace_id BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, run_id, key_id)
) @keyed@;
INSERT INTO run_tag_keyed SELECT workspace_id, run_id, key_id, value FROM run_tag ORDER BY 1, 2, 3;
DROP TABLE run_tag;
ALTER TABLE run_tag_keyed RENAME TO run_tag;
CREATE INDEX run_tag_value ON run_tag (workspace_id, key_id, substr(value, 1, 128), run_id);
@end@
