//! Buckets: repositories, which are made and removed elsewhere.

use axum::response::Response;
use http::{HeaderName, StatusCode};
use repositories::{Paging, Repository};
use types::{Level, ResourceKind};
use wire_aws::Xml;

use crate::call::Call;
use crate::errors::Failure;
use crate::list::{decode_token, encode_token};
use crate::multipart::owner;
use crate::reply::{empty, iso_date, put, xml};

/// The region that every bucket is said to be in; signatures may name any.
const REGION: &str = "us-east-1";

/// Buckets of one page.
const MOST: usize = 10_000;

/// How many buckets a page is to have. Errors: `InvalidArgument`.
fn page(text: Option<&str>) -> Result<usize, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(MOST) };
    text.parse().ok().filter(|most| (1..=MOST).contains(most)).ok_or_else(|| {
        Failure::invalid(format!("max-buckets must be a number between 1 and {MOST}, not `{text}`"))
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let most = page(call.query.get("max-buckets"))?;
    let token = call.query.get("continuation-token").filter(|token| !token.is_empty());
    let (mut found, mut after) = (Vec::new(), token.map(decode_token).transpose()?.unwrap_or_default());
    // One more than asked for says whether there are more.
    while found.len() <= most {
        let paging = Paging { prefix: prefix.to_owned(), after, limit: 1_000 };
        let page = call.repositories().repositories(&call.actor, paging).await?;
        let may = |r: &Repository| kit::reaches(&call.actor, ResourceKind::Repository, &r.name, Level::Read);
        found.extend(page.items.into_iter().filter(may));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|repository| encode_token(&repository.name));
    Ok(xml(Xml::document("ListAllMyBucketsResult", |xml| {
        owner(xml, "Owner", &call.actor.name);
        xml.group("Buckets", |xml| {
            for repository in &found {
                xml.group("Bucket", |xml| {
                    xml.text("Name", &repository.name);
                    xml.text("CreationDate", iso_date(repository.created_at));
                });
            }
        });
        xml.text_opt("ContinuationToken", next.as_deref());
        xml.text_opt("Prefix", call.query.get("prefix"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_from_one_to_ten_thousand_buckets() {
        assert_eq!(page(None).ok(), Some(MOST));
        assert_eq!(page(Some("1")).ok(), Some(1));
        for bad in ["0", "10001", "-1", "many"] {
            assert_eq!(page(Some(bad)).unwrap_err().code, "InvalidArgument", "{bad}");
        }
    }
}
