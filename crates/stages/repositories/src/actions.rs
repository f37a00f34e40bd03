//! Actions: YAML files below `_lakefs_actions/` in a tree, in lakeFS's form (`pkg/actions`). Their webhooks are told of
//! events; hooks of the kinds `lua` and `airflow` are known and refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt as _;
use outbound::{Body, Call, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use types::Digest;

use crate::hooks::{Event, Hooked, Ran};
use crate::{Error, Object, Physical, Repositories, names};

const FOLDER: &str = "_lakefs_actions/";
/// Most files of a tree that are read, and most bytes of one.
const MOST_FILES: usize = 200;
const LONGEST_FILE: u64 = 1 << 20;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Action {
    name: String,
    on: BTreeMap<String, Option<On>>,
    #[serde(default)]
    hooks: Vec<Hook>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct On {
    #[serde(default)]
    branches: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Hook {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "if")]
    condition: String,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

impl Action {
    /// Errors: what is wrong with the file.
    fn parse(text: &str) -> Result<Self, String> {
        let action: Self = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let plain = |c: char| word(c) || matches!(c, '-' | '.' | ' ');
        if action.name.len() < 2 || !action.name.starts_with(word) || !action.name.chars().all(plain) {
            return Err("'name' is required, of letters, digits, `_`, `-`, `.` and spaces".into());
        }
        if action.on.is_empty() {
            return Err("'on' is required".into());
        }
        for (event, on) in &action.on {
            if Event::parse(event).is_none() {
                return Err(format!("event '{event}' is not supported"));
            }
            let branches = on.as_ref().is_some_and(|on| !on.branches.is_empty());
            if branches && event.ends_with("-tag") {
                return Err("'branches' is not supported in tag event types".into());
            }
        }
        let mut seen = BTreeSet::new();
        for (index, hook) in action.hooks.iter().enumerate() {
            let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
            let good = (2..=256).contains(&hook.id.len())
                && hook.id.starts_with(letter)
                && hook.id.chars().all(|c| word(c) || c == '-');
            if !good {
                return Err(format!("hook[{index}] missing ID"));
            }
            if !seen.insert(&hook.id) {
                return Err(format!("hook[{index}] duplicate ID '{}'", hook.id));
            }
            match hook.kind.as_str() {
                "webhook" if hook.properties.contains_key("url") => {}
                "webhook" => return Err(format!("hook[{index}]: 'url' must be supplied in properties")),
                "airflow" | "lua" => {}
                other => return Err(format!("hook[{index}] type '{other}' unknown")),
            }
        }
        Ok(action)
    }

    pub fn concerns(&self, event: Event, branch: &str) -> bool {
        match self.on.get(event.name()) {
            None => false,
            Some(Some(on)) if !on.branches.is_empty() => {
                on.branches.iter().any(|pattern| names::matches(pattern, branch))
            }
            Some(_) => true,
        }
    }
}

/// Whether a hook runs: `success()` (also without a condition), `failure()`, `true`, `false`, joined by `||`.
fn holds(condition: &str, failed: bool) -> Result<bool, String> {
    let one = |part: &str| match part.trim() {
        "" | "success()" => Ok(!failed),
        "failure()" => Ok(failed),
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("condition `{other}` is not understood")),
    };
    let mut any = false;
    for part in condition.split("||") {
        any |= one(part)?;
    }
    Ok(any)
}

/// `1m30s`, `250ms`: Go's way to write a time.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// The actions of trees that were looked at, by the roots of these: a tree never changes. Most have none, and then a
/// branch or a tag of one costs nothing but its own transaction.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<Digest, Arc<[Action]>>>);

/// Trees that are remembered; all are forgotten when there are more.
const KNOWN: usize = 1_000;
/// The actions of a tree are remembered if their files are no longer than this together, and none is elsewhere, where it
/// may change.
const REMEMBERED: u64 = 16 << 10;

impl Known {
    fn get(&self, root: &Digest) -> Option<Arc<[Action]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    fn put(&self, root: Digest, actions: &[Action]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(root, actions.into());
    }
}

impl Repositories {
    /// Whether it is known that no action in a tree is about an event of a branch. Never waits, so that transactions may
    /// ask; `false` where nobody has looked yet.
    pub(crate) fn is_quiet(&self, root: &Digest, event: Event, branch: &str) -> bool {
        let known = self.0.actions.get(root);
        known.is_some_and(|actions| !actions.iter().any(|action| action.concerns(event, branch)))
    }

    /// Errors: `Invalid` with the file and what is wrong in it.
    pub(crate) async fn load_actions(&self, root: &Digest) -> Result<Vec<Action>, Error> {
        if let Some(known) = self.0.actions.get(root) {
            return Ok(known.to_vec());
        }
        let root = *root;
        let files = self
            .blocking(move |stage, _| {
                let mut files = Vec::new();
                for entry in tree::scan(stage.nodes(), &root, FOLDER.as_bytes(), FOLDER.as_bytes())? {
                    let (path, item) = entry?;
                    files.push((crate::objects::text(path)?, Object::decode(&item.value)?));
                    if files.len() > MOST_FILES {
                        return Err(Error::Invalid(format!(
                            "there are more than {MOST_FILES} files in {FOLDER}"
                        )));
                    }
                }
                Ok(files)
            })
            .await?;
        let bytes: u64 = files.iter().map(|(_, object)| object.size).sum();
        let is_fixed = !files.iter().any(|(_, object)| matches!(object.physical, Physical::External(_)));
        let mut actions: Vec<Action> = Vec::new();
        for (path, object) in files {
            let bad = |what: String| Error::Invalid(format!("action file `{path}`: {what}"));
            if object.size > LONGEST_FILE {
                return Err(bad("it is longer than 1 MiB".into()));
            }
            let chunks: Vec<bytes::Bytes> = self.read(&object, None).await?.body.try_collect().await?;
            let text = String::from_utf8(chunks.concat()).map_err(|_| bad("it is no UTF-8".into()))?;
            let action = Action::parse(&text).map_err(bad)?;
            if actions.iter().any(|known| known.name == action.name) {
                return Err(bad(format!("action name '{}' already loaded", action.name)));
            }
            actions.push(action);
        }
        if is_fixed && bytes <= REMEMBERED {
            self.0.actions.put(root, &actions);
        }
        Ok(actions)
    }

    /// Runs hooks one after the other. `reference` shows what the event is about.
    pub(crate) async fn run_actions(
        &self,
        hooked: &Hooked,
        reference: &str,
        actions: &[Action],
        ran: &mut Ran,
    ) {
        let clock = self.ledger().clock();
        for (index, action) in actions.iter().enumerate() {
            let mut failed = false;
            for (place, hook) in action.hooks.iter().enumerate() {
                let id = format!("{index:04}_{place:04}");
                let started = clock.now();
                let (passed, output) = match holds(&hook.condition, failed) {
                    Ok(true) => self.run_hook(hooked, reference, action, hook).await,
                    Ok(false) => {
                        ran.skip(id, &action.name, &hook.id, started);
                        continue;
                    }
                    Err(why) => (false, format!("Error: {why}")),
                };
                failed |= !passed;
                ran.add(id, &action.name, &hook.id, started, clock.now(), passed, output);
            }
        }
    }

    /// Whether it passed, and what it said.
    async fn run_hook(
        &self,
        hooked: &Hooked,
        reference: &str,
        action: &Action,
        hook: &Hook,
    ) -> (bool, String) {
        if hook.kind != "webhook" {
            return (false, format!("Error: hooks of the kind `{}` are not supported here", hook.kind));
        }
        let Some(client) = &self.0.options.outbound else {
            return (false, "Error: this server calls no webhooks".into());
        };
        let now = self.ledger().clock().now();
        let call = match call(hooked, reference, action, hook, &now.rfc3339()) {
            Ok(call) => call,
            Err(why) => return (false, format!("Error: {why}")),
        };
        let limit = hook.properties.get("timeout").and_then(Value::as_str).and_then(duration);
        let limit = limit.unwrap_or(Duration::from_secs(60));
        let mut output = format!("Request:\nPOST {}\n", call.url.split('?').next().unwrap_or_default());
        let answer = tokio::time::timeout(limit, client.send(&call)).await;
        let passed = match answer {
            Err(_) => {
                output.push_str(&format!("Error: no answer within {limit:?}\n"));
                false
            }
            Ok(Err(error)) => {
                output.push_str(&format!("Error: {error}\n"));
                false
            }
            Ok(Ok(answer)) => {
                let body = String::from_utf8_lossy(&answer.body);
                output.push_str(&format!("\nResponse:\nHTTP {}\n{body}\n", answer.status));
                let passed = (200..300).contains(&answer.status);
                if !passed {
                    let status = answer.status;
                    output.push_str(&format!("Error: webhook request failed (status code: {status})\n"));
                }
                passed
            }
        };
        (passed, output)
    }
}

/// lakeFS's request (`pkg/actions/webhook.go`, `event.go`), with `candidate_ref` beside: a ref that shows what would
/// be published.
fn call(hooked: &Hooked, reference: &str, action: &Action, hook: &Hook, now: &str) -> Result<Call, String> {
    let url = hook.properties.get("url").and_then(Value::as_str).ok_or("webhook url must be string")?;
    let mut url = url.to_owned();
    if let Some(Value::Object(params)) = hook.properties.get("query_params") {
        for (name, value) in params {
            let values = match value {
                Value::Array(values) => values.clone(),
                one => vec![one.clone()],
            };
            for value in values {
                let join = if url.contains('?') { '&' } else { '?' };
                url.push_str(&format!("{join}{}={}", quoted(name), quoted(&plain(&value))));
            }
        }
    }
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if let Some(Value::Object(given)) = hook.properties.get("headers") {
        headers.extend(given.iter().map(|(name, value)| (name.clone(), plain(value))));
    }
    let mut body = json!({
        "event_type": hooked.event.name(),
        "event_time": now,
        "action_name": action.name,
        "hook_id": hook.id,
        "repository_id": hooked.repository,
    });
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            body[name] = value.into();
        }
    };
    say("branch_id", &hooked.branch);
    say("source_ref", &hooked.source);
    say("candidate_ref", reference);
    say("tag_id", &hooked.tag);
    say("merge_source", &hooked.merge_source);
    if let Some(commit) = &hooked.commit {
        say("commit_id", &commit.id.hex());
        say("commit_message", &commit.message);
        say("committer", &commit.committer);
        if !commit.metadata.is_empty() {
            body["commit_metadata"] = json!(commit.metadata);
        }
    }
    Ok(Call { method: Method::Post, url, headers, body: Body::Json(body) })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Percent-encoded, for a query.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name: good data\non:\n  pre-merge:\n    branches: [main, stable-*]\n  post-commit:\nhooks:\n  - id: check\n    type: webhook\n    properties:\n      url: http://example.com\n      query_params: {a: [x, \"y z\"]}\n";

    #[test]
    fn an_action_says_which_events_of_which_branches_it_is_about() {
        let action = Action::parse(FILE).unwrap();
        assert!(action.concerns(Event::PreMerge, "stable-1"));
        assert!(!action.concerns(Event::PreMerge, "dev"));
        assert!(action.concerns(Event::PostCommit, "dev"));
        assert!(!action.concerns(Event::PreCommit, "main"));
    }

    #[test]
    fn a_file_that_is_no_action_says_what_is_wrong() {
        for (bad, why) in [
            ("on: {pre-commit: }", "name"),
            ("name: ab\non: {}", "'on' is required"),
            ("name: ab\non: {pre-lunch: }", "not supported"),
            ("name: ab\non: {pre-create-tag: {branches: [x]}}", "tag event"),
            ("name: ab\non: {pre-commit: }\nhooks: [{id: ab, type: shell}]", "unknown"),
            ("name: ab\non: {pre-commit: }\nhooks: [{id: ab, type: webhook}]", "'url'"),
            ("name: ab\non: {pre-commit: }\nhooks: [{id: ab, type: lua}, {id: ab, type: lua}]", "duplicate"),
        ] {
            let error = Action::parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn conditions_and_times_are_read_as_upstream_does() {
        assert_eq!(holds("", true), Ok(false));
        assert_eq!(holds("success() || failure()", true), Ok(true));
        assert!(holds("maybe()", true).is_err());
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("x"), None);
    }

    #[test]
    fn a_request_has_the_query_and_names_the_candidate() {
        let action = Action::parse(FILE).unwrap();
        let hooked = Hooked::branch(Event::PreCommit, "repo", "main", "main");
        let call = call(&hooked, "candidate:1", &action, &action.hooks[0], "now").unwrap();
        assert_eq!(call.url, "http://example.com?a=x&a=y%20z");
        let Body::Json(body) = call.body else { panic!() };
        assert_eq!(body["candidate_ref"], "candidate:1");
        assert_eq!(body["event_type"], "pre-commit");
    }
}
