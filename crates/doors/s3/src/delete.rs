//! DeleteObject and DeleteObjects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::StatusCode;
use repositories::{Condition, Error, Match};
use types::Level;
use wire_aws::Xml;

use crate::call::Call;
use crate::conditions::OfDelete;
use crate::errors::Failure;
use crate::keys::Key;
use crate::reply::{empty, xml};

/// Keys of one request.
const MOST: usize = 1_000;

pub(crate) async fn object(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    let of = Key::of(key)?;
    if of.path.is_empty() {
        // The folder of a branch is there as long as the branch is.
        call.repositories().repository(&call.actor, bucket).await?;
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let asked = OfDelete::headers(call.headers())?;
    one(&call, bucket, of, &asked).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Deletes an object if it is as it is asked to be, and it alone. Errors: `PreconditionFailed`.
async fn one(call: &Call, bucket: &str, of: Key<'_>, asked: &OfDelete) -> Result<(), Failure> {
    let mut condition = Condition::default();
    if !asked.is_none() {
        let object = match call.repositories().stat(&call.actor, bucket, of.reference, of.path).await {
            Ok(object) => object,
            Err(Error::ObjectNotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        asked.check(&object)?;
        condition.matches = Some(Match::ETags(vec![object.etag]));
    }
    call.repositories().delete(&call.actor, bucket, of.reference, of.path, condition).await?;
    Ok(())
}

pub(crate) async fn objects(mut call: Call, bucket: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    call.repositories().repository(&call.actor, bucket).await?;
    let request = call.xml().await?;
    let quiet = request.text_of("Quiet").is_some_and(|text| text.trim() == "true");
    let (mut keys, mut conditional) = (Vec::new(), Vec::new());
    for object in request.all("Object") {
        let key = object.text_of("Key").ok_or_else(|| Failure::malformed_xml("an Object has no Key"))?;
        keys.push(key);
        let text = |name| object.text_of(name).map(str::trim);
        let asked = OfDelete::of(text("ETag"), text("LastModifiedTime"), text("Size"))?;
        if !asked.is_none() {
            conditional.push((key, asked));
        }
    }
    if request.name != "Delete" || keys.is_empty() || keys.len() > MOST {
        return Err(Failure::malformed_xml("the body must be a Delete of 1 to 1000 objects"));
    }
    let mut failed: BTreeMap<&str, Failure> = BTreeMap::new();
    let mut branches: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, asked) in &conditional {
        let deleted = match Key::of(key) {
            Ok(of) if of.path.is_empty() => Ok(()),
            Ok(of) => one(&call, bucket, of, asked).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = deleted {
            failed.insert(key, failure);
        }
    }
    for key in keys.iter().filter(|key| !conditional.iter().any(|(other, _)| other == *key)) {
        match Key::of(key) {
            Ok(of) if of.path.is_empty() => {}
            Ok(of) => {
                branches.entry(of.reference).or_default().insert(of.path);
            }
            Err(failure) => {
                failed.insert(key, failure);
            }
        }
    }
    for (branch, paths) in branches {
        let wanted = paths.iter().map(|path| (*path).to_owned()).collect();
        let key_of = |path: &str| {
            let of = |key: &&str| key.strip_prefix(branch).and_then(|k| k.strip_prefix('/')) == Some(path);
            keys.iter().copied().find(of).unwrap_or_default()
        };
        match call.repositories().delete_many(&call.actor, bucket, branch, wanted).await {
            Ok(refused) => {
                failed.extend(refused.into_iter().map(|(path, error)| (key_of(&path), error.into())));
            }
            Err(error) => {
                let (failure, code) = (Failure::from(error), |f: &Failure| (f.status, f.code));
                for path in paths {
                    let (status, code) = code(&failure);
                    failed.insert(key_of(path), Failure::new(status, code, failure.message.clone()));
                }
            }
        }
    }
    Ok(xml(Xml::document("DeleteResult", |xml| {
        for key in keys {
            match failed.get(key) {
                Some(failure) => {
                    xml.group("Error", |xml| {
                        xml.text("Key", key).text("Code", failure.code).text("Message", &failure.message);
                    });
                }
                None if !quiet => {
                    xml.group("Deleted", |xml| {
                        xml.text("Key", key);
                    });
                }
                None => {}
            }
        }
    })))
}
