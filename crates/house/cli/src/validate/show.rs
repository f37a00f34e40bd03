//! What was found, for people and for programs.

use curation::{Expectation, Finding, Found, ResultFormat, Validation};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::screen::say;

/// Values that are shown of those that fail.
const SHOWN: usize = 5;

pub fn text(name: &str, validation: &Validation) -> Result<(), Failure> {
    let all = validation.findings.len();
    let passed = validation.findings.iter().filter(|f| f.success).count();
    let details = validation.gx(&ResultFormat { partial: SHOWN, ..ResultFormat::default() })?;
    for (i, (expectation, finding)) in
        validation.suite.expectations.iter().zip(&validation.findings).enumerate()
    {
        let mark = match (finding.success, &finding.raised) {
            (true, _) => "✓",
            (false, None) => "✗",
            (false, Some(_)) => "!",
        };
        say(format!("{mark} {}", expectation.phrase()));
        if !finding.success {
            say(format!("    {}", why(finding, &details["results"][i]["result"])));
        }
    }
    let verdict = if passed == all { "every expectation holds" } else { "not as expected" };
    say(format!("\n{name}: {verdict}: {passed} of {all}, {} rows", validation.frame.rows()));
    Ok(())
}

fn why(finding: &Finding, result: &Value) -> String {
    if let Some(raised) = &finding.raised {
        return format!("it could not be evaluated: {raised}");
    }
    match &finding.found {
        Found::Rows(rows) => {
            let of = rows.present.unwrap_or(rows.element_count);
            let values = result["partial_unexpected_list"].as_array().cloned().unwrap_or_default();
            let listed: Vec<String> = values.iter().map(Value::to_string).collect();
            let rows_text: Vec<String> =
                rows.unexpected.iter().take(SHOWN).map(|r| (r + 1).to_string()).collect();
            let more = if rows.unexpected.len() > SHOWN { ", …" } else { "" };
            format!(
                "{} of {of} are not: {}{more} (rows {}{more})",
                rows.unexpected.len(),
                listed.join(", "),
                rows_text.join(", ")
            )
        }
        Found::Observed { value, more } => {
            let details: Vec<String> =
                more.iter().filter(|(k, _)| *k != "details").map(|(k, v)| format!("{k} {v:.200}")).collect();
            let observed =
                if value.is_null() && !details.is_empty() { String::new() } else { format!("{value:.200} ") };
            format!("found {observed}{}", details.join(", "))
        }
        Found::Nothing => "it is not so".into(),
    }
}

pub fn json(validation: &Validation) -> Result<Value, Failure> {
    let details = validation.gx(&ResultFormat::default())?;
    let one = |(i, (e, f)): (usize, (&Expectation, &Finding))| {
        json!({
            "type": e.kind,
            "column": e.column(),
            "kwargs": e.kwargs,
            "success": f.success,
            "not_computable": f.raised,
            "result": details["results"][i]["result"],
        })
    };
    let pairs = validation.suite.expectations.iter().zip(&validation.findings);
    let expectations: Vec<Value> = pairs.enumerate().map(one).collect();
    Ok(json!({
        "success": validation.passed(),
        "rows": validation.frame.rows(),
        "suite": validation.suite.name,
        "statistics": details["statistics"],
        "expectations": expectations,
        "notes": validation.suite.notes,
    }))
}
