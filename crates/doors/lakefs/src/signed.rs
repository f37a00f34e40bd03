//! Addresses that carry their own permission for a while: `presign=true`. lakeFS lets its object store sign them; here
//! they come back to this door.

use axum::extract::{Path, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode, Uri, header};
use kit::Base;
use repositories::{Error, Object, Physical};
use serde::{Deserialize, Serialize};
use types::{Actor, ActorKind, Permission, Role, Timestamp, WorkspaceId};

use crate::call::Answer;
use crate::errors::Failure;
use crate::{State, download};

/// Where such addresses lead; the token follows.
pub(crate) const PATH: &str = "/lakefs/presigned/";

/// `blockstore.…pre_signed_expiry` of lakeFS, in seconds.
const LASTS: i64 = 900;
/// Objects of more parts than these are looked up again by path, so that addresses stay short.
const PARTS_IN_TOKEN: usize = 8;

const GET: &str = "lakefs-get";
const FIND: &str = "lakefs-find";
const LINK: &str = "lakefs-link";
const PART: &str = "lakefs-part";

/// Whoever asked for the address: what is brought to it is theirs.
#[derive(Serialize, Deserialize)]
struct Who {
    workspace: WorkspaceId,
    kind: ActorKind,
    name: String,
    account: Option<i64>,
}

impl Who {
    fn of(actor: &Actor) -> Self {
        Self {
            workspace: actor.workspace,
            kind: actor.kind,
            name: actor.name.clone(),
            account: actor.account,
        }
    }

    /// Whether they may do so was asked when the address was made.
    fn actor(self, what: Permission) -> Actor {
        Actor {
            workspace: self.workspace,
            kind: self.kind,
            name: self.name,
            role: Role::Editor,
            scopes: Some(vec![what]),
            account: self.account,
            grants: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FindClaim {
    who: Who,
    repository: String,
    reference: String,
    path: String,
    etag: String,
}

#[derive(Serialize, Deserialize)]
struct LinkClaim {
    who: Who,
    repository: String,
    link: String,
}

#[derive(Serialize, Deserialize)]
struct PartClaim {
    who: Who,
    repository: String,
    upload: String,
    number: u32,
}

/// Makes addresses for one request.
pub(crate) struct Signer<'a> {
    state: &'a State,
    actor: &'a Actor,
    base: Base,
    until: Timestamp,
}

impl<'a> Signer<'a> {
    pub fn of(state: &'a State, actor: &'a Actor, headers: &HeaderMap, uri: &Uri) -> Result<Self, Failure> {
        let why = "the request names no host to build an address with";
        let base = Base::of(headers, uri).ok_or_else(|| Failure::bad(why))?;
        Ok(Self { state, actor, base, until: state.ledger.clock().now().plus_seconds(LASTS) })
    }

    pub fn until(&self) -> Timestamp {
        self.until
    }

    fn address<T: Serialize>(&self, purpose: &str, claim: &T) -> Result<String, Failure> {
        let token = self.state.vault.sign(purpose, self.until, claim)?;
        Ok(self.base.with(&format!("{PATH}{token}")))
    }

    /// To read an object: these bytes, even when another object takes the path meanwhile.
    pub fn get(
        &self,
        repository: &str,
        reference: &str,
        path: &str,
        object: &Object,
    ) -> Result<String, Failure> {
        if matches!(&object.physical, Physical::Parts(parts) if parts.len() > PARTS_IN_TOKEN) {
            let claim = FindClaim {
                who: Who::of(self.actor),
                repository: repository.to_owned(),
                reference: reference.to_owned(),
                path: path.to_owned(),
                etag: object.etag.clone(),
            };
            return self.address(FIND, &claim);
        }
        let bare = Object {
            metadata: Default::default(),
            checksums: Default::default(),
            headers: Default::default(),
            ..object.clone()
        };
        self.address(GET, &bare)
    }

    pub fn put_link(&self, repository: &str, link: &str) -> Result<String, Failure> {
        let (who, repository) = (Who::of(self.actor), repository.to_owned());
        self.address(LINK, &LinkClaim { who, repository, link: link.to_owned() })
    }

    pub fn put_part(&self, repository: &str, upload: &str, number: u32) -> Result<String, Failure> {
        let (who, repository) = (Who::of(self.actor), repository.to_owned());
        self.address(PART, &PartClaim { who, repository, upload: upload.to_owned(), number })
    }
}

fn refused() -> Failure {
    Failure::new(StatusCode::FORBIDDEN, "this address is not valid, or not valid any more")
}

/// `GET` and `HEAD` of a signed address. The token is the permission: nobody has to be signed in.
pub(crate) async fn get(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let now = state.ledger.clock().now();
    if let Some(object) = state.vault.read_signed::<Object>(GET, now, &token) {
        return download::send(&state, &headers, &object).await;
    }
    let claim: FindClaim = state.vault.read_signed(FIND, now, &token).ok_or_else(refused)?;
    let actor = claim.who.actor(Permission::Read);
    let object = state.repositories.stat(&actor, &claim.repository, &claim.reference, &claim.path).await?;
    if object.etag != claim.etag {
        return Err(Failure::new(StatusCode::GONE, format!("`{}` holds other bytes by now", claim.path)));
    }
    download::send(&state, &headers, &object).await
}

/// `PUT` of a signed address: the bytes of a link, or of a part of an upload.
pub(crate) async fn put(Shared(state): Shared<State>, Path(token): Path<String>, request: Request) -> Answer {
    let now = state.ledger.clock().now();
    if let Some(claim) = state.vault.read_signed::<PartClaim>(PART, now, &token) {
        let actor = claim.who.actor(Permission::Write);
        let received = state.repositories.receive(body(request), &[]).await?;
        let stage = &state.repositories;
        let part = stage.put_part(&actor, &claim.repository, &claim.upload, claim.number, received).await?;
        return Ok(tagged(&part.etag));
    }
    let claim: LinkClaim = state.vault.read_signed(LINK, now, &token).ok_or_else(refused)?;
    let actor = claim.who.actor(Permission::Write);
    let received = state.repositories.receive(body(request), &[]).await?;
    let etag = received.etag();
    state.repositories.fill_link(&actor, &claim.repository, &claim.link, received).await?;
    Ok(tagged(&etag))
}

fn tagged(etag: &str) -> Response {
    [(header::ETAG, format!("\"{etag}\""))].into_response()
}

/// The bytes of a request, for the stage.
pub(crate) fn body(request: Request) -> repositories::Body {
    request.into_body().into_data_stream().map_err(|error| Error::Body(error.to_string())).boxed()
}
