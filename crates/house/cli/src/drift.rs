//! `mlwright drift`.

use std::process::ExitCode;

use columns::drift::{Choice, ColumnReport, Finding, Frame, Kind, Mode, Options, Report, compare};

use crate::args::{Connection, Drift, DriftMode};
use crate::domain;
use crate::failure::Failure;
use crate::frames::{self, pair};
use crate::screen::{self, say};
use crate::table::table;

/// 0 without drift, 1 with drift, 2 after an error.
pub async fn run(connection: &Connection, asked: Drift) -> ExitCode {
    if asked.method.as_deref() == Some(domain::METHOD) {
        return match domain::run(connection, &asked).await {
            Ok(drifted) => ExitCode::from(u8::from(drifted)),
            Err(failure) => {
                screen::error(&failure);
                ExitCode::from(2)
            }
        };
    }
    match compared(connection, &asked).await {
        Ok(report) => {
            if asked.json {
                say(frames::json(&report.to_json()));
            } else {
                show(&asked, &report);
            }
            ExitCode::from(u8::from(report.drifted))
        }
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(2)
        }
    }
}

async fn compared(connection: &Connection, asked: &Drift) -> Result<Report, Failure> {
    let options = options(asked)?;
    let reference: Frame = frames::open(connection, &asked.reference).await?;
    let current: Frame = frames::open(connection, &asked.current).await?;
    let work = move || compare(&reference, &current, &options);
    let report = tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))?;
    Ok(report?)
}

fn options(asked: &Drift) -> Result<Options, Failure> {
    let choice = |name: &str| name.parse::<Choice>().map_err(Failure::new);
    let mut options = Options {
        mode: match asked.mode {
            DriftMode::Parity => Mode::Parity,
            DriftMode::Calibrated => Mode::Calibrated,
        },
        method: asked.method.as_deref().map(choice).transpose()?,
        only: asked.only.clone(),
        share: asked.share,
        alpha: asked.alpha,
        ..Options::default()
    };
    if !(asked.alpha > 0.0 && asked.alpha < 1.0) {
        return Err(Failure::new(format!("--alpha {} is not between 0 and 1", asked.alpha)));
    }
    if asked.share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return Err(Failure::new("--share is not above 0 and at most 1"));
    }
    let of_kinds = [
        (Kind::Number, &asked.num_method),
        (Kind::Category, &asked.cat_method),
        (Kind::Text, &asked.text_method),
    ];
    for (kind, method) in of_kinds {
        if let Some(method) = method {
            options.kind_methods.push((kind, choice(method)?));
        }
    }
    for text in &asked.columns {
        let (column, method) = pair(text, "COLUMN=METHOD")?;
        options.column_methods.insert(column.to_owned(), choice(method)?);
    }
    for text in &asked.types {
        let (column, kind) = pair(text, "COLUMN=TYPE")?;
        options.kinds.insert(column.to_owned(), kind.parse().map_err(Failure::new)?);
    }
    for text in &asked.vectors {
        let (name, parts) = pair(text, "NAME=COLUMN,COLUMN,…")?;
        options.vectors.insert(name.to_owned(), parts.split(',').map(str::to_owned).collect());
    }
    for text in &asked.thresholds {
        threshold(&mut options, text)?;
    }
    Ok(options)
}

fn threshold(options: &mut Options, text: &str) -> Result<(), Failure> {
    let bad = || Failure::new(format!("--threshold {text}: no number")).hint("write 0.1, age=0.1 or num:0.1");
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(bad);
    if let Some((column, value)) = text.rsplit_once('=') {
        options.column_thresholds.insert(column.to_owned(), number(value)?);
    } else if let Some((kind, value)) = text.split_once(':') {
        options.kind_thresholds.push((kind.parse().map_err(Failure::new)?, number(value)?));
    } else {
        options.threshold = Some(number(text)?);
    }
    Ok(())
}

fn show(asked: &Drift, report: &Report) {
    let calibrated = asked.mode == DriftMode::Calibrated;
    let mut headings = vec!["column", "type", "method", "score", "threshold"];
    if calibrated {
        headings.push("adjusted p");
    }
    headings.push("drift");
    let rows: Vec<Vec<String>> = report.columns.iter().map(|column| row(column, calibrated)).collect();
    say(table(&headings, &rows));
    let compared = report.columns.iter().filter(|c| c.found.is_ok()).count();
    let verdict = if report.drifted { "the data has drifted" } else { "no drift" };
    say(format!("\n{verdict}: {} of {compared} columns ({:.0} %)", report.count, report.share * 100.0));
}

fn row(column: &ColumnReport, calibrated: bool) -> Vec<String> {
    let found: &Finding = match &column.found {
        Ok(found) => found,
        Err(why) => {
            return vec![column.column.clone(), "-".into(), format!("not computable: {why}")];
        }
    };
    let mut cells = vec![
        column.column.clone(),
        found.kind.to_string(),
        found.method.clone(),
        number(found.score),
        number(found.threshold),
    ];
    if calibrated {
        cells.push(found.adjusted.map_or_else(|| "-".into(), number));
    }
    cells.push(if found.drifted { "DRIFT".into() } else { "no".into() });
    cells
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
        _ => format!("{value:.4}"),
    }
}
