//! Issues (`mlflow/protos/issues.proto`).

use review::{Issue, IssueChange, IssueQuery, NewIssue, SEVERITIES};
use serde_json::{Value, json};

use super::{existing_experiment, given, message, uid};
use crate::call::{Answer, Cx, reply};
use crate::convert::{experiment_number, next_token, offset, run_uid};
use crate::errors::Failure;
use crate::request::Fields;
use crate::{filters, limits};

const PREFIX: &str = "iss-";
const STATUSES: [&str; 3] = ["pending", "rejected", "resolved"];
/// `SEARCH_ISSUES_DEFAULT_MAX_RESULTS`.
const PAGE: i64 = 100;

fn issue(i: Issue) -> Value {
    let severity = i.severity.and_then(|s| SEVERITIES.get(usize::try_from(s).ok()?));
    message(json!({
        "issue_id": format!("{PREFIX}{}", i.uid),
        "experiment_id": i.experiment.to_string(),
        "name": i.name,
        "description": i.description,
        "status": i.status,
        "severity": severity,
        "root_causes": i.root_causes,
        "source_run_id": i.source_run,
        "created_timestamp": i.created_at.millis(),
        "last_updated_timestamp": i.updated_at.millis(),
        "created_by": i.created_by,
        "categories": i.categories,
        "trace_count": i.traces,
    }))
}

fn status(f: &Fields) -> Result<Option<String>, Failure> {
    let status = f.text("status")?;
    match &status {
        Some(given) if !STATUSES.contains(&given.as_str()) => {
            Err(Failure::invalid(format!("'{given}' is not a valid IssueStatus")))
        }
        _ => Ok(status),
    }
}

fn severity(f: &Fields) -> Result<Option<i64>, Failure> {
    let Some(given) = f.text("severity")? else { return Ok(None) };
    let place = SEVERITIES.iter().position(|s| *s == given);
    let place = place.ok_or_else(|| Failure::invalid(format!("'{given}' is not a valid IssueSeverity")))?;
    Ok(Some(place as i64))
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    let description = f.required_text("description")?;
    let experiment = existing_experiment(&cx, &f.required_text("experiment_id")?).await?;
    let source_run = given(f.text("source_run_id")?);
    if let Some(run) = &source_run {
        // Upstream's database refuses what points to no run.
        tracking::run(&cx.state.ledger, &cx.actor, run_uid(run)?).await?;
    }
    let new = NewIssue {
        experiment,
        name,
        description,
        status: status(&f)?.unwrap_or_else(|| "pending".into()),
        severity: severity(&f)?,
        root_causes: f.texts("root_causes")?,
        categories: f.texts("categories")?,
        source_run,
        created_by: given(f.text("created_by")?),
    };
    let made = review::create_issue(&cx.state.ledger, &cx.actor, new).await?;
    reply(&json!({ "issue": issue(made) }))
}

fn id(f: &Fields) -> Result<types::Uid, Failure> {
    let text = f.required_text("issue_id")?;
    uid(PREFIX, &text).ok_or_else(|| Failure::missing(format!("Issue with ID '{text}' not found")))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let found = review::issue(&cx.state.ledger, &cx.actor, id(&f)?).await?;
    reply(&json!({ "issue": issue(found) }))
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let change = IssueChange {
        name: given(f.text("name")?),
        description: given(f.text("description")?),
        status: status(&f)?,
        severity: severity(&f)?,
    };
    let updated = review::update_issue(&cx.state.ledger, &cx.actor, id(&f)?, change).await?;
    reply(&json!({ "issue": issue(updated) }))
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let limit = limits::max_results(f.integer("max_results")?.unwrap_or(PAGE))?;
    let offset = offset(f.text("page_token")?.as_deref())?;
    let experiment = given(f.text("experiment_id")?).map(|id| experiment_number(&id)).transpose()?;
    let filter = filters::issue_filter(&f.text_or_empty("filter_string")?)?;
    let count_traces = f.boolean("include_trace_count")?.unwrap_or(false).then_some(PREFIX);
    let query = IssueQuery { experiment, filter, count_traces, limit, offset };
    let page = review::search_issues(&cx.state.ledger, &cx.actor, query).await?;
    let issues: Vec<Value> = page.items.into_iter().map(issue).collect();
    let mut answer = message(json!({ "issues": issues }));
    // Always there, empty on the last page.
    answer["next_page_token"] = next_token(page.more, offset, limit).unwrap_or_default().into();
    reply(&answer)
}
