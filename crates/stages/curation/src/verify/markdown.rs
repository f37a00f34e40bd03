use std::fmt::Write as _;

use super::{Verdict, Verification};
use crate::markdown::plain;

impl Verification {
    /// The findings as Markdown.
    pub fn text(&self, title: &str) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# {title}: {}\n", self.verdict.name());
        let _ = writeln!(
            out,
            "{} rows. A pass says that there is no evidence at a false-positive rate of {} under these checks; it does \
             not say that there is none.\n",
            self.rows, self.level
        );
        let _ = writeln!(
            out,
            "| | Check | Statistic | Interval | n | Warns at | Fails at |\n|---|---|---|---|---|---|---|"
        );
        for f in &self.findings {
            let statistic =
                f.statistic.as_ref().map_or("–".into(), |s| format!("{} = {:.4}", s.name, s.value));
            let interval = f.interval.map_or("–".into(), |i| format!("{:.4} to {:.4}", i.low, i.high));
            let limits = f.threshold.map_or(("–".into(), "–".into()), |t| (limit(t.warn), limit(t.fail)));
            let _ = writeln!(
                out,
                "| {} | {} | {} | {interval} | {} | {} | {} |",
                f.verdict.name(),
                f.check.name(),
                plain(&statistic),
                f.n,
                limits.0,
                limits.1
            );
        }
        for f in &self.findings {
            let _ = writeln!(out, "\n## {}: {}\n\n{}", f.check.name(), f.verdict.name(), plain(&f.text));
            if f.evidence.is_empty() || f.verdict == Verdict::NotComputable {
                continue;
            }
            let _ = writeln!(out, "\n| Where | Value | Why |\n|---|---|---|");
            for e in &f.evidence {
                let row = e.row.map(|row| format!("row {row}"));
                let column = e.column.as_ref().map(|column| plain(column));
                let place: Vec<String> = row.into_iter().chain(column).collect();
                let value = plain(&e.value.to_string());
                let _ = writeln!(out, "| {} | {value} | {} |", place.join(", "), plain(&e.why));
            }
            let hidden = f.found.saturating_sub(f.evidence.len() as u64);
            if hidden > 0 {
                let _ = writeln!(out, "\nand {hidden} more.");
            }
        }
        out
    }
}

fn limit(value: f64) -> String {
    if value == f64::MIN_POSITIVE { "above 0".to_owned() } else { format!("{value:.4}") }
}
