-- What the gate answered about data that asked to become a data set version.

CREATE TABLE data_check (
  id @id@,
  workspace_id BIGINT NOT NULL,
  dataset TEXT NOT NULL,
  -- The digest that the version has, or would have had.
  candidate_digest TEXT NOT NULL,
  passed BOOLEAN NOT NULL,
  summary TEXT NOT NULL,
  checks BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  rows BIGINT NOT NULL,
  -- Objects: the report as JSON and as Markdown, the expectations as JSON.
  report_digest TEXT NOT NULL,
  text_digest TEXT NOT NULL,
  expectations_digest TEXT NOT NULL,
  checked_at BIGINT NOT NULL,
  checked_by TEXT NOT NULL
);
CREATE INDEX data_check_by_dataset ON data_check (workspace_id, dataset, id);
CREATE INDEX data_check_by_candidate ON data_check (workspace_id, candidate_digest, id);
