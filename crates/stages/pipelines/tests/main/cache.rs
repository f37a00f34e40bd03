use mlwright_pipelines::RunState;
use serde_json::json;

use crate::house::{COMPONENTS, House};

ledger::db_test! { components: COMPONENTS;

async fn a_step_that_would_do_the_same_takes_the_outputs_of_before_and_says_so(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let count = house.dir.path().join("count");
    house.define(json!({ "name": "p", "params": { "seed": 1 }, "steps": [
        { "name": "a", "run": format!("echo ran >> {}; echo $MLWRIGHT_PARAM_SEED | tee $MLWRIGHT_OUTPUTS/x", count.display()), "outputs": ["x"] },
        { "name": "b", "run": "cp $MLWRIGHT_INPUTS/a/x $MLWRIGHT_OUTPUTS/y", "needs": ["a"], "outputs": ["y"], "experiment": "e" },
    ] })).await;
    let code = house.code(&[("train.py", "1")]).await;
    let times = || types::io::read_to_string(&count).unwrap().lines().count();

    let first = house.submit(house.request(code.clone())).await.uid;
    let (_, first) = house.finished(first).await;
    let second = house.submit(house.request(code.clone())).await.uid;
    let (run, second) = house.finished(second).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(times(), 1);
    for name in ["a", "b"] {
        assert!(second[name].cached && !first[name].cached);
        assert_eq!(second[name].outputs, first[name].outputs);
        assert_eq!(second[name].message, Some(format!("cached: the same as step run {}", first[name].uid)));
    }
    assert_eq!(second["b"].tracking_run, first["b"].tracking_run);
    assert_eq!(house.log(run.uid, "a").await, "1\n");

    let mut other = house.request(code.clone());
    other.params.insert("seed".into(), json!(2));
    house.finished(house.submit(other).await.uid).await;
    assert_eq!(times(), 2);
    let changed = house.code(&[("train.py", "2")]).await;
    house.finished(house.submit(house.request(changed)).await.uid).await;
    assert_eq!(times(), 3);
    let mut fresh = house.request(code);
    fresh.use_cache = false;
    house.finished(house.submit(fresh).await.uid).await;
    assert_eq!(times(), 4);
}

async fn a_failed_step_is_never_taken_from_the_cache(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let count = house.dir.path().join("count");
    house.define(json!({ "name": "p", "steps": [
        { "name": "a", "run": format!("echo ran >> {}; exit 1", count.display()) } ] })).await;
    let code = house.code(&[("train.py", "1")]).await;
    for _ in 0..2 {
        let run = house.submit(house.request(code.clone())).await.uid;
        assert_eq!(house.finished(run).await.0.state, RunState::Failed);
    }
    assert_eq!(types::io::read_to_string(&count).unwrap().lines().count(), 2);
}

}
