//! Runs that start by the clock.

use std::sync::Arc;

use mlwright_pipelines::{self as pipelines, Error, NewSchedule, RunFilter, RunState, Trigger};
use serde_json::Value;
use types::{Timestamp, Uid};

use crate::house::{COMPONENTS, House};
use crate::plans::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn cron(pattern: &str, time_zone: &str) -> Trigger {
    Trigger::Cron { cron: pattern.into(), time_zone: time_zone.into(), from: None, until: None }
}

/// The moments after `from`, in UTC.
fn moments(trigger: &Trigger, from: &str, count: usize) -> Vec<String> {
    trigger.upcoming(at(from), count).unwrap().into_iter().map(Timestamp::rfc3339).collect()
}

fn said(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| at(text).rfc3339()).collect()
}

#[test]
fn patterns_have_seconds_or_not_and_mean_the_time_of_their_zone() {
    let every = cron("*/20 * * * * *", "UTC");
    assert_eq!(
        moments(&every, "2026-01-01T00:00:00Z", 3),
        said(&["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z"])
    );
    let daily = cron("30 6 * * MON-FRI", "Asia/Kolkata");
    assert_eq!(
        moments(&daily, "2026-01-02T00:00:00Z", 2),
        said(&["2026-01-02T01:00:00Z", "2026-01-05T01:00:00Z"])
    );
    assert!(matches!(
        cron("61 * * * *", "UTC").next(at("2026-01-01T00:00:00Z"), Timestamp(0)),
        Err(Error::Schedule { .. })
    ));
    let error = cron("* * * * *", "Mars/Base").next(Timestamp(0), Timestamp(0)).unwrap_err();
    assert!(error.to_string().contains("Mars/Base"), "{error}");
}

#[test]
fn a_moment_in_the_missing_hour_comes_right_after_it_and_one_in_the_doubled_hour_once() {
    // Berlin: 2026-03-29 02:00 → 03:00, 2026-10-25 03:00 → 02:00.
    let spring = cron("0 30 2 * * *", "Europe/Berlin");
    assert_eq!(
        moments(&spring, "2026-03-28T00:00:00Z", 3),
        said(&["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"])
    );
    let autumn = cron("0 30 2 * * *", "Europe/Berlin");
    assert_eq!(
        moments(&autumn, "2026-10-24T12:00:00Z", 2),
        said(&["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"])
    );
    // Every hour is every hour: 25 of them on that day.
    let hourly = cron("0 0 * * * *", "Europe/Berlin");
    let day = moments(&hourly, "2026-10-24T21:59:59Z", 25);
    assert_eq!(day.last().unwrap(), &at("2026-10-25T22:00:00Z").rfc3339());
}

#[test]
fn intervals_count_from_their_beginning_and_both_end() {
    let from = Some(at("2026-01-01T00:00:00Z"));
    let until = Some(at("2026-01-01T00:01:00Z"));
    let every = Trigger::Interval { seconds: 25, from, until };
    assert_eq!(
        moments(&every, "2025-12-31T00:00:00Z", 9),
        said(&["2026-01-01T00:00:00Z", "2026-01-01T00:00:25Z", "2026-01-01T00:00:50Z"])
    );
    let until = Some(at("2026-01-01T03:00:00Z"));
    let hourly = Trigger::Cron { cron: "0 * * * *".into(), time_zone: "UTC".into(), from: None, until };
    assert_eq!(moments(&hourly, "2026-01-01T01:30:00Z", 9).len(), 2);
    assert!(
        Trigger::Interval { seconds: 0, from: None, until: None }.next(Timestamp(0), Timestamp(0)).is_err()
    );
}

fn schedule(run: &str, trigger: Trigger) -> NewSchedule {
    let plan = plan(graph(&[], vec![task("a", "a")], &[]), &[("a", work(run, &[], &[]))]);
    NewSchedule {
        name: "nightly".into(),
        description: String::new(),
        trigger,
        submit: request(plan),
        max_concurrency: 1,
        catch_up: false,
        enabled: true,
        labels: Value::Null,
    }
}

async fn runs(house: &House, schedule: Uid) -> Vec<pipelines::PipelineRun> {
    let filter = RunFilter { schedule: Some(schedule), ..RunFilter::default() };
    let mut runs = pipelines::find_runs(&house.ledger, &house.actor, filter).await.unwrap();
    runs.reverse();
    runs
}

async fn wait_for_runs(house: &House, schedule: Uid, count: usize) -> Vec<pipelines::PipelineRun> {
    for _ in 0..400 {
        let runs = runs(house, schedule).await;
        if runs.iter().filter(|run| run.state == RunState::Succeeded).count() >= count {
            return runs;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("no {count} runs: {:#?}", runs(house, schedule).await);
}

ledger::db_test! { components: COMPONENTS;

async fn a_schedule_starts_runs_in_time_until_it_is_disabled(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let made = pipelines::create_schedule(&house.ledger, &house.actor, schedule("true", cron("* * * * * *", "UTC"))).await.unwrap();
    let found = wait_for_runs(&house, made.uid, 2).await;
    let moment = found[0].scheduled_at.unwrap();
    assert_eq!(Some(moment), made.next_at);
    assert_eq!(found[0].name, format!("a run {}", moment.rfc3339()));
    assert!(found[0].created_at >= moment);
    pipelines::set_schedule_enabled(&house.ledger, &house.actor, made.uid, false).await.unwrap();
    let before = runs(&house, made.uid).await.len();
    tokio::time::sleep(std::time::Duration::from_millis(1300)).await;
    assert_eq!(runs(&house, made.uid).await.len(), before);
    let again = pipelines::set_schedule_enabled(&house.ledger, &house.actor, made.uid, true).await.unwrap();
    assert!(again.next_at.unwrap() > again.updated_at);
    assert_eq!(pipelines::list_schedules(&house.ledger, &house.actor).await.unwrap().len(), 1);
    pipelines::delete_schedule(&house.ledger, &house.actor, made.uid).await.unwrap();
    assert!(matches!(pipelines::delete_schedule(&house.ledger, &house.actor, made.uid).await, Err(Error::NotFound { .. })));
}

async fn what_was_missed_is_made_up_for_one_after_the_other_or_left(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let now = house.ledger.clock().now();
    let from = Some(Timestamp(now.0 - 3_600_000_000 * 3 - 1_000_000));
    let hourly = Trigger::Interval { seconds: 3600, from, until: None };
    let mut new = schedule("sleep 0.1", hourly.clone());
    new.catch_up = true;
    let made = pipelines::create_schedule(&house.ledger, &house.actor, new).await.unwrap();
    let found = wait_for_runs(&house, made.uid, 4).await;
    assert_eq!(found.len(), 4);
    for pair in found.windows(2) {
        assert!(pair[1].created_at >= pair[0].ended_at.unwrap(), "one at a time");
        assert_eq!(pair[1].scheduled_at.unwrap().0 - pair[0].scheduled_at.unwrap().0, 3_600_000_000);
    }
    let left = pipelines::create_schedule(&house.ledger, &house.actor, schedule("true", hourly)).await.unwrap();
    assert!(left.next_at.unwrap() > now);
}

async fn a_plan_that_can_never_run_is_not_scheduled(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| config.adapters = vec![Arc::new(Shell)]).await;
    let mut new = schedule("true", cron("* * * * *", "UTC"));
    new.submit.plan.components.clear();
    let error = pipelines::create_schedule(&house.ledger, &house.actor, new).await.unwrap_err();
    assert!(matches!(error, Error::Plan { .. }));
}

async fn an_event_starts_one_run_that_is_told_of_it(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let say = |what: &str, subject: &str, number: i64| {
        let (ledger, actor) = (house.ledger.clone(), house.actor.clone());
        let (what, subject) = (what.to_owned(), subject.to_owned());
        async move {
            let tell = move |tx: &mut ledger::Tx<'_>| tx.event(&what, &subject, serde_json::json!({ "number": number }));
            ledger.write(&actor, tell).await.unwrap();
        }
    };
    say("commit.created", "repository:visits/1", 0).await;
    let mut new = schedule("echo $IN_event; sleep 0.3", cron("* * * * *", "UTC"));
    let port = serde_json::from_value(serde_json::json!({ "of": "map" })).unwrap();
    new.submit.plan.root.inputs.insert("event".into(), port);
    let task = &mut new.submit.plan.root.tasks[0];
    task.inputs.insert("event".into(), pipelines::Binding { from: pipelines::From::Input("event".into()), select: None });
    let Some(pipelines::Component::Work(work)) = new.submit.plan.components.values_mut().next() else { panic!() };
    work.inputs.insert("event".into(), serde_json::from_value(serde_json::json!({ "of": "map" })).unwrap());
    new.catch_up = true;
    let on = |on: &str| Trigger::Event { on: on.into(), subject: Some("repository:visits*".into()), payload: Default::default() };
    for wrong in ["step.finished", "commits", "schedule.fired"] {
        new.trigger = on(wrong);
        let refused = pipelines::create_schedule(&house.ledger, &house.actor, new.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::Schedule { .. }), "{refused}");
    }
    new.trigger = on("commit.created");
    let made = pipelines::create_schedule(&house.ledger, &house.actor, new.clone()).await.unwrap();
    assert_eq!(made.next_at, None);
    say("commit.created", "repository:others/1", 1).await;
    say("branch.created", "repository:visits/main", 2).await;
    say("commit.created", "repository:visits/2", 3).await;
    say("commit.created", "repository:visits/3", 4).await;
    let found = wait_for_runs(&house, made.uid, 2).await;
    for (run, number) in found.iter().zip([3, 4]) {
        let (ended, steps) = house.finished(run.uid).await;
        succeeded(&ended, &steps);
        assert_eq!(ended.params["event"]["payload"]["number"], serde_json::json!(number), "in their order");
        assert_eq!(ended.trigger["kind"], "event");
    }
    assert_eq!(runs(&house, made.uid).await.len(), 2);
}

async fn what_happened_before_a_schedule_was_switched_on_again_is_not_answered(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let mut new = schedule("true", cron("* * * * *", "UTC"));
    new.trigger = Trigger::Event { on: "commit.created".into(), subject: None, payload: Default::default() };
    new.catch_up = true;
    let made = pipelines::create_schedule(&house.ledger, &house.actor, new).await.unwrap();
    let switch = |enabled| pipelines::set_schedule_enabled(&house.ledger, &house.actor, made.uid, enabled);
    let place = &house;
    let commit = |subject: String| async move {
        let tell = move |tx: &mut ledger::Tx<'_>| tx.event("commit.created", &subject, serde_json::json!({}));
        place.ledger.write(&place.actor, tell).await.unwrap();
    };
    // Events get their numbers a moment after they were written, so that the last one before may be numbered after the switch.
    for round in 1..=12 {
        switch(false).await.unwrap();
        commit(format!("before/{round}")).await;
        switch(true).await.unwrap();
        commit(format!("after/{round}")).await;
        wait_for_runs(&house, made.uid, round).await;
    }
    let mut heard: Vec<String> = runs(&house, made.uid)
        .await
        .iter()
        .map(|run| run.trigger["subject"].as_str().unwrap().to_owned())
        .collect();
    heard.sort();
    let mut expected: Vec<String> = (1..=12).map(|round| format!("after/{round}")).collect();
    expected.sort();
    assert_eq!(heard, expected);
}

}
