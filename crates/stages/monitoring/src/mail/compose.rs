//! What a letter says.

use outbound::Letter;
use serde_json::Value;

use super::{MailSettings, Notice};
use crate::store::mail::Address;

/// Notices that are told one by one; of more, the first and the last.
const MOST: usize = 50;

pub(super) fn letter(settings: &MailSettings, to: &Address, notices: &[Notice]) -> Letter {
    let worst = notices.iter().max_by_key(|n| weight(n));
    let first = worst.map(headline).unwrap_or_default();
    let more = match notices.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let mut text = String::new();
    let left_out = notices.len().saturating_sub(MOST);
    for (at, notice) in notices.iter().enumerate() {
        if left_out > 0 && at == MOST / 2 {
            text.push_str(&format!("… {left_out} more …\n\n"));
        }
        if left_out > 0 && (MOST / 2..MOST / 2 + left_out).contains(&at) {
            continue;
        }
        text.push_str(&format!("{}  {}\n{}\n", notice.at.rfc3339(), headline(notice), facts(notice)));
    }
    let page = settings.page.trim_end_matches('/');
    text.push_str(&format!("{page}/monitors/{}\n", to.monitor));
    Letter {
        from: settings.from.clone(),
        to: to.recipient.clone(),
        subject: format!("[mlwright] {}: {first}{more}", to.monitor),
        text,
    }
}

/// What stands in the subject: the worst of all.
fn weight(notice: &Notice) -> u8 {
    match (notice.kind.as_str(), notice.payload["level"].as_str()) {
        ("drift.detected", _) => 3,
        ("monitor.signal", Some("critical")) => 2,
        ("monitor.signal", _) => 1,
        _ => 0,
    }
}

/// On one line, whatever features and reasons hold.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        Some(value) => format!("{value:.4}"),
        None => "–".into(),
    }
}

fn headline(notice: &Notice) -> String {
    let payload = &notice.payload;
    let signal = text(payload, "signal").replace('_', " ");
    let of = match text(payload, "feature") {
        "" => String::new(),
        feature => format!(" of {feature}"),
    };
    plain(&match notice.kind.as_str() {
        "drift.detected" => {
            let count = payload["features"].as_array().map_or(0, Vec::len);
            let share = payload["share"].as_f64().unwrap_or_default() * 100.0;
            format!("drift in {count} features ({share:.0} %)")
        }
        "drift.cleared" => match text(payload, "reason") {
            "deployed" => "the drift alarm ended with a new deployment".into(),
            _ => "the drift alarm ended".into(),
        },
        "monitor.signal" => format!("{signal}{of} is at the level {}", text(payload, "level")),
        _ => format!("{signal}{of} is ok again"),
    })
}

fn facts(notice: &Notice) -> String {
    let payload = &notice.payload;
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() && value != "–" {
            lines.push(format!("  {name}: {}\n", plain(&value)));
        }
    };
    line("endpoint", text(payload, "endpoint").to_owned());
    line("window", number(&payload["number"]));
    line("value", number(&payload["value"]));
    line("limit", number(&payload["limit"]));
    let features = payload["features"].as_array().into_iter().flatten().filter_map(Value::as_str);
    line("features", features.collect::<Vec<_>>().join(", "));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use types::{Timestamp, WorkspaceId};

    use super::*;

    #[test]
    fn the_worst_stands_in_the_subject_and_everything_in_the_text() {
        let server = outbound::MailServer {
            host: "localhost".into(),
            port: 25,
            security: outbound::MailSecurity::None,
            login: None,
            timeout: std::time::Duration::from_secs(1),
            authorities: Vec::new(),
        };
        let settings = MailSettings {
            server,
            login: None,
            from: "ml@example.org".into(),
            page: "http://127.0.0.1:5000/".into(),
            every: 0,
        };
        let to = Address {
            workspace: WorkspaceId::DEFAULT,
            monitor: "visits".into(),
            recipient: "ann@example.org".into(),
        };
        let notice =
            |kind: &str, payload: Value| Notice { position: 1, kind: kind.into(), at: Timestamp(0), payload };
        let signal = json!({
            "signal": "out_of_range", "feature": "age\nBcc: x@y.z", "value": 0.25, "limit": 0.1, "level": "warn",
        });
        let drift = json!({ "endpoint": "visits", "number": 7, "features": ["age", "ward"], "share": 0.4 });
        let letter =
            letter(&settings, &to, &[notice("monitor.signal", signal), notice("drift.detected", drift)]);
        assert_eq!(letter.subject, "[mlwright] visits: drift in 2 features (40 %) (and 1 more)");
        assert_eq!(
            letter.text,
            "1970-01-01T00:00:00Z  out of range of age Bcc: x@y.z is at the level warn\n  value: 0.2500\n  limit: 0.1000\n\n\
             1970-01-01T00:00:00Z  drift in 2 features (40 %)\n  endpoint: visits\n  window: 7\n  features: age, ward\n\n\
             http://127.0.0.1:5000/monitors/visits\n"
        );
    }
}
