use mlwright_pipelines::{Error, PipelineSpec, Span};
use serde_json::json;
use types::Fault as _;

use crate::house::spec;

fn refused(steps: serde_json::Value) -> String {
    let error = spec(json!({ "name": "p", "steps": steps })).check().unwrap_err();
    assert!(matches!(error, Error::Spec { .. }));
    assert_eq!(error.class(), types::Class::Invalid);
    error.to_string()
}

#[test]
fn a_pipeline_that_can_never_run_is_refused_and_the_step_named() {
    let cases = [
        (json!([]), "it has no steps"),
        (
            json!([{ "name": "a", "run": "true", "needs": ["b"] }, { "name": "b", "run": "true", "needs": ["a"] }]),
            "steps wait for each other: a, b",
        ),
        (json!([{ "name": "a", "run": "true", "needs": ["a"] }]), "steps wait for each other: a"),
        (
            json!([{ "name": "a", "run": "true", "needs": ["x"] }]),
            "step `a`: it needs `x`, which is no step of this pipeline",
        ),
        (json!([{ "name": "a", "run": "true" }, { "name": "a", "run": "true" }]), "two steps are called `a`"),
        (json!([{ "name": "../a", "run": "true" }]), "`../a` is not a usable step name"),
        (json!([{ "name": "a", "run": " " }]), "step `a`: `run` is empty"),
        (
            json!([{ "name": "a", "run": "true", "outputs": ["../x"] }]),
            "step `a`: output `../x` is not a relative path inside the output directory",
        ),
        (
            json!([{ "name": "a", "run": "true", "outputs": ["/x"] }]),
            "step `a`: output `/x` is not a relative path inside the output directory",
        ),
        (
            json!([{ "name": "a", "run": "true", "environment": "e" }]),
            "step `a`: environment `e` is not declared",
        ),
        (
            json!([{ "name": "a", "run": "true", "registers": "m" }]),
            "step `a`: `registers` needs `experiment`: a model version comes from a tracking run",
        ),
        (json!([{ "name": "a", "run": "true", "timeout": "0s" }]), "step `a`: `timeout` is zero"),
    ];
    for (steps, told) in cases {
        assert_eq!(refused(steps), format!("pipeline `p` cannot run: {told}"));
    }
}

#[test]
fn an_unknown_key_is_refused() {
    let error = serde_json::from_value::<PipelineSpec>(json!({ "steps": [], "step": 1 })).unwrap_err();
    assert!(error.to_string().contains("unknown field `step`"), "{error}");
}

#[test]
fn steps_run_after_what_they_need_and_else_in_the_order_of_the_file() {
    let spec = spec(json!({ "name": "p", "steps": [
        { "name": "d", "run": "true", "needs": ["c", "b"] }, { "name": "c", "run": "true" },
        { "name": "b", "run": "true", "needs": ["c"] }, { "name": "a", "run": "true" },
    ] }));
    let names: Vec<_> = spec.order().unwrap().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["c", "b", "d", "a"]);
}

#[test]
fn spans_read_and_write_as_people_do() {
    for (text, millis, written) in [
        ("500ms", 500, "500ms"),
        ("90s", 90_000, "1m30s"),
        ("1h30m", 5_400_000, "1h30m"),
        ("2d", 172_800_000, "2d"),
    ] {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.0.as_millis(), millis);
        assert_eq!(span.to_string(), written);
        assert_eq!(written.parse::<Span>().unwrap(), span);
    }
    for text in ["", "10", "m", "10 m", "-1s", "1x", "99999999999999999999s", "999999999999999999d"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}
