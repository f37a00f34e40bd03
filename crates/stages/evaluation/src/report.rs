//! The evaluation as a page for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::{Evaluation, Outcome, Verdict};

pub(crate) fn markdown(e: &Evaluation) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut page, e);
    page
}

fn write(page: &mut String, e: &Evaluation) -> std::fmt::Result {
    let verdict = match e.verdict {
        Verdict::Blessed => "blessed",
        Verdict::Refused => "refused",
        Verdict::NotComputable => "not computable",
    };
    writeln!(page, "# {} version {}: {verdict}\n", e.model, e.number)?;
    if let Some(gate) = &e.gate {
        writeln!(page, "Gate `{gate}`, ")?;
    }
    write!(page, "{} rows of `{}` with label `{}`", e.n, e.data, e.label)?;
    match e.unlabelled {
        0 => writeln!(page, ".\n")?,
        missing => writeln!(page, "; {missing} rows without a label are left out.\n")?,
    }
    if !e.checks.is_empty() {
        writeln!(page, "## Checks\n\n| | check |\n|---|---|")?;
        for check in &e.checks {
            let mark = match check.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "**failed**",
                Outcome::NotComputable => "not computable",
            };
            writeln!(page, "| {mark} | {} |", cell(&check.text))?;
        }
        writeln!(page)?;
    }
    writeln!(page, "## Metrics\n")?;
    match &e.champion {
        None => {
            writeln!(page, "| metric | value |\n|---|---|")?;
            for (name, value) in &e.metrics {
                writeln!(page, "| {name} | {value:.4} |")?;
            }
        }
        Some(champion) => {
            writeln!(
                page,
                "| metric | this version | champion (version {}) |\n|---|---|---|",
                champion.number
            )?;
            for (name, value) in &e.metrics {
                let theirs = champion.metrics.get(name).map_or("–".into(), |v| format!("{v:.4}"));
                writeln!(page, "| {name} | {value:.4} | {theirs} |")?;
            }
        }
    }
    if !e.slices.is_empty() {
        let names: BTreeSet<&String> = e.slices.iter().flat_map(|s| s.metrics.keys()).collect();
        write!(page, "\n## Slices\n\n| slice | n |")?;
        for name in &names {
            write!(page, " {name} |")?;
        }
        writeln!(page, "\n|---|---|{}", "---|".repeat(names.len()))?;
        for slice in &e.slices {
            let small = if slice.judged { "" } else { " (too few to judge)" };
            write!(
                page,
                "| {} | {}{small} |",
                cell(&format!("{} = {}", slice.column, slice.value)),
                slice.n
            )?;
            for name in &names {
                let value = slice.metrics.get(*name).map_or("–".into(), |v| format!("{v:.4}"));
                write!(page, " {value} |")?;
            }
            writeln!(page)?;
        }
    }
    Ok(())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
