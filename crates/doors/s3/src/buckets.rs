//! Buckets: repositories, which are made and removed elsewhere.

use axum::response::Response;
use http::{HeaderName, StatusCode};
use repositories::Paging;
use types::{Level, ResourceKind};
use wire_aws::Xml;

use crate::call::Call;
use crate::errors::Failure;
use crate::multipart::owner;
use crate::reply::{empty, iso_date, put, xml};

/// The region that every bucket is said to be in; signatures may name any.
const REGION: &str = "us-east-1";

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let paging = Paging { prefix: prefix.to_owned(), after, limit: 1_000 };
        let page = call.repositories().repositories(&call.actor, paging).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    found.retain(|r| kit::reaches(&call.actor, ResourceKind::Repository, &r.name, Level::Read));
    Ok(xml(Xml::document("ListAllMyBucketsResult", |xml| {
        owner(xml, "Owner", &call.actor.name);
        xml.group("Buckets", |xml| {
            for repository in found {
                xml.group("Bucket", |xml| {
                    xml.text("Name", &repository.name);
                    xml.text("CreationDate", iso_date(repository.created_at));
                });
            }
        });
    })))
}

async fn require(call: &Call, bucket: &str) -> Result<(), Failure> {
    call.require(bucket, Level::Read)?;
    match call.repositories().repository(&call.actor, bucket).await {
        Ok(_) => Ok(()),
        // What cannot be a name is none: clients ask for such on purpose.
        Err(repositories::Error::BadName(..)) => Err(Failure::no_such_bucket(bucket)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn head(call: Call, bucket: &str) -> Result<Response, Failure> {
    require(&call, bucket).await?;
    let mut response = empty(StatusCode::OK);
    put(response.headers_mut(), HeaderName::from_static("x-amz-bucket-region"), REGION);
    Ok(response)
}

pub(crate) async fn location(call: Call, bucket: &str) -> Result<Response, Failure> {
    require(&call, bucket).await?;
    // Empty stands for us-east-1.
    Ok(xml(Xml::document("LocationConstraint", |_| {})))
}

pub(crate) async fn versioning(call: Call, bucket: &str) -> Result<Response, Failure> {
    require(&call, bucket).await?;
    // Never turned on: commits are the versions.
    Ok(xml(Xml::document("VersioningConfiguration", |_| {})))
}

/// Clients make sure that a bucket is there before they write to it.
pub(crate) async fn create(call: Call, bucket: &str) -> Result<Response, Failure> {
    match require(&call, bucket).await {
        Ok(()) => {
            let message = "the repository exists already";
            Err(Failure::new(StatusCode::CONFLICT, "BucketAlreadyOwnedByYou", message)
                .with("BucketName", bucket))
        }
        Err(failure) if failure.code == "NoSuchBucket" => {
            let what = "CreateBucket: make the repository in the web app or with a lakeFS client";
            Err(Failure::not_implemented(what))
        }
        Err(failure) => Err(failure),
    }
}
