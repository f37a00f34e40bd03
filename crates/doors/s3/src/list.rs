//! ListObjects and ListObjectsV2. Branches are the folders at the root of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::borrow::Cow;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use repositories::{Entry, Error as Stage, Listing, Object, Paging};
use types::Level;
use wire_aws::{Query, Xml, encode_path};

use crate::call::Call;
use crate::errors::Failure;
use crate::multipart::owner;
use crate::reply::{iso_date, quoted, xml};

/// Most entries of one answer, and how many there are if none are asked for.
const MOST: usize = 1_000;

/// Errors: `InvalidArgument` if the parameter is no number.
pub(crate) fn limit(query: &Query, name: &str) -> Result<usize, Failure> {
    match query.get(name).filter(|text| !text.is_empty()) {
        None => Ok(MOST),
        Some(text) => {
            let number: usize = text
                .parse()
                .map_err(|_| Failure::invalid(format!("{name} must be a number, not `{text}`")))?;
            Ok(number.min(MOST))
        }
    }
}

/// How keys stand in the answer.
#[derive(Clone, Copy)]
pub(crate) struct Encoding {
    url: bool,
}

impl Encoding {
    pub fn of(query: &Query) -> Result<Self, Failure> {
        match query.get("encoding-type") {
            None | Some("") => Ok(Self { url: false }),
            Some("url") => Ok(Self { url: true }),
            Some(other) => Err(Failure::invalid(format!("invalid encoding method `{other}`: it can be url"))),
        }
    }

    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.url { encode_path(text).into() } else { text.into() }
    }

    pub fn name(&self) -> Option<&'static str> {
        self.url.then_some("url")
    }
}

/// One line of an answer, by its whole key.
enum Line {
    Object(String, Box<Object>),
    Prefix(String),
}

impl Line {
    fn key(&self) -> &str {
        match self {
            Self::Object(key, _) | Self::Prefix(key) => key,
        }
    }
}

struct Asked<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: &'a str,
    /// A whole key; exclusive.
    after: String,
    limit: usize,
}

pub(crate) async fn objects(call: Call, bucket: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Read)?;
    call.repositories().repository(&call.actor, bucket).await?;
    let query = &call.query;
    let second = match query.get("list-type") {
        None => false,
        Some("2") => true,
        Some(other) => return Err(Failure::invalid(format!("there is no list-type `{other}`"))),
    };
    let encoding = Encoding::of(query)?;
    let given = |name: &str| query.get(name).unwrap_or_default();
    let token = query.get("continuation-token").filter(|_| second);
    let after = match token {
        Some(token) => decode_token(token)?,
        None => given(if second { "start-after" } else { "marker" }).to_owned(),
    };
    let asked = Asked {
        bucket,
        prefix: given("prefix"),
        delimiter: given("delimiter"),
        after,
        limit: limit(query, "max-keys")?,
    };
    let (lines, next) = find(&call, &asked).await?;
    Ok(xml(Xml::document("ListBucketResult", |xml| {
        xml.text("Name", bucket).text("Prefix", encoding.apply(asked.prefix));
        if second {
            xml.text_opt("StartAfter", query.get("start-after").map(|text| encoding.apply(text)));
            xml.text_opt("ContinuationToken", token);
            xml.text_opt("NextContinuationToken", next.as_deref().map(encode_token));
            xml.value("KeyCount", lines.len());
        } else {
            xml.text("Marker", encoding.apply(given("marker")));
            xml.text_opt("NextMarker", next.as_deref().map(|text| encoding.apply(text)));
        }
        xml.value("MaxKeys", asked.limit);
        let delimiter = query.get("delimiter").filter(|text| !text.is_empty());
        xml.text_opt("Delimiter", delimiter.map(|text| encoding.apply(text)));
        xml.text_opt("EncodingType", encoding.name());
        xml.value("IsTruncated", next.is_some());
        let owns = !second || given("fetch-owner") == "true";
        let owned_by = owns.then_some(call.actor.name.as_str());
        lines.iter().for_each(|line| write(xml, line, encoding, owned_by));
    })))
}

fn write(xml: &mut Xml, line: &Line, encoding: Encoding, owned_by: Option<&str>) {
    match line {
        Line::Object(key, object) => {
            xml.group("Contents", |xml| {
                xml.text("Key", encoding.apply(key)).text("LastModified", iso_date(object.modified_at));
                xml.text("ETag", quoted(&object.etag)).value("Size", object.size);
                for name in object.checksums.keys() {
                    xml.text("ChecksumAlgorithm", name.to_uppercase());
                }
                if let Some(name) = owned_by {
                    owner(xml, "Owner", name);
                }
                xml.text("StorageClass", "STANDARD");
            });
        }
        Line::Prefix(prefix) => {
            xml.group("CommonPrefixes", |xml| {
                xml.text("Prefix", encoding.apply(prefix));
            });
        }
    }
}

/// Clients hand a token back as it is, so a key is dressed as one.
pub(crate) fn encode_token(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

pub(crate) fn decode_token(token: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Failure::invalid("the continuation token provided is incorrect"))
}

/// The lines, and the key to go on after if there are more.
async fn find(call: &Call, asked: &Asked<'_>) -> Result<(Vec<Line>, Option<String>), Failure> {
    if asked.limit == 0 {
        return Ok((Vec::new(), None));
    }
    let (more, mut lines) = match asked.prefix.split_once('/') {
        Some((reference, _)) => of_ref(call, asked, reference, asked.limit).await?,
        None => {
            let lines = of_root(call, asked).await?;
            (lines.len() > asked.limit, lines)
        }
    };
    lines.truncate(asked.limit);
    let next = lines.last().filter(|_| more).map(|line| line.key().to_owned());
    Ok((lines, next))
}

/// What is below one ref, at most `limit` lines, and whether there are more. Nothing, where there is no such ref: as in a
/// folder that is not there.
async fn of_ref(
    call: &Call,
    asked: &Asked<'_>,
    reference: &str,
    limit: usize,
) -> Result<(bool, Vec<Line>), Failure> {
    let base = format!("{reference}/");
    let mut after = match asked.after.strip_prefix(&base) {
        Some(after) => after.to_owned(),
        None if asked.after > base => return Ok((false, Vec::new())),
        None => String::new(),
    };
    let prefix = asked.prefix.strip_prefix(&base).unwrap_or_default();
    let mut lines = Vec::new();
    while lines.len() < limit {
        let listing = Listing {
            prefix: prefix.to_owned(),
            after,
            delimiter: asked.delimiter.to_owned(),
            limit: limit - lines.len(),
        };
        let page = match call.repositories().list(&call.actor, asked.bucket, reference, listing).await {
            Ok(page) => page,
            Err(error) => {
                let failure = Failure::of_read(error, &base);
                return if failure.code == "NoSuchKey" { Ok((false, lines)) } else { Err(failure) };
            }
        };
        lines.extend(page.items.into_iter().map(|entry| match entry {
            Entry::Object { path, object } => Line::Object(format!("{base}{path}"), Box::new(object)),
            Entry::Prefix(prefix) => Line::Prefix(format!("{base}{prefix}")),
        }));
        match page.next {
            Some(next) => after = next,
            None => return Ok((false, lines)),
        }
    }
    Ok((true, lines))
}

/// Where the prefix ends within the names of branches: each is folded, or listed with all that is in it. Lines are in the
/// order of the branches' names. One line more than asked for.
async fn of_root(call: &Call, asked: &Asked<'_>) -> Result<Vec<Line>, Failure> {
    let wanted = asked.limit + 1;
    let mut lines: Vec<Line> = Vec::new();
    let mut branch_after = String::new();
    if !asked.after.is_empty() {
        // The branch that the last page ended in, or that the client starts at, may have more.
        let (branch, _) = asked.after.split_once('/').unwrap_or((&asked.after, ""));
        if branch.starts_with(asked.prefix) && is_branch(call, asked.bucket, branch).await? {
            of_branch(call, asked, branch, &mut lines).await?;
        }
        branch_after = branch.to_owned();
    }
    while lines.len() < wanted {
        let paging = Paging { prefix: asked.prefix.to_owned(), after: branch_after, limit: MOST.min(wanted) };
        let page = call.repositories().branches(&call.actor, asked.bucket, paging, false).await?;
        for branch in &page.items {
            of_branch(call, asked, &branch.name, &mut lines).await?;
            if lines.len() >= wanted {
                break;
            }
        }
        match page.next {
            Some(next) => branch_after = next,
            None => break,
        }
    }
    Ok(lines)
}

async fn is_branch(call: &Call, bucket: &str, name: &str) -> Result<bool, Failure> {
    match call.repositories().branch(&call.actor, bucket, name).await {
        Ok(_) => Ok(true),
        Err(Stage::BranchNotFound(_) | Stage::BadName(..)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn of_branch(
    call: &Call,
    asked: &Asked<'_>,
    branch: &str,
    lines: &mut Vec<Line>,
) -> Result<(), Failure> {
    if let Some(folded) = fold(branch, asked.prefix, asked.delimiter) {
        // What the last page ended with, or in.
        let known = asked.after.starts_with(&folded) || lines.last().is_some_and(|line| line.key() == folded);
        if !known {
            lines.push(Line::Prefix(folded));
        }
        return Ok(());
    }
    let limit = asked.limit + 1 - lines.len();
    lines.extend(of_ref(call, asked, branch, limit).await?.1);
    Ok(())
}

/// The common prefix that a branch is a part of, if the delimiter stands in what follows the prefix.
fn fold(branch: &str, prefix: &str, delimiter: &str) -> Option<String> {
    if delimiter.is_empty() {
        return None;
    }
    let whole = format!("{branch}/");
    let at = whole.get(prefix.len()..)?.find(delimiter)?;
    Some(whole[..prefix.len() + at + delimiter.len()].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_fold_at_the_delimiter() {
        let cases = [
            ("main", "", "/", Some("main/")),
            ("main", "ma", "/", Some("main/")),
            ("main", "", "", None),
            ("dev-1", "", "-", Some("dev-")),
            ("dev-1", "dev-", "-", None),
            ("main", "", "x", None),
        ];
        for (branch, prefix, delimiter, expected) in cases {
            assert_eq!(fold(branch, prefix, delimiter).as_deref(), expected, "{branch} {prefix} {delimiter}");
        }
    }

    #[test]
    fn tokens_carry_any_key() {
        for key in ["main/", "main/ü b/\u{1}", "a"] {
            assert_eq!(decode_token(&encode_token(key)).unwrap(), key);
        }
        assert!(decode_token("%").is_err());
    }
}
