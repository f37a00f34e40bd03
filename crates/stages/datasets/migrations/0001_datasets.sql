-- Data sets and their immutable versions. Rows have integer ids inside; versions are known outside by `uid`.

CREATE TABLE dataset (
  id @id@,
  workspace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, name)
);

CREATE TABLE dataset_version (
  id @id@,
  workspace_id BIGINT NOT NULL,
  dataset_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  -- 1, 2, 3, … in its data set.
  number BIGINT NOT NULL,
  -- Of schema, key and source files: the same content has the same digest, whenever it was imported.
  digest TEXT NOT NULL,
  columns TEXT NOT NULL,
  -- The column whose values are the row ids; null: file digest and ordinal.
  key_column TEXT,
  rows BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  profile_digest TEXT NOT NULL,
  -- The gate's report, if a gate was asked.
  report_digest TEXT,
  origin TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (workspace_id, uid),
  UNIQUE (workspace_id, dataset_id, number),
  UNIQUE (workspace_id, dataset_id, digest)
);

-- One imported file: as it came, and as normalised Parquet.
CREATE TABLE dataset_part (
  workspace_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  ordinal BIGINT NOT NULL,
  name TEXT NOT NULL,
  source_digest TEXT NOT NULL,
  source_bytes BIGINT NOT NULL,
  parquet_digest TEXT NOT NULL,
  parquet_bytes BIGINT NOT NULL,
  rows BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, version_id, ordinal)
);
CREATE INDEX dataset_part_by_source ON dataset_part (workspace_id, source_digest);
