-- Where the nodes of trees are. Nodes are named by their content and shared by all repositories, so all rows are of the
-- first workspace; who may read one follows from the commits that lead to it.

-- A node within a blob of the repositories' own store. kept_at: when it was last made by a commit (microseconds).
-- condemned_at: when a collection last found that nothing leads to it.
CREATE TABLE tree_node (
  workspace_id BIGINT NOT NULL,
  id BYTEA NOT NULL,
  pack BYTEA NOT NULL,
  start BIGINT NOT NULL,
  length BIGINT NOT NULL,
  kept_at BIGINT NOT NULL,
  condemned_at BIGINT,
  PRIMARY KEY (workspace_id, id)
)@keyed@;
CREATE INDEX tree_node_by_pack ON tree_node (workspace_id, pack);
