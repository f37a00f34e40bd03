use std::fmt::Write as _;

use super::Assessment;
use crate::model::{Outcome, Verdict};

impl Assessment {
    /// The assessment as a page for people.
    pub fn text(&self, title: &str) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(title, &mut page);
        page
    }

    fn write(&self, title: &str, page: &mut String) -> std::fmt::Result {
        let verdict = match self.verdict {
            Verdict::Blessed => "blessed",
            Verdict::Refused => "refused",
            Verdict::NotComputable => "not computable",
        };
        writeln!(page, "# {}: {verdict}\n", cell(title))?;
        writeln!(page, "{} task, {} labelled rows, {} without a label.", self.task, self.n, self.unlabelled)?;
        if !self.checks.is_empty() {
            writeln!(page, "\n## Checks\n\n| | check |\n|---|---|")?;
            for check in &self.checks {
                let mark = match check.outcome {
                    Outcome::Passed => "passed",
                    Outcome::Failed => "**failed**",
                    Outcome::NotComputable => "not computable",
                };
                writeln!(page, "| {mark} | {} |", cell(&check.text))?;
            }
        }
        if !self.metrics.is_empty() {
            writeln!(page, "\n## Metrics\n\n| metric | value | interval | champion |\n|---|---|---|---|")?;
            for (name, measured) in &self.metrics {
                let interval =
                    measured.interval.map_or("–".into(), |i| format!("{:.4} to {:.4}", i.low, i.high));
                let theirs = self.champion.as_ref().and_then(|c| c.get(name));
                let theirs = theirs.map_or("–".into(), |v| format!("{v:.4}"));
                writeln!(page, "| {name} | {:.4} | {interval} | {theirs} |", measured.value)?;
            }
        }
        self.write_slices(page)?;
        if let Some(calibration) = &self.calibration {
            writeln!(
                page,
                "\n## Calibration\n\nExpected error {:.4}, largest gap {:.4}.\n",
                calibration.expected_error, calibration.largest_gap
            )?;
            writeln!(page, "| score | n | mean score | came true |\n|---|---|---|---|")?;
            for bin in &calibration.bins {
                writeln!(
                    page,
                    "| {:.1}–{:.1} | {} | {:.4} | {:.4} |",
                    bin.low, bin.high, bin.n, bin.mean_score, bin.share
                )?;
            }
        }
        for grouped in &self.fairness {
            writeln!(
                page,
                "\n## Fairness by {}\n\n| group | n | selected | tpr | fpr | precision |\n|---|---|---|---|---|---|",
                cell(&grouped.column)
            )?;
            for group in &grouped.groups {
                let rate = |name: &str| group.rates.get(name).map_or("–".into(), |v| format!("{v:.4}"));
                writeln!(
                    page,
                    "| {} | {} | {} | {} | {} | {} |",
                    cell(&group.group),
                    group.n,
                    rate("selection_rate"),
                    rate("tpr"),
                    rate("fpr"),
                    rate("precision")
                )?;
            }
            writeln!(page, "\n| metric | value | interval |\n|---|---|---|")?;
            for (name, value) in &grouped.metrics {
                let interval = grouped.intervals.get(name);
                let interval = interval.map_or("–".into(), |i| format!("{:.4} to {:.4}", i.low, i.high));
                writeln!(page, "| {name} | {value:.4} | {interval} |")?;
            }
            if !grouped.too_small.is_empty() {
                writeln!(page, "\nToo few rows to judge: {}.", cell(&grouped.too_small.join(", ")))?;
            }
        }
        if !self.estimated.is_empty() {
            writeln!(
                page,
                "\n## Expected without labels\n\n| rows | metric | value | interval | usual | |\n|---|---|---|---|---|---|"
            )?;
            for chunk in &self.estimated {
                for m in &chunk.metrics {
                    let end = |v: Option<f64>| v.map_or("–".into(), |v| format!("{v:.4}"));
                    let alert = if m.alert { "**alert**" } else { "" };
                    writeln!(
                        page,
                        "| {}–{} | {} | {:.4} | {:.4} to {:.4} | {} to {} | {alert} |",
                        chunk.first,
                        chunk.last,
                        m.metric,
                        m.value,
                        m.low,
                        m.high,
                        end(m.lower_limit),
                        end(m.upper_limit)
                    )?;
                }
            }
        }
        Ok(())
    }

    fn write_slices(&self, page: &mut String) -> std::fmt::Result {
        if self.slices.is_empty() {
            return Ok(());
        }
        let names: Vec<&String> = self.metrics.keys().collect();
        write!(page, "\n## Slices\n\n| slice | n |")?;
        for name in &names {
            write!(page, " {name} |")?;
        }
        writeln!(page, "\n|---|---|{}", "---|".repeat(names.len()))?;
        for slice in &self.slices {
            let small = if slice.judged { "" } else { " (too few to judge)" };
            write!(page, "| {} | {}{small} |", cell(&slice.slice), slice.n)?;
            for name in &names {
                let value = slice.metrics.get(*name).map_or("–".into(), |v| format!("{v:.4}"));
                write!(page, " {value} |")?;
            }
            writeln!(page)?;
        }
        Ok(())
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
