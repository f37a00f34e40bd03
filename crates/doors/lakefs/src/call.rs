//! What handlers take from a request, and how they answer.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use kit::Caller;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use types::{Actor, Level, Permission, ResourceKind};

use crate::errors::Failure;
use crate::wire;

pub(crate) type Answer = Result<Response, Failure>;

/// `DefaultPerPage` and `DefaultMaxPerPage` of `controller.go`.
const PER_PAGE: usize = 100;
pub(crate) const MAX_PER_PAGE: usize = 1_000;
/// Longest JSON body: a thousand paths of the longest kind fit.
const BODY_BYTES: usize = 8 << 20;

/// Somebody who may read: the repository of the path, or what there is.
pub(crate) struct Reader(pub Actor);
/// Somebody who may change the repository of the path, or make one.
pub(crate) struct Writer(pub Actor);
/// Somebody who decides about the repository of the path: its rules, and its end.
pub(crate) struct Owner(pub Actor);
/// Somebody who manages users.
pub(crate) struct Admin(pub Actor);

/// Errors: as lakeFS, 401 for who is unknown and for who may not.
async fn who<S: Send + Sync>(parts: &mut Parts, state: &S, least: Level) -> Result<Actor, Failure> {
    let Caller(actor) = Caller::from_request_parts(parts, state).await?;
    let needs = if least > Level::Read { Permission::Write } else { Permission::Read };
    let named = RawPathParams::from_request_parts(parts, state).await.ok();
    let named = named.as_ref().and_then(|all| all.iter().find(|(name, _)| *name == "repository"));
    let may = match named {
        Some((_, repository)) => kit::reaches(&actor, ResourceKind::Repository, repository, least),
        None if least > Level::Read => actor.creates(),
        None => actor.in_scope(Permission::Read),
    };
    if may { Ok(actor) } else { Err(forbidden(&actor, needs)) }
}

/// Whether they may also read a repository that the path does not name.
pub(crate) fn may_read(actor: &Actor, repository: &str) -> Result<(), Failure> {
    if kit::reaches(actor, ResourceKind::Repository, repository, Level::Read) {
        return Ok(());
    }
    Err(forbidden(actor, Permission::Read))
}

fn forbidden(actor: &Actor, permission: Permission) -> Failure {
    kit::Denied::Forbidden { actor: actor.to_string(), permission }.into()
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Level::Read).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Writer {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Level::Edit).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Level::Manage).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(caller.require(Permission::Administer)?.clone()))
    }
}

/// The query of a request. What is said twice counts first, except where a list is asked for.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|rejection| Failure::bad(format!("query has an error: {}", rejection.body_text())))?;
        Ok(Self(pairs))
    }
}

impl Params {
    pub fn opt(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Empty if it is not there.
    pub fn text(&self, name: &str) -> String {
        self.opt(name).unwrap_or_default().to_owned()
    }

    pub fn required(&self, name: &str) -> Result<String, Failure> {
        let missing = || bad_parameter(name, "value is required but missing");
        self.opt(name).map(str::to_owned).ok_or_else(missing)
    }

    /// The `path` of an object: never empty.
    pub fn path(&self) -> Result<String, Failure> {
        let path = self.required("path")?;
        if path.is_empty() {
            return Err(Failure::bad("argument path: missing required value: path is empty"));
        }
        Ok(path)
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = String> {
        let values = self.0.iter().filter(move |(key, value)| key == name && !value.is_empty());
        values.map(|(_, value)| value.clone())
    }

    pub fn flag(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.choice(name)?.unwrap_or(false))
    }

    pub fn choice(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.opt(name) {
            None => Ok(None),
            Some("true" | "True" | "1" | "") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(bad_parameter(name, &format!("value `{other}`: an invalid boolean"))),
        }
    }

    /// How many results a page may have.
    pub fn amount(&self) -> Result<usize, Failure> {
        let Some(text) = self.opt("amount").filter(|text| !text.is_empty()) else { return Ok(PER_PAGE) };
        let number: i64 = text
            .parse()
            .map_err(|_| bad_parameter("amount", &format!("value `{text}`: an invalid integer")))?;
        match usize::try_from(number) {
            Ok(0) => Ok(PER_PAGE),
            Ok(number) if number <= MAX_PER_PAGE => Ok(number),
            Ok(_) => Err(bad_parameter("amount", &format!("number must be at most {MAX_PER_PAGE}"))),
            Err(_) if number == -1 => Ok(PER_PAGE),
            Err(_) => Err(bad_parameter("amount", "number must be at least -1")),
        }
    }

    /// `prefix`, `after` and `amount`.
    pub fn paging(&self) -> Result<repositories::Paging, Failure> {
        Ok(repositories::Paging {
            prefix: self.text("prefix"),
            after: self.text("after"),
            limit: self.amount()?,
        })
    }
}

fn bad_parameter(name: &str, why: &str) -> Failure {
    Failure::bad(format!("parameter \"{name}\" in query has an error: {why}"))
}

/// A JSON body, whatever its content type says. No body is an empty object, and a field that is null is not there.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = to_bytes(request.into_body(), BODY_BYTES).await.map_err(|error| {
            let message = format!("request body has an error: {error} (most: {BODY_BYTES} bytes)");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        })?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let wrong = |error: serde_json::Error| Failure::bad(format!("request body has an error: {error}"));
    let mut value: Value = if bytes.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_slice(bytes).map_err(wrong)?
    };
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(wrong)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    (status, Json(body)).into_response()
}

pub(crate) fn ok<T: Serialize>(body: &T) -> Answer {
    Ok(json(StatusCode::OK, body))
}

pub(crate) fn created<T: Serialize>(body: &T) -> Answer {
    Ok(json(StatusCode::CREATED, body))
}

pub(crate) fn no_content() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A page of results as lakeFS's lists are.
pub(crate) fn list<T, W: Serialize>(page: repositories::Page<T>, shown: impl FnMut(T) -> W) -> Answer {
    let results: Vec<W> = page.items.into_iter().map(shown).collect();
    ok(&wire::List { pagination: pagination(results.len(), page.next), results })
}

pub(crate) fn pagination(results: usize, next: Option<String>) -> wire::Pagination {
    wire::Pagination {
        has_more: next.is_some(),
        next_offset: next.unwrap_or_default(),
        results,
        max_per_page: MAX_PER_PAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri: http::Uri = format!("/x?{query}").parse().unwrap();
        Params(Query::try_from_uri(&uri).unwrap().0)
    }

    #[test]
    fn a_page_holds_a_hundred_results_unless_told_otherwise() {
        assert_eq!(params("").amount(), Ok(100));
        assert_eq!(params("amount=-1").amount(), Ok(100));
        assert_eq!(params("amount=1000").amount(), Ok(1000));
        assert_eq!(params("amount=1001").amount().unwrap_err().status, 400);
        assert_eq!(params("amount=ten").amount().unwrap_err().status, 400);
        assert_eq!(params("amount=-2").amount().unwrap_err().status, 400);
    }

    #[test]
    fn a_path_is_asked_for_and_may_hold_anything_else() {
        assert_eq!(params("path=a%2Fb%20c+d%C3%A9").path().unwrap(), "a/b c dé");
        assert_eq!(params("path=").path().unwrap_err().status, 400);
        assert_eq!(params("p=1").path().unwrap_err().status, 400);
    }

    #[test]
    fn lists_are_said_by_repetition() {
        let params = params("objects=a&objects=b&prefixes=");
        assert_eq!(params.all("objects").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(params.all("prefixes").count(), 0);
    }

    #[test]
    fn a_field_that_is_null_is_as_one_that_is_missing() {
        let merge: wire::Merge =
            parse(br#"{"message": null, "force": null, "strategy": "dest-wins"}"#).unwrap();
        assert_eq!((merge.message, merge.force, merge.strategy.as_deref()), (None, false, Some("dest-wins")));
        let merge: wire::Merge = parse(b"").unwrap();
        assert!(!merge.allow_empty);
        let refused = parse::<wire::BranchCreation>(br#"{"name": "x"}"#).unwrap_err();
        assert!(refused.message.contains("source"), "{}", refused.message);
    }
}
