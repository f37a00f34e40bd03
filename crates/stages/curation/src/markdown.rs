use std::fmt::Write as _;

use crate::{Check, Report};

impl Report {
    /// The report as Markdown.
    pub fn text(&self, title: &str) -> String {
        let mut out = String::new();
        let verdict = if self.passed { "accepted" } else { "refused" };
        let failed = self.failed().count();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# {title}: {verdict}\n");
        let _ = writeln!(
            out,
            "{failed} of {} expectations failed, for {} rows and {} columns.\n",
            self.checks.len(),
            self.rows,
            self.columns
        );
        for check in self.failed() {
            section(&mut out, check);
        }
        let _ = writeln!(out, "## All expectations\n\n| | Expectation | Found |\n|---|---|---|");
        for check in &self.checks {
            let mark = if check.passed { "✓" } else { "✗" };
            let _ = writeln!(out, "| {mark} | {} | {} |", plain(&check.name), plain(&check.text));
        }
        out
    }
}

fn section(out: &mut String, check: &Check) {
    let _ = writeln!(out, "## ✗ {}\n\n{}\n", plain(&check.name), plain(&check.text));
    if check.failing.is_empty() {
        return;
    }
    let _ = writeln!(out, "| File | Where | Row id | Value |\n|---|---|---|---|");
    for row in &check.failing {
        let value = row.value.to_string();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            plain(&row.file),
            row.place,
            plain(&row.row_id),
            plain(&value)
        );
    }
    let hidden = check.failed_rows.saturating_sub(check.failing.len() as u64);
    if hidden > 0 {
        let _ = writeln!(out, "\nand {hidden} more.");
    }
    out.push('\n');
}

/// Text from data, so that it can neither break a table nor become a link or a tag.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
