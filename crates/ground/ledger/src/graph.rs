use std::collections::{HashMap, HashSet};

use serde::Serialize;
use types::{Timestamp, WorkspaceId};

use crate::{Error, Ledger, Row, Rx, Tx, Value, params};

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
/// Nodes of one statement, and the most edges that it answers with.
const PIECE: usize = 128;
const EDGE_LIMIT: usize = 20_000;

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

fn edge(row: &Row) -> Result<Edge, Error> {
    Ok(Edge { from: row.get("from_node")?, kind: row.get("kind")?, to: row.get("to_node")? })
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
                    let edge = edge(&row)?;
                    if !graph.edges.contains(&edge) {
                        graph.edges.push(edge);
                    }
                }
            }
            graph.truncated = graph.nodes.len() > NODE_LIMIT;
            graph.nodes.truncate(NODE_LIMIT);
            let known: HashSet<i64> = graph.nodes.iter().map(|n| n.id).collect();
            graph.edges.retain(|e| known.contains(&e.from) && known.contains(&e.to));
            Ok(graph)
        })
        .await
    }

    /// What came about through any of `starts` (kind and key), in at most `depth` steps, nearest first; the starts that
    /// there are come first, in their order. Edges of the kinds `but` are not followed. At most 2,000 nodes.
    pub async fn effects(
        &self,
        workspace: WorkspaceId,
        starts: Vec<(String, String)>,
        but: &'static [&'static str],
        depth: u32,
    ) -> Result<Graph, Error> {
        self.read(workspace, move |rx| {
            let sql = "SELECT id FROM node WHERE workspace_id = $1 AND kind = $2 AND key = $3";
            let (mut order, mut known) = (Vec::new(), HashSet::new());
            for (kind, key) in &starts {
                if let Some(row) = rx.query_opt(sql, &params![workspace, kind, key])? {
                    order.push(row.get("id")?);
                }
            }
            order.retain(|id| known.insert(*id));
            let (mut edges, mut level, mut truncated) = (Vec::new(), order.clone(), false);
            for _ in 0..depth {
                let found = effects_of(rx, workspace, &level, but)?;
                truncated |= found.len() >= EDGE_LIMIT;
                level = found.iter().map(|edge| edge.from).filter(|from| known.insert(*from)).collect();
                edges.extend(found);
                order.extend(&level);
                if level.is_empty() || order.len() > NODE_LIMIT {
                    break;
                }
            }
            truncated |= order.len() > NODE_LIMIT;
            order.truncate(NODE_LIMIT);
            let nodes = nodes(rx, workspace, &order)?;
            let kept: HashSet<i64> = order.into_iter().collect();
            edges.retain(|edge: &Edge| kept.contains(&edge.from));
            Ok(Graph { nodes, edges, truncated })
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

/// The edges to any of `nodes`, but those of some kinds.
fn effects_of(
    rx: &mut Rx<'_>,
    workspace: WorkspaceId,
    nodes: &[i64],
    but: &[&str],
) -> Result<Vec<Edge>, Error> {
    let mut edges = Vec::new();
    for piece in nodes.chunks(PIECE) {
        let mut values = values(workspace, piece);
        let mut sql = format!(
            "SELECT from_node, kind, to_node FROM edge WHERE workspace_id = $1 AND to_node IN ({})",
            list(2, piece.len())
        );
        if !but.is_empty() {
            sql.push_str(&format!(" AND kind NOT IN ({})", list(2 + piece.len(), but.len())));
            values.extend(but.iter().map(|kind| Value::from(*kind)));
        }
        sql.push_str(&format!(" ORDER BY from_node, kind, to_node LIMIT {EDGE_LIMIT}"));
        for row in rx.query(&sql, &values)? {
            edges.push(edge(&row)?);
        }
    }
    Ok(edges)
}

/// In the order of `ids`.
fn nodes(rx: &mut Rx<'_>, workspace: WorkspaceId, ids: &[i64]) -> Result<Vec<Node>, Error> {
    let mut found = HashMap::with_capacity(ids.len());
    for piece in ids.chunks(PIECE) {
        let sql = format!(
            "SELECT id, kind, key, props, created_at FROM node WHERE +workspace_id = $1 AND id IN ({})",
            list(2, piece.len())
        );
        for row in rx.query(&sql, &values(workspace, piece))? {
            let node = node(&row)?;
            found.insert(node.id, node);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn values(workspace: WorkspaceId, ids: &[i64]) -> Vec<Value> {
    let mut values = params![workspace].to_vec();
    values.extend(ids.iter().map(|id| Value::from(*id)));
    values
}

/// `$first, $first+1, …` for `count` values.
fn list(first: usize, count: usize) -> String {
    (first..first + count).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}
