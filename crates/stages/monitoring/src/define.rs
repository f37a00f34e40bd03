use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};

use crate::model::{Monitor, MonitorSpec, MonitorSummary, WindowView};
use crate::{Error, store};

/// Makes a monitor, or changes it; the same definition again changes nothing. A changed one keeps its windows and
/// its place in the log.
///
/// Errors: `BadName`, `BadSpec`.
pub async fn define(ledger: &Ledger, actor: &Actor, spec: MonitorSpec) -> Result<MonitorSpec, Error> {
    check(&spec)?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let known = store::spec_in(tx, &spec.name)?;
            if known.as_ref() == Some(&spec) {
                return Ok(spec.clone());
            }
            store::put_spec(tx, &spec)?;
            let payload =
                json!({ "monitor": spec.name, "endpoint": spec.endpoint, "changed": known.is_some() });
            tx.event("monitor.defined", &format!("monitor:{}", spec.name), payload)?;
            Ok(spec.clone())
        })
        .await
}

/// Stops watching. Its windows are kept; defined again under its name it reads on where it stopped.
/// Errors: `NoMonitor`.
pub async fn remove(ledger: &Ledger, actor: &Actor, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::delete_spec(tx, &name)? {
                return Err(Error::NoMonitor(name.clone()));
            }
            Ok(tx.event("monitor.removed", &format!("monitor:{name}"), json!({ "monitor": name }))?)
        })
        .await
}

/// All monitors of the workspace, by name.
pub async fn list(ledger: &Ledger, actor: &Actor) -> Result<Vec<MonitorSummary>, Error> {
    ledger
        .read(actor.workspace, |rx| {
            let mut summaries = Vec::new();
            for spec in store::specs(rx)? {
                let position = store::position(rx, &spec.name)?.unwrap_or_default();
                let last = store::windows(rx, &spec.name, 1)?.pop().map(without_histograms);
                summaries.push(MonitorSummary {
                    name: spec.name,
                    endpoint: spec.endpoint,
                    drifted: position.alarm,
                    windows: position.number,
                    last,
                    problem: position.problem,
                });
            }
            Ok(summaries)
        })
        .await
}

/// A monitor with its newest windows, at most `windows`. Errors: `NoMonitor`.
pub async fn get(ledger: &Ledger, actor: &Actor, name: &str, windows: i64) -> Result<Monitor, Error> {
    let name = name.to_owned();
    ledger
        .read(actor.workspace, move |rx| {
            let spec = store::spec(rx, &name)?.ok_or_else(|| Error::NoMonitor(name.clone()))?;
            let position = store::position(rx, &name)?.unwrap_or_default();
            let found = store::windows(rx, &name, windows.max(1))?;
            let latest = found.first().cloned();
            let performance = store::performance(rx, &name, windows.max(1))?;
            Ok(Monitor {
                name: spec.name.clone(),
                endpoint: spec.endpoint.clone(),
                method: spec.method,
                threshold: spec.threshold,
                share: spec.share,
                window_rows: spec.window.rows,
                consecutive: spec.consecutive,
                drifted: position.alarm,
                streak: position.streak,
                next_ordinal: position.next_ordinal,
                problem: position.problem,
                levels: position.history.levels,
                spec,
                windows: found.into_iter().map(without_histograms).collect(),
                latest,
                performance,
            })
        })
        .await
}

/// One window with its histograms. Errors: `NoWindow`.
pub async fn window(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<WindowView, Error> {
    ledger.read(actor.workspace, move |rx| store::window(rx, uid)?.ok_or(Error::NoWindow(uid))).await
}

fn without_histograms(mut window: WindowView) -> WindowView {
    for feature in &mut window.features {
        feature.baseline = None;
        feature.current = None;
    }
    window
}

fn check(spec: &MonitorSpec) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if spec.name.is_empty() || spec.name.len() > 128 || !spec.name.chars().all(plain) {
        return Err(Error::BadName(spec.name.clone()));
    }
    let bad = |reason: String| Err(Error::BadSpec { monitor: spec.name.clone(), reason });
    if !(2..=1_000_000).contains(&spec.window.rows) {
        return bad(format!("a window of {} rows; 2 to 1,000,000 are possible", spec.window.rows));
    }
    if !(spec.share > 0.0 && spec.share <= 1.0) {
        return bad(format!("the share {} is not above 0 and at most 1", spec.share));
    }
    if spec.consecutive == 0 {
        return bad("0 windows in a row would always raise the alarm".into());
    }
    if let Some(reason) = rules(spec) {
        return bad(reason);
    }
    let thresholds = spec.features.values().filter_map(|rule| rule.threshold);
    match std::iter::once(spec.threshold).chain(thresholds).find(|t| !(t.is_finite() && *t >= 0.0)) {
        Some(threshold) => bad(format!("the threshold {threshold} is no number of 0 or more")),
        None => Ok(()),
    }
}

/// What is wrong with the rules.
fn rules(spec: &MonitorSpec) -> Option<String> {
    let rules = &spec.rules;
    if rules.step.is_some_and(|step| step == 0 || step > spec.window.rows) {
        return Some(format!("a step of {} rows; 1 to {} are possible", rules.step?, spec.window.rows));
    }
    if rules.of.is_some_and(|of| of < spec.consecutive || of > 1_000) {
        return Some(format!("{} drifted windows of {}", spec.consecutive, rules.of?));
    }
    if let Some(error) = rules.email.iter().find_map(|to| outbound::check_mail_address(to).err()) {
        return Some(error.to_string());
    }
    let shares = [("clear_share", rules.clear_share), ("warn_share", rules.warn_share)];
    if let Some((name, share)) =
        shares.into_iter().find(|(_, s)| s.is_some_and(|s| !(s > 0.0 && s <= spec.share)))
    {
        return Some(format!("{name} {} is not above 0 and at most the share {}", share?, spec.share));
    }
    let limits = [
        ("missing", rules.missing),
        ("out_of_range", rules.out_of_range),
        ("unseen", rules.unseen),
        ("latency_p95_ms", rules.latency_p95_ms),
        ("latency_p99_ms", rules.latency_p99_ms),
        ("traffic", rules.traffic),
    ];
    let bias = rules.bias.clone().unwrap_or_default();
    let clients = rules.clients.clone().unwrap_or_default();
    if rules.bias.is_some() && bias.by.is_empty() {
        return Some("bias compares no column: name some in `by`".into());
    }
    let more = [
        ("bias.demographic_parity_difference", bias.demographic_parity_difference),
        ("bias.equal_opportunity_difference", bias.equal_opportunity_difference),
        ("bias.equalized_odds_difference", bias.equalized_odds_difference),
        ("clients.rate", clients.rate),
        ("clients.novel_share", clients.novel_share),
        ("clients.boundary_share", clients.boundary_share),
        ("clients.near_share", clients.near_share),
    ];
    // Of these less is worse.
    let below = [
        ("bias.demographic_parity_ratio", bias.demographic_parity_ratio),
        ("attribution", rules.attribution),
    ];
    let above = limits.into_iter().chain(more).map(|(name, limits)| (name, limits, "above"));
    let below = below.into_iter().map(|(name, limits)| (name, limits, "below"));
    for (name, limits, side) in above.chain(below).filter_map(|(n, limits, side)| Some((n, limits?, side))) {
        match (limits.warn, limits.critical) {
            (None, None) => return Some(format!("{name} has no limit: give warn or critical")),
            (Some(warn), Some(critical))
                if (side == "above" && warn > critical) || (side == "below" && warn < critical) =>
            {
                return Some(format!("{name} warns {side} {warn}, after it is critical {side} {critical}"));
            }
            (warn, critical)
                if [warn, critical].into_iter().flatten().any(|l| !(l.is_finite() && l >= 0.0)) =>
            {
                return Some(format!("{name} has a limit that is no number of 0 or more"));
            }
            _ => {}
        }
    }
    None
}
