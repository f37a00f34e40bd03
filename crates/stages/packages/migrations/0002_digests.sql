-- A verdict is about the content of a version: the same files registered again are not judged again. NULL in older rows, which
-- are about their version alone.
ALTER TABLE model_verdict ADD COLUMN digest TEXT;
CREATE INDEX model_verdict_digest ON model_verdict (workspace_id, digest, kind);
-- Few: what may not serve.
CREATE INDEX model_verdict_failed ON model_verdict (kind, passed);
