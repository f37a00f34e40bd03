use std::collections::{BTreeMap, HashMap};

use ledger::{Value, params};

use super::{PIECE, Reads, Result, Writes, insert_rows, placeholders};
use crate::model::{Cost, Span, StoredSpan, Usage};
use crate::store::traces;
use crate::usage::Node;

/// Inserts spans or replaces those of the same id.
pub(crate) fn upsert(on: &mut impl Writes, spans: &[(i64, &Span)]) -> Result<()> {
    let workspace = on.workspace();
    // One statement may touch a row once only; the last of two spans with one id counts.
    let unique: BTreeMap<(i64, &str), &Span> =
        spans.iter().map(|(id, s)| ((*id, s.uid.as_str()), *s)).collect();
    let rows = unique.into_iter().map(|((trace, uid), s)| {
        let (usage, cost) = (s.usage.unwrap_or_default(), s.cost.unwrap_or_default());
        params![
            workspace,
            trace,
            uid,
            s.parent.as_ref(),
            &s.name,
            s.kind.as_ref(),
            s.status.name(),
            s.started_ns,
            s.ended_ns,
            s.model.as_ref(),
            s.provider.as_ref(),
            s.usage.is_some(),
            usage.input,
            usage.output,
            usage.total,
            usage.cache_read,
            usage.cache_write,
            usage.cache_write_1h,
            s.cost.is_some(),
            cost.input,
            cost.output,
            cost.total,
            &s.document
        ]
        .to_vec()
    });
    insert_rows(
        on,
        "INSERT INTO span (workspace_id, trace_id, uid, parent, name, kind, status, started_ns, ended_ns, model, \
         provider, has_usage, input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, \
         cache_write_1h_tokens, has_cost, input_cost, output_cost, total_cost, document)",
        rows.collect(),
        "ON CONFLICT (workspace_id, trace_id, uid) DO UPDATE SET parent = excluded.parent, name = excluded.name, \
         kind = excluded.kind, status = excluded.status, started_ns = excluded.started_ns, \
         ended_ns = excluded.ended_ns, model = excluded.model, provider = excluded.provider, \
         has_usage = excluded.has_usage, input_tokens = excluded.input_tokens, \
         output_tokens = excluded.output_tokens, total_tokens = excluded.total_tokens, \
         cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens, \
         cache_write_1h_tokens = excluded.cache_write_1h_tokens, has_cost = excluded.has_cost, \
         input_cost = excluded.input_cost, output_cost = excluded.output_cost, total_cost = excluded.total_cost, \
         document = excluded.document",
    )?;
    Ok(())
}

/// What the spans of a trace used and what that cost.
type Spent = (Vec<Node<Usage>>, Vec<Node<Cost>>);

/// What every span of a trace says that it used.
pub(crate) fn nodes(on: &mut impl Reads, trace: i64) -> Result<Spent> {
    let values = params![on.workspace(), trace];
    let rows = on.rows(
        "SELECT uid, parent, has_usage, input_tokens, output_tokens, total_tokens, cache_read_tokens, \
         cache_write_tokens, cache_write_1h_tokens, has_cost, input_cost, output_cost, total_cost \
         FROM span WHERE workspace_id = $1 AND trace_id = $2",
        &values,
    )?;
    let (mut usages, mut costs) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in &rows {
        let (uid, parent): (String, Option<String>) = (row.get("uid")?, row.get("parent")?);
        let data = row.get::<bool>("has_usage")?.then(|| traces::usage(row)).transpose()?;
        usages.push(Node { uid: uid.clone(), parent: parent.clone(), data });
        let data = row.get::<bool>("has_cost")?.then(|| traces::cost(row)).transpose()?;
        costs.push(Node { uid, parent, data });
    }
    Ok((usages, costs))
}

/// The spans of several traces by trace, roots first, then by start.
pub(crate) fn of_traces(on: &mut impl Reads, ids: &[i64]) -> Result<HashMap<i64, Vec<StoredSpan>>> {
    let mut found: HashMap<i64, Vec<StoredSpan>> = HashMap::new();
    for piece in ids.chunks(PIECE) {
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|id| Value::Int(*id)));
        let sql = format!(
            "SELECT trace_id, uid, document FROM span WHERE workspace_id = $1 AND trace_id IN ({}) \
             ORDER BY trace_id, CASE WHEN parent IS NULL THEN 0 ELSE 1 END, started_ns",
            placeholders(2, piece.len())
        );
        for row in on.rows(&sql, &values)? {
            let span = StoredSpan { uid: row.get("uid")?, document: row.get("document")? };
            found.entry(row.get("trace_id")?).or_default().push(span);
        }
    }
    Ok(found)
}
