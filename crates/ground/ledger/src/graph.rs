use serde::Serialize;
use types::{Timestamp, WorkspaceId};

use crate::{Error, Ledger, Row, Tx, params};

/// Something that was made or used: a dataset version, a run, a model version, a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    pub id: i64,
    pub kind: String,
    /// A digest or uid; unique among nodes of its kind in a workspace.
    pub key: String,
    pub props: serde_json::Value,
    pub created_at: Timestamp,
}

/// From the effect to its cause: `run` used `dataset_version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub from: i64,
    pub kind: String,
    pub to: i64,
}

/// Part of the graph around a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    /// More was there than the answer holds.
    pub truncated: bool,
}

/// Which way to follow edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Why is it as it is?
    Causes,
    /// What did it touch?
    Effects,
    Both,
}

/// The most nodes that one answer holds.
const NODE_LIMIT: usize = 2_000;

impl Tx<'_> {
    /// The node's id, made if absent. Props replace what was there, unless they are empty.
    pub fn node(&mut self, kind: &str, key: &str, props: serde_json::Value) -> Result<i64, Error> {
        let (workspace, now) = (self.workspace(), self.now());
        self.query_one(
            "INSERT INTO node (workspace_id, kind, key, props, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (workspace_id, kind, key) DO UPDATE \
             SET props = CASE WHEN excluded.props = '{}' THEN node.props ELSE excluded.props END RETURNING id",
            &params![workspace, kind, key, props, now],
        )?
        .get("id")
    }

    pub fn find_node(&mut self, kind: &str, key: &str) -> Result<Option<i64>, Error> {
        let workspace = self.workspace();
        self.query_opt(
            "SELECT id FROM node WHERE workspace_id = $1 AND kind = $2 AND key = $3",
            &params![workspace, kind, key],
        )?
        .map(|row| row.get("id"))
        .transpose()
    }

    /// Says that `from` came about through `to`; saying it again changes nothing.
    pub fn edge(&mut self, from: i64, kind: &str, to: i64) -> Result<(), Error> {
        let (workspace, now) = (self.workspace(), self.now());
        self.execute(
            "INSERT INTO edge (workspace_id, from_node, kind, to_node, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (workspace_id, from_node, kind, to_node) DO NOTHING",
            &params![workspace, from, kind, to, now],
        )?;
        Ok(())
    }
}

fn node(row: &Row) -> Result<Node, Error> {
    Ok(Node {
        id: row.get("id")?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        props: row.get("props")?,
        created_at: row.get("created_at")?,
    })
}

const CAUSES: &str = "WITH RECURSIVE walk (id, depth) AS ( \
     SELECT CAST($1 AS BIGINT), CAST(0 AS BIGINT) UNION \
     SELECT e.to_node, w.depth + 1 FROM walk w JOIN edge e ON e.workspace_id = $2 AND e.from_node = w.id \
     WHERE w.depth < $3) ";

const EFFECTS: &str = "WITH RECURSIVE walk (id, depth) AS ( \
     SELECT CAST($1 AS BIGINT), CAST(0 AS BIGINT) UNION \
     SELECT e.from_node, w.depth + 1 FROM walk w JOIN edge e ON e.workspace_id = $2 AND e.to_node = w.id \
     WHERE w.depth < $3) ";

const NODES: &str = "SELECT n.id, n.kind, n.key, n.props, n.created_at FROM node n \
     JOIN (SELECT id, min(depth) AS depth FROM walk GROUP BY id) w ON w.id = n.id ORDER BY w.depth, n.id LIMIT 2001";

const EDGES: &str = "SELECT e.from_node, e.kind, e.to_node FROM edge e WHERE e.workspace_id = $2 \
     AND e.from_node IN (SELECT id FROM walk) AND e.to_node IN (SELECT id FROM walk) \
     ORDER BY e.from_node, e.kind, e.to_node LIMIT 20000";

impl Ledger {
    /// The part of the graph that can be reached from a node in `depth` steps, nearest first; empty if there is
    /// no such node. At most 2,000 nodes.
    pub async fn lineage(
        &self,
        workspace: WorkspaceId,
        kind: &str,
        key: &str,
        direction: Direction,
        depth: u32,
    ) -> Result<Graph, Error> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.read(workspace, move |rx| {
            let start = rx.query_opt(
                "SELECT id FROM node WHERE workspace_id = $1 AND kind = $2 AND key = $3",
                &params![workspace, &kind, &key],
            )?;
            let Some(start) = start.map(|row| row.get::<i64>("id")).transpose()? else {
                return Ok(Graph::default());
            };
            let walks: &[&str] = match direction {
                Direction::Causes => &[CAUSES],
                Direction::Effects => &[EFFECTS],
                Direction::Both => &[CAUSES, EFFECTS],
            };
            let mut graph = Graph::default();
            for walk in walks {
                let values = params![start, workspace, depth];
                for row in rx.query(&format!("{walk}{NODES}"), &values)? {
                    let node = node(&row)?;
                    if !graph.nodes.iter().any(|n| n.id == node.id) {
                        graph.nodes.push(node);
                    }
                }
                for row in rx.query(&format!("{walk}{EDGES}"), &values)? {
                    let edge =
                        Edge { from: row.get("from_node")?, kind: row.get("kind")?, to: row.get("to_node")? };
                    if !graph.edges.contains(&edge) {
                        graph.edges.push(edge);
                    }
                }
            }
            graph.truncated = graph.nodes.len() > NODE_LIMIT;
            graph.nodes.truncate(NODE_LIMIT);
            let known: std::collections::HashSet<i64> = graph.nodes.iter().map(|n| n.id).collect();
            graph.edges.retain(|e| known.contains(&e.from) && known.contains(&e.to));
            Ok(graph)
        })
        .await
    }

    /// One node by its kind and key.
    pub async fn find_node(
        &self,
        workspace: WorkspaceId,
        kind: &str,
        key: &str,
    ) -> Result<Option<Node>, Error> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.read(workspace, move |rx| {
            rx.query_opt(
                "SELECT id, kind, key, props, created_at FROM node WHERE workspace_id = $1 AND kind = $2 AND key = $3",
                &params![workspace, &kind, &key],
            )?
            .map(|row| node(&row))
            .transpose()
        })
        .await
    }
}
