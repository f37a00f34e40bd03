-- Traces of LLM and agent calls, their spans, and what is said about them.
-- Traces are known outside by `uid`; experiments are tracking's, by number. Times of traces are microseconds at
-- millisecond resolution, those of spans are nanoseconds.

CREATE TABLE trace (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  experiment BIGINT NOT NULL,
  name TEXT,
  -- OK, ERROR, IN_PROGRESS, UNSPECIFIED
  state TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  session TEXT,
  client_request TEXT,
  request_preview TEXT,
  response_preview TEXT,
  -- Whether a client has said what this row holds; until then it follows from the spans.
  declared BOOLEAN NOT NULL,
  has_spans BOOLEAN NOT NULL,
  -- Tokens and US dollars, summed over the spans.
  input_tokens BIGINT,
  output_tokens BIGINT,
  total_tokens BIGINT,
  cache_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  cache_write_1h_tokens BIGINT,
  input_cost DOUBLE PRECISION,
  output_cost DOUBLE PRECISION,
  total_cost DOUBLE PRECISION,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX trace_by_start ON trace (workspace_id, experiment, started_at DESC, uid);
CREATE INDEX trace_by_session ON trace (workspace_id, experiment, session);

-- Changeable by people.
CREATE TABLE trace_tag (
  workspace_id BIGINT NOT NULL,
  trace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, trace_id, name)
);
CREATE INDEX trace_tag_value ON trace_tag (workspace_id, name, substr(value, 1, 128), trace_id);

-- Said once, by whoever made the trace.
CREATE TABLE trace_metadata (
  workspace_id BIGINT NOT NULL,
  trace_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (workspace_id, trace_id, name)
);
CREATE INDEX trace_metadata_value ON trace_metadata (workspace_id, name, substr(value, 1, 128), trace_id);

-- kind: run or prompt. `target` is a run's id, or a prompt version as `name/number`.
CREATE TABLE trace_link (
  workspace_id BIGINT NOT NULL,
  trace_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (workspace_id, trace_id, kind, target)
);
CREATE INDEX trace_link_target ON trace_link (workspace_id, kind, target, trace_id);

-- `document` is the whole span as JSON text; the columns before it are what is asked about. It comes last, so that
-- a long one is not read past.
CREATE TABLE span (
  workspace_id BIGINT NOT NULL,
  trace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  parent TEXT,
  name TEXT NOT NULL,
  kind TEXT,
  -- OK, ERROR, UNSET
  status TEXT NOT NULL,
  started_ns BIGINT NOT NULL,
  ended_ns BIGINT,
  model TEXT,
  provider TEXT,
  -- Whether the span says anything of its usage, even if it is nothing.
  has_usage BOOLEAN NOT NULL,
  input_tokens BIGINT,
  output_tokens BIGINT,
  total_tokens BIGINT,
  cache_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  cache_write_1h_tokens BIGINT,
  has_cost BOOLEAN NOT NULL,
  input_cost DOUBLE PRECISION,
  output_cost DOUBLE PRECISION,
  total_cost DOUBLE PRECISION,
  document TEXT NOT NULL,
  PRIMARY KEY (workspace_id, trace_id, uid)
);

-- kind: feedback, expectation, issue. `value` is JSON text; `number` is what it counts as in averages (yes and true
-- are 1), and `is_number` says that it is a number itself.
CREATE TABLE assessment (
  id @id@,
  workspace_id BIGINT NOT NULL,
  uid TEXT NOT NULL,
  trace_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  number DOUBLE PRECISION,
  is_number BOOLEAN NOT NULL,
  error TEXT,
  source_kind TEXT NOT NULL,
  source TEXT,
  run TEXT,
  span TEXT,
  rationale TEXT,
  metadata TEXT,
  -- Whether it is about the whole session of its trace.
  of_session BOOLEAN NOT NULL,
  overrides TEXT,
  valid BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (workspace_id, uid)
);
CREATE INDEX assessment_by_trace ON assessment (workspace_id, trace_id, id);
CREATE INDEX assessment_by_name ON assessment (workspace_id, kind, name, trace_id);
