use std::collections::{BTreeMap, HashMap};

use ledger::{Row, Value, params};
use types::Timestamp;

use super::{PIECE, Reads, Result, Writes, assessments, insert_rows, placeholders};
use crate::model::{Cost, Trace, TraceState, Usage};

pub(crate) const COLUMNS: &str = "t.id, t.uid, t.experiment, t.name, t.state, t.started_at, t.ended_at, t.session, \
     t.client_request, t.request_preview, t.response_preview, t.declared, t.has_spans, t.input_tokens, \
     t.output_tokens, t.total_tokens, t.cache_read_tokens, t.cache_write_tokens, t.cache_write_1h_tokens, \
     t.input_cost, t.output_cost, t.total_cost";

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub id: i64,
    pub trace: Trace,
}

pub(crate) fn usage(row: &Row) -> Result<Usage> {
    Ok(Usage {
        input: row.get("input_tokens")?,
        output: row.get("output_tokens")?,
        total: row.get("total_tokens")?,
        cache_read: row.get("cache_read_tokens")?,
        cache_write: row.get("cache_write_tokens")?,
        cache_write_1h: row.get("cache_write_1h_tokens")?,
    })
}

pub(crate) fn cost(row: &Row) -> Result<Cost> {
    Ok(Cost { input: row.get("input_cost")?, output: row.get("output_cost")?, total: row.get("total_cost")? })
}

/// Without tags, metadata and assessments.
pub(crate) fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        trace: Trace {
            uid: row.get("uid")?,
            experiment: row.get("experiment")?,
            name: row.get("name")?,
            state: TraceState::of_name(&row.get::<String>("state")?),
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            session: row.get("session")?,
            client_request: row.get("client_request")?,
            request_preview: row.get("request_preview")?,
            response_preview: row.get("response_preview")?,
            declared: row.get("declared")?,
            has_spans: row.get("has_spans")?,
            usage: usage(row)?,
            cost: cost(row)?,
            tags: BTreeMap::new(),
            metadata: BTreeMap::new(),
            assessments: Vec::new(),
        },
    })
}

/// The traces that exist, by uid and without what hangs on them.
pub(crate) fn find(on: &mut impl Reads, uids: &[&str]) -> Result<HashMap<String, Stored>> {
    let mut found = HashMap::new();
    for piece in uids.chunks(PIECE) {
        let sql = format!(
            "SELECT {COLUMNS} FROM trace t WHERE t.workspace_id = $1 AND t.uid IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|uid| Value::from(*uid)));
        for row in on.rows(&sql, &values)? {
            let stored = stored(&row)?;
            found.insert(stored.trace.uid.clone(), stored);
        }
    }
    Ok(found)
}

pub(crate) fn find_one(on: &mut impl Reads, uid: &str) -> Result<Option<Stored>> {
    Ok(find(on, &[uid])?.remove(uid))
}

/// Adds tags, metadata and assessments.
pub(crate) fn load(on: &mut impl Reads, traces: &mut [Stored]) -> Result<()> {
    let place: HashMap<i64, usize> = traces.iter().enumerate().map(|(i, t)| (t.id, i)).collect();
    for from in (0..traces.len()).step_by(PIECE) {
        let ids: Vec<Value> = traces[from..].iter().take(PIECE).map(|t| Value::Int(t.id)).collect();
        let list = placeholders(2, ids.len());
        let mut values = vec![Value::from(on.workspace())];
        values.extend(ids);
        let sql = format!(
            "SELECT trace_id, name, value FROM trace_tag WHERE workspace_id = $1 AND trace_id IN ({list})"
        );
        for row in on.rows(&sql, &values)? {
            if let Some(i) = place.get(&row.get("trace_id")?) {
                traces[*i].trace.tags.insert(row.get("name")?, row.get("value")?);
            }
        }
        let sql = format!(
            "SELECT trace_id, name, value FROM trace_metadata WHERE workspace_id = $1 AND trace_id IN ({list})"
        );
        for row in on.rows(&sql, &values)? {
            if let Some(i) = place.get(&row.get("trace_id")?) {
                traces[*i].trace.metadata.insert(row.get("name")?, row.get("value")?);
            }
        }
        for (trace, assessment) in assessments::of_traces(on, &list, &values)? {
            if let Some(i) = place.get(&trace) {
                traces[*i].trace.assessments.push(assessment);
            }
        }
    }
    Ok(())
}

fn amounts(usage: &Usage, cost: &Cost) -> Vec<Value> {
    params![
        usage.input,
        usage.output,
        usage.total,
        usage.cache_read,
        usage.cache_write,
        usage.cache_write_1h,
        cost.input,
        cost.output,
        cost.total
    ]
    .to_vec()
}

/// Inserts those that do not exist; somebody else may have been faster with one.
pub(crate) fn insert(on: &mut impl Writes, traces: &[&Trace]) -> Result<u64> {
    let workspace = on.workspace();
    let rows = traces.iter().map(|t| {
        let mut row = params![
            workspace,
            &t.uid,
            t.experiment,
            t.name.as_ref(),
            t.state.name(),
            t.started_at,
            t.ended_at,
            t.session.as_ref(),
            t.client_request.as_ref(),
            t.request_preview.as_ref(),
            t.response_preview.as_ref(),
            t.declared,
            t.has_spans
        ]
        .to_vec();
        row.extend(amounts(&t.usage, &t.cost));
        row
    });
    insert_rows(
        on,
        "INSERT INTO trace (workspace_id, uid, experiment, name, state, started_at, ended_at, session, client_request, \
         request_preview, response_preview, declared, has_spans, input_tokens, output_tokens, total_tokens, \
         cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, input_cost, output_cost, total_cost)",
        rows.collect(),
        "ON CONFLICT (workspace_id, uid) DO NOTHING",
    )
}

/// What a client declares replaces what followed from the spans; what it leaves out stays.
pub(crate) fn declare(on: &mut impl Writes, id: i64, t: &Trace) -> Result<()> {
    let workspace = on.workspace();
    let mut values = params![
        t.experiment,
        t.name.as_ref(),
        t.state.name(),
        t.started_at,
        t.ended_at,
        t.session.as_ref(),
        t.client_request.as_ref(),
        t.request_preview.as_ref(),
        t.response_preview.as_ref(),
        t.declared
    ]
    .to_vec();
    values.extend(amounts(&t.usage, &t.cost));
    values.extend(params![workspace, id]);
    on.run(
        "UPDATE trace SET experiment = $1, name = COALESCE($2, name), state = $3, started_at = $4, ended_at = $5, \
         session = COALESCE($6, session), client_request = $7, request_preview = COALESCE($8, request_preview), \
         response_preview = COALESCE($9, response_preview), declared = (declared OR $10), \
         input_tokens = COALESCE($11, input_tokens), output_tokens = COALESCE($12, output_tokens), \
         total_tokens = COALESCE($13, total_tokens), cache_read_tokens = COALESCE($14, cache_read_tokens), \
         cache_write_tokens = COALESCE($15, cache_write_tokens), \
         cache_write_1h_tokens = COALESCE($16, cache_write_1h_tokens), input_cost = COALESCE($17, input_cost), \
         output_cost = COALESCE($18, output_cost), total_cost = COALESCE($19, total_cost) \
         WHERE workspace_id = $20 AND id = $21",
        &values,
    )?;
    Ok(())
}

/// What newly arrived spans say of a trace that exists.
pub(crate) struct Growth<'a> {
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// The root's, if it is among the spans.
    pub state: Option<TraceState>,
    pub name: Option<&'a str>,
    pub session: Option<&'a str>,
    pub request_preview: Option<&'a str>,
    pub response_preview: Option<&'a str>,
}

/// Widens the trace's time and fills in what is missing, in one statement, so that no arrival undoes another's; it
/// also makes the arrivals of one trace follow each other. Times stay as they are once declared.
pub(crate) fn grow(on: &mut impl Writes, id: i64, g: &Growth<'_>) -> Result<()> {
    let workspace = on.workspace();
    on.run(
        "UPDATE trace SET has_spans = TRUE, \
         started_at = CASE WHEN declared = FALSE AND started_at > $1 THEN $1 ELSE started_at END, \
         ended_at = CASE WHEN declared = FALSE AND (ended_at IS NULL OR ended_at < $2) THEN COALESCE($2, ended_at) \
         ELSE ended_at END, \
         state = CASE WHEN state IN ('IN_PROGRESS', 'UNSPECIFIED') THEN COALESCE($3, state) ELSE state END, \
         name = COALESCE($4, name), session = COALESCE(session, $5), \
         request_preview = COALESCE(request_preview, $6), response_preview = COALESCE(response_preview, $7) \
         WHERE workspace_id = $8 AND id = $9",
        &params![
            g.started_at,
            g.ended_at,
            g.state.map(TraceState::name),
            g.name,
            g.session,
            g.request_preview,
            g.response_preview,
            workspace,
            id
        ],
    )?;
    Ok(())
}

pub(crate) fn set_amounts(
    on: &mut impl Writes,
    id: i64,
    usage: Option<Usage>,
    cost: Option<Cost>,
) -> Result<()> {
    let mut values = amounts(&usage.unwrap_or_default(), &cost.unwrap_or_default());
    values.extend(params![on.workspace(), id]);
    on.run(
        "UPDATE trace SET input_tokens = COALESCE($1, input_tokens), output_tokens = COALESCE($2, output_tokens), \
         total_tokens = COALESCE($3, total_tokens), cache_read_tokens = COALESCE($4, cache_read_tokens), \
         cache_write_tokens = COALESCE($5, cache_write_tokens), \
         cache_write_1h_tokens = COALESCE($6, cache_write_1h_tokens), input_cost = COALESCE($7, input_cost), \
         output_cost = COALESCE($8, output_cost), total_cost = COALESCE($9, total_cost) \
         WHERE workspace_id = $10 AND id = $11",
        &values,
    )?;
    Ok(())
}

pub(crate) fn end(
    on: &mut impl Writes,
    id: i64,
    state: TraceState,
    ended_at: Timestamp,
    name: Option<&str>,
) -> Result<()> {
    let values = params![state.name(), ended_at, name, on.workspace(), id];
    on.run(
        "UPDATE trace SET state = $1, ended_at = $2, name = COALESCE($3, name) WHERE workspace_id = $4 AND id = $5",
        &values,
    )?;
    Ok(())
}

pub(crate) fn set_name(on: &mut impl Writes, id: i64, name: Option<&str>) -> Result<()> {
    let values = params![name, on.workspace(), id];
    on.run("UPDATE trace SET name = $1 WHERE workspace_id = $2 AND id = $3", &values)?;
    Ok(())
}

pub(crate) fn set_session(on: &mut impl Writes, id: i64, session: &str) -> Result<()> {
    let values = params![session, on.workspace(), id];
    on.run("UPDATE trace SET session = $1 WHERE workspace_id = $2 AND id = $3", &values)?;
    Ok(())
}

/// `(trace, name, value)`; of a name that comes twice for one trace, the last value counts.
pub(crate) type Pair<'a> = (i64, &'a str, &'a str);

fn pair_rows(on: &impl Reads, pairs: &[Pair<'_>]) -> Vec<Vec<Value>> {
    let workspace = on.workspace();
    let unique: BTreeMap<(i64, &str), &str> =
        pairs.iter().map(|(id, name, value)| ((*id, *name), *value)).collect();
    unique.into_iter().map(|((id, name), value)| params![workspace, id, name, value].to_vec()).collect()
}

pub(crate) fn set_tags(on: &mut impl Writes, pairs: &[Pair<'_>]) -> Result<()> {
    let rows = pair_rows(on, pairs);
    insert_rows(
        on,
        "INSERT INTO trace_tag (workspace_id, trace_id, name, value)",
        rows,
        "ON CONFLICT (workspace_id, trace_id, name) DO UPDATE SET value = excluded.value",
    )?;
    Ok(())
}

pub(crate) fn set_metadata(on: &mut impl Writes, pairs: &[Pair<'_>]) -> Result<()> {
    let rows = pair_rows(on, pairs);
    insert_rows(
        on,
        "INSERT INTO trace_metadata (workspace_id, trace_id, name, value)",
        rows,
        "ON CONFLICT (workspace_id, trace_id, name) DO UPDATE SET value = excluded.value",
    )?;
    Ok(())
}

/// Only where there is none of that name yet.
pub(crate) fn add_metadata(on: &mut impl Writes, pairs: &[Pair<'_>]) -> Result<()> {
    let rows = pair_rows(on, pairs);
    insert_rows(
        on,
        "INSERT INTO trace_metadata (workspace_id, trace_id, name, value)",
        rows,
        "ON CONFLICT (workspace_id, trace_id, name) DO NOTHING",
    )?;
    Ok(())
}

/// Rows changed.
pub(crate) fn delete_tag(on: &mut impl Writes, id: i64, name: &str) -> Result<u64> {
    let values = params![on.workspace(), id, name];
    on.run("DELETE FROM trace_tag WHERE workspace_id = $1 AND trace_id = $2 AND name = $3", &values)
}

/// Says that the traces belong to a run (`run`) or used a prompt version (`prompt`); rows added.
pub(crate) fn link(on: &mut impl Writes, kind: &str, pairs: &[(i64, &str)]) -> Result<u64> {
    let workspace = on.workspace();
    let rows = pairs.iter().map(|(id, target)| params![workspace, *id, kind, *target].to_vec()).collect();
    insert_rows(
        on,
        "INSERT INTO trace_link (workspace_id, trace_id, kind, target)",
        rows,
        "ON CONFLICT (workspace_id, trace_id, kind, target) DO NOTHING",
    )
}

/// Ids and uids of the traces of an experiment up to a time, oldest first.
pub(crate) fn oldest(
    on: &mut impl Reads,
    experiment: i64,
    until: Timestamp,
    limit: Option<i64>,
) -> Result<Vec<(i64, String)>> {
    let values = params![on.workspace(), experiment, until, limit.unwrap_or(i64::MAX)];
    on.rows(
        "SELECT id, uid FROM trace WHERE workspace_id = $1 AND experiment = $2 AND started_at <= $3 \
         ORDER BY started_at, uid LIMIT $4",
        &values,
    )?
    .iter()
    .map(|row| Ok((row.get("id")?, row.get("uid")?)))
    .collect()
}

/// Deletes traces with all that hangs on them.
pub(crate) fn delete(on: &mut impl Writes, ids: &[i64]) -> Result<()> {
    for piece in ids.chunks(PIECE) {
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|id| Value::Int(*id)));
        let list = placeholders(2, piece.len());
        for table in ["span", "assessment", "trace_tag", "trace_metadata", "trace_link"] {
            on.run(
                &format!("DELETE FROM {table} WHERE workspace_id = $1 AND trace_id IN ({list})"),
                &values,
            )?;
        }
        on.run(&format!("DELETE FROM trace WHERE +workspace_id = $1 AND id IN ({list})"), &values)?;
    }
    Ok(())
}
