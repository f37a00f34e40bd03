//! A report as a page of its own: it opens in any browser, needs nothing else, and stays small.

use reports::Document;
use serde_json::Value;

use crate::results;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3ea}\
    .ok{color:#116c3a}.bad{color:#b42318;font-weight:600}code{font-size:.9em}";

pub(crate) fn html(report: &Document, snapshot: &Value) -> String {
    let short = results::short(snapshot);
    let title = if report.name.is_empty() { "Report" } else { &report.name };
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title><style>{STYLE}</style><h1>{0}</h1><p>{1}</p>",
        escape(title),
        escape(report.body["timestamp"].as_str().unwrap_or_default())
    );
    out.push_str("<h2>Metrics</h2><table><tr><th>Metric<th>Value</tr>");
    for metric in short["metrics"].as_array().into_iter().flatten() {
        let name = escape(metric["metric_name"].as_str().unwrap_or_default());
        let value = escape(&metric["value"].to_string());
        out.push_str(&format!("<tr><td>{name}<td><code>{value}</code></tr>"));
    }
    out.push_str("</table>");
    let tests = short["tests"].as_array().cloned().unwrap_or_default();
    if !tests.is_empty() {
        out.push_str("<h2>Tests</h2><table><tr><th>Test<th>Status<th>Found</tr>");
        for test in &tests {
            let status = test["status"].as_str().unwrap_or_default();
            let class = if status == "SUCCESS" { "ok" } else { "bad" };
            out.push_str(&format!(
                "<tr><td>{}<td class={class}>{}<td>{}</tr>",
                escape(test["name"].as_str().unwrap_or_default()),
                escape(status),
                escape(test["description"].as_str().unwrap_or_default())
            ));
        }
        out.push_str("</table>");
    }
    out.push_str("</html>");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
