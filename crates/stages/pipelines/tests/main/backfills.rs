//! Runs for the moments of a range that lies behind.

use mlwright_pipelines::{
    self as pipelines, BackfillState, Error, Kind, NewBackfill, Rerun, RunFilter, RunState, Trigger,
};
use types::{Timestamp, Uid};

use crate::house::{COMPONENTS, House};
use crate::plans::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn daily(run: &str, from: &str, to: &str) -> NewBackfill {
    let mut port = port(Kind::Text);
    port.optional = true;
    let mut graph =
        graph(&[], vec![given(task("a", "a"), &[("day", pipelines::From::Input("day".into()))])], &[]);
    graph.inputs.insert("day".into(), port);
    let plan = plan(graph, &[("a", work(run, &[("day", Kind::Text)], &[]))]);
    NewBackfill {
        name: "days".into(),
        trigger: Trigger::Cron {
            cron: "0 6 * * *".into(),
            time_zone: "Europe/Berlin".into(),
            from: None,
            until: None,
        },
        schedule: None,
        submit: request(plan),
        moment_input: Some("day".into()),
        from: at(from),
        to: at(to),
        max_active: 2,
        rerun: Rerun::None,
        backwards: false,
    }
}

async fn ended(house: &House, uid: Uid) -> (pipelines::Backfill, Vec<pipelines::BackfillMoment>) {
    for _ in 0..600 {
        let found = pipelines::get_backfill(&house.ledger, &house.actor, uid).await.unwrap();
        if found.0.state == BackfillState::Finished {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{:#?}", pipelines::get_backfill(&house.ledger, &house.actor, uid).await.unwrap());
}

fn states(moments: &[pipelines::BackfillMoment]) -> Vec<&str> {
    moments.iter().map(|moment| moment.state.as_str()).collect()
}

ledger::db_test! { components: COMPONENTS;

async fn each_moment_of_the_range_has_its_run_and_few_go_on_at_once(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    // Over the change of the clocks on 2026-03-29.
    let run = format!("echo $IN_day $MLWRIGHT_SCHEDULED_AT $MLWRIGHT_INTERVAL_END >> {dir}/days; sleep 0.1");
    let new = daily(&run, "2026-03-27T00:00:00Z", "2026-03-31T04:00:00Z");
    let shown = pipelines::preview_backfill(&house.ledger, &house.actor, new.clone()).await.unwrap();
    assert_eq!(shown.iter().map(|m| m.moment.rfc3339()).collect::<Vec<_>>(), [
        "2026-03-27T05:00:00Z", "2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z", "2026-03-31T04:00:00Z",
    ].map(|text| at(text).rfc3339()));
    assert!(pipelines::list_backfills(&house.ledger, &house.actor, None).await.unwrap().is_empty());
    let made = pipelines::create_backfill(&house.ledger, &house.actor, new).await.unwrap();
    assert_eq!((made.progress.total, made.progress.waiting), (5, 5));
    let (found, moments) = ended(&house, made.uid).await;
    assert_eq!((found.progress.succeeded, found.progress.total), (5, 5), "{moments:?}");
    assert_eq!(states(&moments), ["succeeded"; 5]);
    let filter = RunFilter { backfill: Some(made.uid), ..RunFilter::default() };
    let mut runs = pipelines::find_runs(&house.ledger, &house.actor, filter).await.unwrap();
    runs.reverse();
    assert_eq!(runs.iter().map(|run| run.scheduled_at).collect::<Vec<_>>(), moments.iter().map(|m| Some(m.moment)).collect::<Vec<_>>());
    for third in runs.windows(3) {
        let over = third[..2].iter().filter(|run| run.ended_at.unwrap() <= third[2].created_at).count();
        assert!(over >= 1, "more than two at once");
    }
    let text = types::io::read_to_string(house.dir.path().join("days")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let (a, b) = (at("2026-03-28T05:00:00Z").rfc3339(), at("2026-03-29T04:00:00Z").rfc3339());
    assert_eq!(lines[1], format!("{a} {a} {b}"));
}

async fn what_has_run_is_left_out_or_runs_again(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = format!("echo ran >> {dir}/count; case $IN_day in 2026-01-02*) [ -e {dir}/fixed ];; esac");
    let new = daily(&run, "2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z");
    let first = pipelines::create_backfill(&house.ledger, &house.actor, new.clone()).await.unwrap();
    let (found, moments) = ended(&house, first.uid).await;
    assert_eq!(states(&moments), ["succeeded", "failed", "succeeded"]);
    assert_eq!((found.progress.failed, found.progress.succeeded), (1, 2));
    types::io::write(house.dir.path().join("fixed"), "x").unwrap();

    let second = pipelines::create_backfill(&house.ledger, &house.actor, new.clone()).await.unwrap();
    let (found, moments) = ended(&house, second.uid).await;
    assert_eq!((states(&moments), found.progress.skipped), (vec!["skipped"; 3], 3));
    assert_eq!(moments[1].message.as_deref(), Some("a run for it has failed"));
    assert!(moments[1].run.is_some());

    let again = NewBackfill { rerun: Rerun::Failed, ..new.clone() };
    let third = pipelines::create_backfill(&house.ledger, &house.actor, again).await.unwrap();
    assert_eq!(states(&ended(&house, third.uid).await.1), ["skipped", "succeeded", "skipped"]);

    let everything = NewBackfill { rerun: Rerun::Completed, backwards: true, ..new };
    let shown = pipelines::preview_backfill(&house.ledger, &house.actor, everything.clone()).await.unwrap();
    assert!(shown[0].moment > shown[2].moment);
    let fourth = pipelines::create_backfill(&house.ledger, &house.actor, everything).await.unwrap();
    assert_eq!(states(&ended(&house, fourth.uid).await.1), ["succeeded"; 3]);
    assert_eq!(types::io::read_to_string(house.dir.path().join("count")).unwrap().lines().count(), 7);
    assert_eq!(pipelines::list_backfills(&house.ledger, &house.actor, Some("p".into())).await.unwrap().len(), 4);
}

async fn a_backfill_is_paused_goes_on_and_is_cancelled_with_its_runs(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = format!("while [ ! -e {dir}/go ]; do sleep 0.02; done");
    let mut new = daily(&run, "2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z");
    new.max_active = 1;
    let made = pipelines::create_backfill(&house.ledger, &house.actor, new).await.unwrap();
    let progress = || async { pipelines::get_backfill(&house.ledger, &house.actor, made.uid).await.unwrap().0.progress };
    while progress().await.running == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let paused = pipelines::pause_backfill(&house.ledger, &house.actor, made.uid, true).await.unwrap();
    assert_eq!(paused.state, BackfillState::Paused);
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    while progress().await.running > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(progress().await.succeeded, 1, "nothing starts while it is paused");
    std::fs::remove_file(house.dir.path().join("go")).unwrap();
    pipelines::pause_backfill(&house.ledger, &house.actor, made.uid, false).await.unwrap();
    while progress().await.running == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    pipelines::cancel_backfill(&house.ledger, &house.actor, made.uid).await.unwrap();
    while progress().await.running > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (found, moments) = pipelines::get_backfill(&house.ledger, &house.actor, made.uid).await.unwrap();
    assert_eq!(found.state, BackfillState::Cancelled);
    assert_eq!((moments.len(), moments[1].state.as_str(), moments[5].state.as_str()), (19, "cancelled", "cancelled"));
    let run = pipelines::get_run(&house.ledger, &house.actor, moments[1].run.unwrap()).await.unwrap();
    assert_eq!(run.state, RunState::Cancelled);
    let error = pipelines::pause_backfill(&house.ledger, &house.actor, made.uid, true).await.unwrap_err();
    assert!(matches!(error, Error::BackfillState { .. }), "{error}");
}

async fn a_range_without_moments_or_with_too_many_is_refused(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let refused = |new: NewBackfill| {
        let (ledger, actor) = (house.ledger.clone(), house.actor.clone());
        async move { pipelines::create_backfill(&ledger, &actor, new).await.unwrap_err().to_string() }
    };
    let error = refused(daily("true", "2026-01-01T06:00:00Z", "2026-01-01T07:00:00Z")).await;
    assert!(error.contains("no moment of its rhythm"), "{error}");
    let error = refused(daily("true", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")).await;
    assert!(error.contains("before it begins"), "{error}");
    let error = refused(daily("true", "1900-01-01T00:00:00Z", "2026-01-01T00:00:00Z")).await;
    assert!(error.contains("more than 10000 moments"), "{error}");
    let mut new = daily("true", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z");
    new.moment_input = Some("unknown".into());
    let error = refused(new).await;
    assert!(error.contains("unknown"), "{error}");
    // A rhythm counts back beyond the beginning of its schedule.
    let mut new = daily("true", "2026-01-01T00:00:00Z", "2026-01-01T00:40:00Z");
    new.trigger = Trigger::Interval { seconds: 900, from: Some(at("2026-02-01T00:05:00Z")), until: None };
    let shown = pipelines::preview_backfill(&house.ledger, &house.actor, new).await.unwrap();
    assert_eq!(shown.iter().map(|m| m.moment).collect::<Vec<_>>(), ["00:05", "00:20", "00:35"].map(|m| at(&format!("2026-01-01T{m}:00Z"))));
}

}
