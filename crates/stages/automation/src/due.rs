//! Triggers that are no alarm: performance that falls, labels that came, data that were committed, the clock.

use evaluation::Bound;
use serde::{Deserialize, Serialize};
use types::{Actor, Timestamp, Uid, WorkspaceId};

use crate::trigger::{Alarm, Mark, automatically};
use crate::{Automation, CommitRule, Error, Policy, Trigger, commits, store};

/// What starts a retraining beside the alarm of its monitor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Triggers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<PerformanceRule>,
    /// So many labels that have come since the last retraining.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_commit: Option<CommitRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleRule>,
}

/// A metric of the newest windows of a monitor whose labels have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerformanceRule {
    pub monitor: String,
    pub metric: String,
    /// What it should keep to.
    pub bound: Bound,
    /// Windows in a row that break it; at least 1.
    pub windows: i64,
    /// Labelled predictions from which a window counts.
    pub rows: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRule {
    /// Five fields, or six with seconds first.
    pub cron: String,
    /// IANA, such as `Europe/Vienna`.
    pub zone: String,
}

impl Triggers {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Errors: what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(rule) = &self.performance {
            if rule.windows < 1 || rule.rows < 1 {
                return Err("triggers.performance needs windows and rows of at least 1".into());
            }
            if rule.bound.min.is_none() && rule.bound.max.is_none() {
                return Err("triggers.performance needs a min or a max".into());
            }
        }
        if self.labels.is_some_and(|n| n < 1) {
            return Err("triggers.labels must be at least 1".into());
        }
        if let Some(rule) = &self.data_commit {
            rule.check()?;
        }
        if let Some(rule) = &self.schedule {
            rule.next(Timestamp(0)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl ScheduleRule {
    /// Errors: a pattern or zone that cannot be read.
    pub fn next(&self, after: Timestamp) -> Result<Option<Timestamp>, Error> {
        let trigger = pipelines::Trigger::Cron {
            cron: self.cron.clone(),
            time_zone: self.zone.clone(),
            from: None,
            until: None,
        };
        Ok(trigger.next(after, after)?)
    }

    /// Another pattern counts from its own beginning.
    fn mark(&self) -> String {
        format!("schedule {} {}", self.cron, self.zone)
    }
}

const LABELS: &str = "labels";

/// Starts what is due, of every policy.
pub(crate) async fn look(automation: &Automation) -> Result<(), Error> {
    let all = automation.ledger.read(WorkspaceId::DEFAULT, |rx| store::policies::of_all(rx)).await?;
    for (workspace, policy) in all.into_iter().filter(|(_, policy)| !policy.triggers.is_empty()) {
        let actor = Actor { workspace, ..Actor::system("automation") };
        let name = policy.name.clone();
        if let Err(error) = look_at(automation, &actor, policy).await {
            tracing::warn!(policy = name, %error, "the policy's triggers cannot be looked at; it is tried again");
        }
    }
    Ok(())
}

async fn look_at(automation: &Automation, actor: &Actor, policy: Policy) -> Result<(), Error> {
    if let Some(rule) = &policy.triggers.schedule {
        by_clock(automation, actor, &policy, rule).await?;
    }
    if let Some(rule) = &policy.triggers.data_commit {
        commits::look(automation, actor, &policy, rule).await?;
    }
    if let Some(wanted) = policy.triggers.labels {
        by_labels(automation, actor, &policy, wanted).await?;
    }
    if let Some(rule) = &policy.triggers.performance {
        by_performance(automation, actor, &policy, rule).await?;
    }
    Ok(())
}

/// What stands against it when its moment comes is recorded; the moment is not made up for.
async fn by_clock(
    automation: &Automation,
    actor: &Actor,
    policy: &Policy,
    rule: &ScheduleRule,
) -> Result<(), Error> {
    let now = automation.ledger.clock().now();
    let kind = rule.mark();
    let due = mark(automation, actor, policy, &kind).await?;
    match due {
        Some(mark) if now.0 < mark.value => return Ok(()),
        Some(mark) => {
            let at = Timestamp(mark.value);
            let next = rule.next(now)?.map_or(i64::MAX, |next| next.0);
            let trigger = Trigger::Schedule { cron: rule.cron.clone(), zone: rule.zone.clone(), at };
            let mark = Mark { kind, value: next };
            automatically(
                &automation.ledger,
                actor,
                policy.clone(),
                trigger,
                None,
                Some(mark),
                Alarm::Raised,
            )
            .await?;
        }
        None => {
            let next = rule.next(now)?.map_or(i64::MAX, |next| next.0);
            remember(automation, actor, policy, Mark { kind, value: next }).await?;
        }
    }
    Ok(())
}

async fn by_labels(
    automation: &Automation,
    actor: &Actor,
    policy: &Policy,
    wanted: i64,
) -> Result<(), Error> {
    let count = automation.label_count(actor, &policy.recipe.endpoint, Timestamp(0)).await?;
    let fresh = || Mark { kind: LABELS.to_owned(), value: count };
    let Some(mark) = mark(automation, actor, policy, LABELS).await? else {
        return remember(automation, actor, policy, fresh()).await;
    };
    let name = policy.name.clone();
    let last =
        automation.ledger.read(actor.workspace, move |rx| store::retrainings::last_of(rx, &name)).await?;
    // A retraining for another reason took them along.
    if last.is_some_and(|at| at > mark.at) {
        return remember(automation, actor, policy, fresh()).await;
    }
    if count - mark.value >= wanted {
        let trigger = Trigger::Labels { count: count - mark.value };
        let (policy, mark) = (policy.clone(), Some(fresh()));
        automatically(&automation.ledger, actor, policy, trigger, None, mark, Alarm::Stands).await?;
    }
    Ok(())
}

/// Only windows of the version that answers now, and each window once.
async fn by_performance(
    automation: &Automation,
    actor: &Actor,
    policy: &Policy,
    rule: &PerformanceRule,
) -> Result<(), Error> {
    let monitor = match monitoring::get(&automation.ledger, actor, &rule.monitor, LOOKED_THROUGH).await {
        Ok(monitor) => monitor,
        Err(error) if types::Fault::class(&error) == types::Class::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Ok(view) = automation.serving.get(actor, &policy.recipe.endpoint) else { return Ok(()) };
    let answers =
        |version: Uid| view.revision.variants.iter().any(|v| !v.shadow && v.model_version == version);
    let labelled =
        |window: Uid| monitor.performance.iter().find(|p| p.window == window && p.rows >= rule.rows);
    let mut windows: Vec<_> = monitor
        .windows
        .iter()
        .filter(|w| answers(w.model_version))
        .filter_map(|w| Some((w, labelled(w.uid)?)))
        .collect();
    windows.sort_by_key(|(window, _)| std::cmp::Reverse(window.number));
    windows.truncate(usize::try_from(rule.windows).unwrap_or(usize::MAX));
    let (Some((newest, performance)), true) =
        (windows.first().copied(), windows.len() as i64 >= rule.windows)
    else {
        return Ok(());
    };
    let broken = |p: &monitoring::Performance| {
        let value = p.metrics.get(&rule.metric)?;
        let low = rule.bound.min.is_some_and(|min| *value < min);
        let high = rule.bound.max.is_some_and(|max| *value > max);
        Some(low || high)
    };
    if !windows.iter().all(|(_, p)| broken(p) == Some(true)) {
        return Ok(());
    }
    let kind = format!("performance {}", rule.monitor);
    if mark(automation, actor, policy, &kind).await?.is_some_and(|mark| newest.number <= mark.value) {
        return Ok(());
    }
    let trigger = Trigger::Performance {
        monitor: rule.monitor.clone(),
        window: newest.uid,
        metric: rule.metric.clone(),
        value: performance.metrics.get(&rule.metric).copied().unwrap_or_default(),
    };
    let mark = Some(Mark { kind, value: newest.number });
    automatically(&automation.ledger, actor, policy.clone(), trigger, None, mark, Alarm::Stands).await?;
    Ok(())
}

/// Windows of a monitor that are looked through for those whose labels have come.
const LOOKED_THROUGH: i64 = 50;

async fn mark(
    automation: &Automation,
    actor: &Actor,
    policy: &Policy,
    kind: &str,
) -> Result<Option<store::marks::Kept>, Error> {
    let (name, kind) = (policy.name.clone(), kind.to_owned());
    Ok(automation.ledger.read(actor.workspace, move |rx| store::marks::find(rx, &name, &kind)).await?)
}

async fn remember(automation: &Automation, actor: &Actor, policy: &Policy, mark: Mark) -> Result<(), Error> {
    let name = policy.name.clone();
    Ok(automation.ledger.record(actor, move |tx| store::marks::put_fact(tx, &name, &mark)).await?)
}
