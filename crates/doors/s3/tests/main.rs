//! The door in front of real repositories, by requests that are signed here.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use kit::AccessKeys;
use ledger::{Component, Ledger};
use mlwright_door_s3::S3;
use repositories::{NewRepository, Options, Repositories};
use types::{Actor, Digest, Grant, Level, ResourceKind, Role};
use vault::{Vault, hmac_sha256};

const COMPONENTS: [Component; 1] = [repositories::COMPONENT];
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct House {
    s3: S3,
    keys: AccessKeys,
    ledger: Ledger,
    repositories: Repositories,
    key: (String, String),
    _home: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The error's code, if it is one.
    fn code(&self) -> &str {
        self.element("Code")
    }

    /// The text of the first element of that name.
    fn element(&self, name: &str) -> &str {
        let after = self.text().split_once(&format!("<{name}>")).map_or("", |(_, after)| after);
        after.split('<').next().unwrap()
    }
}

impl House {
    /// With the repository `data`.
    async fn new(ledger: Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().join("blobs"))).await.unwrap();
        let repositories = Repositories::open(ledger.clone(), blobs, Options::default());
        let keys = AccessKeys::new(&ledger, &Vault::open(home.path(), None).unwrap());
        let key = keys.first(&Actor::system("test")).await.unwrap().unwrap();
        let clock = std::sync::Arc::clone(ledger.clock());
        let s3 = S3::new(repositories.clone(), keys.clone(), clock, vec!["s3.localhost".into()]);
        let house = Self { s3, keys, ledger, repositories, key: (key.id, key.secret), _home: home };
        house.make("data").await;
        house
    }

    async fn make(&self, name: &str) {
        let new = NewRepository {
            name: name.to_owned(),
            storage_namespace: format!("local://{name}"),
            default_branch: "main".to_owned(),
            read_only: false,
            metadata: Default::default(),
        };
        self.repositories.create_repository(&Actor::system("test"), new).await.unwrap();
    }

    /// Another caller with a key.
    async fn account(&self, name: &str, role: Role) -> (String, String) {
        let admin = Actor::system("test");
        self.ledger.create_account(&admin, name, role, "correct horse").await.unwrap();
        let key = self.keys.create(&admin, Some(name)).await.unwrap();
        (key.id, key.secret)
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_as(&self.key, method, target, headers, body).await
    }

    /// `target` is percent-encoded in the canonical form, its query sorted.
    async fn ask_as(
        &self,
        key: &(String, String),
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let now = self.ledger.clock().now().rfc3339();
        let now = format!("{}Z", now.split(['.', 'Z']).next().unwrap()).replace(['-', ':'], "");
        let mut all: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.push(("x-amz-date".into(), now.clone()));
        for (name, value) in [("host", "127.0.0.1:5000"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")] {
            if !headers.iter().any(|(given, _)| *given == name) {
                all.push((name.into(), value.into()));
            }
        }
        all.sort();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let mut canonical = format!("{method}\n{path}\n{query}\n");
        for (name, value) in &all {
            writeln!(canonical, "{name}:{value}").unwrap();
        }
        let kind = &all.iter().find(|(name, _)| name == "x-amz-content-sha256").unwrap().1;
        write!(canonical, "\n{}\n{kind}", names.join(";")).unwrap();
        let scope = format!("{}/us-east-1/s3/aws4_request", &now[..8]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", Digest::of(&canonical).hex());
        let seed = [b"AWS4", key.1.as_bytes()].concat();
        let signing = [&now[..8], "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(seed, |key, part| hmac_sha256(&key, part.as_bytes()).to_vec());
        let signature: String =
            hmac_sha256(&signing, to_sign.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            key.0,
            names.join(";")
        );
        let mut request =
            Request::builder().method(method).uri(target).header("authorization", authorization);
        for (name, value) in &all {
            request = request.header(name, value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        assert!(self.s3.answers(&parts));
        let (parts, body) = self.s3.answer(Request::from_parts(parts, body)).await.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn an_object_is_written_read_listed_and_deleted(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let headers = [("content-type", "text/plain"), ("x-amz-meta-a", "1"), ("x-amz-checksum-crc32", "NhCmhg==")];
        let put = house.ask("PUT", "/data/main/a%20b", &headers, "hello").await;
        assert_eq!((put.status, put.header("etag")), (StatusCode::OK, "\"5d41402abc4b2a76b9719d911017c592\""));
        let get = house.ask("GET", "/data/main/a%20b", &[("range", "bytes=-4")], "").await;
        assert_eq!((get.status, get.text()), (StatusCode::PARTIAL_CONTENT, "ello"));
        assert_eq!(get.header("content-range"), "bytes 1-4/5");
        assert_eq!((get.header("content-type"), get.header("x-amz-meta-a")), ("text/plain", "1"));
        let head = house.ask("HEAD", "/data/main/a%20b", &[("x-amz-checksum-mode", "ENABLED")], "").await;
        assert_eq!((head.header("content-length"), head.header("x-amz-checksum-crc32")), ("5", "NhCmhg=="));
        let host = [("host", "data.s3.localhost:5000")];
        assert_eq!(house.ask("GET", "/main/a%20b", &host, "").await.text(), "hello");
        let list = house.ask("GET", "/data?list-type=2&prefix=main%2F", &[], "").await;
        assert!(list.text().contains("<Key>main/a b</Key>") && list.text().contains("<KeyCount>1</KeyCount>"));
        let root = house.ask("GET", "/data?delimiter=%2F", &[], "").await;
        assert!(root.text().contains("<CommonPrefixes><Prefix>main/</Prefix></CommonPrefixes>"), "{}", root.text());
        assert_eq!(house.ask("DELETE", "/data/main/a%20b", &[], "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(house.ask("GET", "/data/main/a%20b", &[], "").await.code(), "NoSuchKey");
    }

    async fn what_does_not_hold_is_never_visible(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let streamed = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ];
        let cases: [(&[(&str, &str)], &str, &str); 7] = [
            (&[("x-amz-checksum-crc32", "AAAAAA==")], "hello", "BadDigest"),
            (&[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "hello", "BadDigest"),
            (&[("x-amz-content-sha256", EMPTY)], "hello", "XAmzContentSHA256Mismatch"),
            (&[("content-length", "6")], "hello", "IncompleteBody"),
            (&streamed, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"),
            (&streamed, "5\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"),
            (&streamed, "5\r\nhello\r\n", "IncompleteBody"),
        ];
        for (headers, body, code) in cases {
            assert_eq!(house.ask("PUT", "/data/main/x", headers, body).await.code(), code, "{headers:?}");
        }
        assert_eq!(house.ask("HEAD", "/data/main/x", &[], "").await.status, StatusCode::NOT_FOUND);
        let good = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        assert_eq!(house.ask("PUT", "/data/main/x", &streamed, good).await.status, StatusCode::OK);
        assert_eq!(house.ask("GET", "/data/main/x", &[], "").await.text(), "hello");
    }

    async fn keys_may_do_what_their_accounts_may(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.make("private").await;
        let admin = Actor::system("test");
        house.ledger.set_member_level(Level::None);
        house.ask("PUT", "/data/main/x", &[], "1").await;
        house.ask("PUT", "/private/main/x", &[], "1").await;
        let member = house.account("ada", Role::Member).await;
        assert_eq!(house.ask_as(&member, "GET", "/data/main/x", &[], "").await.code(), "NoSuchBucket");
        let grant = |level| Grant { kind: ResourceKind::Repository, pattern: "data".into(), level };
        house.ledger.grant(&admin, "ada", grant(Some(Level::Read)), true).await.unwrap();
        assert_eq!(house.ask_as(&member, "GET", "/data/main/x", &[], "").await.text(), "1");
        let copy = [("x-amz-copy-source", "data/main/x")];
        let writes: [(&str, &str, &[(&str, &str)], &str); 6] = [
            ("PUT", "/data/main/x", &[], "2"),
            ("PUT", "/data/main/y", &copy, ""),
            ("DELETE", "/data/main/x", &[], ""),
            ("POST", "/data?delete=", &[], "<Delete><Object><Key>main/x</Key></Object></Delete>"),
            ("POST", "/data/main/x?uploads=", &[], ""),
            ("PUT", "/data/main/", &[], ""),
        ];
        for (method, target, headers, body) in writes {
            let answer = house.ask_as(&member, method, target, headers, body).await;
            assert_eq!(answer.code(), "AccessDenied", "{method} {target}");
        }
        house.ledger.grant(&admin, "ada", grant(Some(Level::Edit)), true).await.unwrap();
        for (method, target, headers, body) in writes {
            let answer = house.ask_as(&member, method, target, headers, body).await;
            assert!(answer.status.is_success() || answer.code() == "NoSuchKey", "{method} {target} {}", answer.text());
        }
        // What may not be read is no source, and is not listed.
        let other = [("x-amz-copy-source", "private/main/x")];
        assert_eq!(house.ask_as(&member, "PUT", "/data/main/z", &other, "").await.code(), "NoSuchBucket");
        let buckets = house.ask_as(&member, "GET", "/", &[], "").await;
        assert!(buckets.text().contains("<Name>data</Name>") && !buckets.text().contains("private"));
        house.ledger.grant(&admin, "ada", grant(None), true).await.unwrap();
        assert_eq!(house.ask_as(&member, "GET", "/data?list-type=2", &[], "").await.code(), "NoSuchBucket");
    }

    async fn nobody_gets_in_without_a_right_signature(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let wrong = (house.key.0.clone(), "another secret".to_owned());
        assert_eq!(house.ask_as(&wrong, "GET", "/data", &[], "").await.code(), "SignatureDoesNotMatch");
        let nobody = ("AKIANOBODY0000000000".to_owned(), house.key.1.clone());
        assert_eq!(house.ask_as(&nobody, "GET", "/data", &[], "").await.code(), "InvalidAccessKeyId");
        let anonymous = Request::get("/data").header("host", "s3.localhost").body(Body::empty()).unwrap();
        let answer = house.send(anonymous).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "AccessDenied"));
        house.keys.revoke(&Actor::system("test"), &house.key.0).await.unwrap();
        assert_eq!(house.ask("GET", "/data", &[], "").await.code(), "InvalidAccessKeyId");
    }

    async fn parts_are_joined_and_conditions_hold(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let made = house.ask("POST", "/data/main/p?uploads=", &[], "").await;
        let id = made.element("UploadId");
        let big = "a".repeat(5 << 20);
        let mut parts = String::new();
        for (number, body) in [(2, "end"), (1, big.as_str())] {
            let answer = house.ask("PUT", &format!("/data/main/p?partNumber={number}&uploadId={id}"), &[], body).await;
            let etag = answer.header("etag");
            parts.insert_str(0, &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        let target = format!("/data/main/p?uploadId={id}");
        let list = house.ask("GET", &target, &[], "").await;
        assert!(list.text().contains("<Size>5242880</Size>") && list.text().contains("<Size>3</Size>"));
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        house.ask("PUT", "/data/main/p", &[], "in the way").await;
        let refused = house.ask("POST", &target, &[("if-none-match", "*")], &body).await;
        assert_eq!(refused.code(), "PreconditionFailed");
        let joined = house.ask("POST", &target, &[], &body).await;
        assert!(joined.text().contains("-2&quot;</ETag>"), "{}", joined.text());
        let end = house.ask("GET", "/data/main/p", &[("range", "bytes=5242879-")], "").await;
        assert_eq!(end.text(), "aend");
        let second = house.ask("GET", "/data/main/p?partNumber=2", &[], "").await;
        assert_eq!((second.text(), second.header("x-amz-mp-parts-count")), ("end", "2"));
        assert_eq!(house.ask("DELETE", &target, &[], "").await.code(), "NoSuchUpload");
        let copy = [("x-amz-copy-source", "/data/main/p")];
        assert_eq!(house.ask("PUT", "/data/main/q", &copy, "").await.status, StatusCode::OK);
        assert_eq!(house.ask("HEAD", "/data/main/q", &[], "").await.header("content-length"), "5242883");
    }

    async fn the_whole_of_an_upload_holds_and_its_checksum_is_given(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let sha256 = Digest::of("hello");
        let composite = format!("{}-1", STANDARD.encode(Digest::of(sha256.as_bytes()).as_bytes()));
        let (sha256, composite) = (STANDARD.encode(sha256.as_bytes()), composite.as_str());
        let full = ("x-amz-checksum-type", "FULL_OBJECT");
        let named = |name| ("x-amz-checksum-algorithm", name);
        let (crc32, crc64) = ("NhCmhg==", "M3eFcAZSQlc=");
        let by_crc32 = ("x-amz-checksum-crc32", crc32);
        let by_sha256 = ("x-amz-checksum-sha256", sha256.as_str());
        // How it begins, its part, how it is completed, and the checksum that it has then.
        let cases: [(&[(&str, &str)], &[(&str, &str)], &[(&str, &str)], &str, &str, &str); 6] = [
            (&[named("CRC32"), full], &[by_crc32], &[by_crc32, full], "CRC32", crc32, "FULL_OBJECT"),
            (&[named("CRC32"), full], &[], &[], "CRC32", crc32, "FULL_OBJECT"),
            (&[named("SHA256")], &[by_sha256], &[(by_sha256.0, composite)], "SHA256", composite, "COMPOSITE"),
            (&[], &[], &[("x-amz-checksum-crc64nvme", crc64)], "CRC64NVME", crc64, "FULL_OBJECT"),
            (&[], &[by_crc32], &[], "CRC64NVME", crc64, "FULL_OBJECT"),
            (&[], &[], &[by_crc32], "CRC32", crc32, "FULL_OBJECT"),
        ];
        for (begin, part, complete, name, value, of) in cases {
            let made = house.ask("POST", "/data/main/w?uploads=", begin, "").await;
            let echoed = if begin.is_empty() { "" } else { name };
            assert_eq!(made.header("x-amz-checksum-algorithm"), echoed);
            assert_eq!(made.header("x-amz-checksum-type"), if begin.is_empty() { "" } else { of });
            let id = made.element("UploadId");
            let put = house.ask("PUT", &format!("/data/main/w?partNumber=1&uploadId={id}"), part, "hello").await;
            assert_eq!(put.header("x-amz-checksum-type"), "");
            let target = format!("/data/main/w?uploadId={id}");
            let listed = house.ask("GET", &target, &[], "").await;
            assert_eq!(listed.element("ChecksumAlgorithm"), echoed);
            assert!(!listed.element(if begin.is_empty() { "ChecksumCRC64NVME" } else { "ETag" }).is_empty());
            let part = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", put.header("etag"));
            let body = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
            let lied = part.replace("</Part>", "<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>");
            let lied = format!("<CompleteMultipartUpload>{lied}</CompleteMultipartUpload>");
            assert_eq!(house.ask("POST", &target, &[], &lied).await.code(), "InvalidPart");
            let header = format!("x-amz-checksum-{}", name.to_lowercase());
            let length = STANDARD.decode(value.trim_end_matches("-1")).unwrap().len();
            let wrong = STANDARD.encode(vec![0; length]);
            let wrong = house.ask("POST", &target, &[(header.as_str(), wrong.as_str())], &body).await;
            assert_eq!(wrong.code(), "BadDigest", "{name} {}", wrong.text());
            let wrong = house.ask("POST", &target, &[("x-amz-mp-object-size", "6")], &body).await;
            assert_eq!(wrong.code(), "InvalidRequest");
            assert_eq!(house.ask("HEAD", "/data/main/w", &[], "").await.status, StatusCode::NOT_FOUND);
            let complete = [complete, &[("x-amz-mp-object-size", "5")]].concat();
            let done = house.ask("POST", &target, &complete, &body).await;
            assert_eq!(done.element(&format!("Checksum{name}")), value, "{}", done.text());
            assert_eq!(done.element("ChecksumType"), of);
            let mode = [("x-amz-checksum-mode", "ENABLED")];
            for method in ["GET", "HEAD"] {
                let read = house.ask(method, "/data/main/w", &mode, "").await;
                assert_eq!((read.header(&header), read.header("x-amz-checksum-type")), (value, of));
            }
            let copy = house.ask("PUT", "/data/main/c", &[("x-amz-copy-source", "data/main/w")], "").await;
            assert_eq!((copy.element(&format!("Checksum{name}")), copy.element("ChecksumType")), (value, of));
            house.ask("DELETE", "/data/main/w", &[], "").await;
        }
        let made = house.ask("POST", "/data/main/w?uploads=", &[named("CRC32")], "").await;
        let target = format!("/data/main/w?partNumber=1&uploadId={}", made.element("UploadId"));
        let other = house.ask("PUT", &target, &[by_sha256], "hello").await;
        assert_eq!(other.code(), "InvalidRequest", "{}", other.text());
        let listed = house.ask("GET", "/data?uploads=", &[], "").await;
        assert_eq!((listed.element("ChecksumAlgorithm"), listed.element("ChecksumType")), ("CRC32", "COMPOSITE"));
        let copied = house.ask("PUT", &target, &[("x-amz-copy-source", "data/main/c")], "").await;
        assert_eq!(copied.element("ChecksumCRC32"), crc32, "{}", copied.text());
    }

    async fn headers_of_an_object_come_back(ledger: ledger::Ledger) {
        const NAMES: [&str; 5] =
            ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"];
        let house = House::new(ledger).await;
        let seen = async |method: &str, target: &str| {
            let read = house.ask(method, target, &[], "").await;
            NAMES.map(|name| read.header(name).to_owned())
        };
        let kept = ["no-store", "attachment; filename=\"a b\"", "gzip", "de", "Wed, 21 Oct 2026 07:28:00 GMT"];
        let mut sent: Vec<(&str, &str)> = NAMES.into_iter().zip(kept).collect();
        sent[2].1 = "aws-chunked,gzip";
        house.ask("PUT", "/data/main/a", &sent, "hello").await;
        assert_eq!(seen("GET", "/data/main/a").await, kept);
        assert_eq!(seen("HEAD", "/data/main/a").await, kept);
        let shown = seen("GET", "/data/main/a?response-cache-control=private&response-expires=never").await;
        assert_eq!((shown[0].as_str(), shown[2].as_str(), shown[4].as_str()), ("private", "gzip", "never"));
        // They are no metadata of the user, and are committed with the object.
        let object = house.repositories.stat(&Actor::system("test"), "data", "main", "a").await.unwrap();
        assert!(object.metadata.is_empty());
        house.repositories.commit(&Actor::system("test"), "data", "main", Default::default()).await.unwrap();
        assert_eq!(seen("GET", "/data/main%40/a").await, kept);
        let copy = ("x-amz-copy-source", "data/main/a");
        house.ask("PUT", "/data/main/b", &[copy, ("cache-control", "private")], "").await;
        assert_eq!(seen("GET", "/data/main/b").await, kept);
        let replace = [copy, ("x-amz-metadata-directive", "REPLACE"), ("cache-control", "private")];
        house.ask("PUT", "/data/main/b", &replace, "").await;
        assert_eq!(seen("GET", "/data/main/b").await, ["private", "", "", "", ""]);
        let id = house.ask("POST", "/data/main/p?uploads=", &sent, "").await.element("UploadId").to_owned();
        house.ask("PUT", &format!("/data/main/p?partNumber=1&uploadId={id}"), &[], "hello").await;
        let part = "<Part><PartNumber>1</PartNumber><ETag></ETag></Part>";
        let body = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
        house.ask("POST", &format!("/data/main/p?uploadId={id}"), &[], &body).await;
        assert_eq!(seen("GET", "/data/main/p").await, kept);
        let long = "x".repeat(2_048);
        let refused = house.ask("PUT", "/data/main/c", &[("cache-control", &long)], "").await;
        assert_eq!(refused.code(), "MetadataTooLarge");
    }

    async fn a_read_for_a_run_leaves_an_edge_and_other_reads_leave_none(ledger: Ledger) {
        let house = House::new(ledger.clone()).await;
        assert_eq!(house.ask("PUT", "/data/main/train/a.csv", &[], "a").await.status, StatusCode::OK);
        house.repositories.commit(&Actor::system("test"), "data", "main", Default::default()).await.unwrap();
        let (run, step) = ("0".repeat(31) + "1", "0".repeat(31) + "2");
        let keys = (run.clone(), step.clone());
        ledger
            .write(&Actor::system("test"), move |tx| {
                tx.node("run", &keys.0, serde_json::json!({}))?;
                tx.node("step_run", &keys.1, serde_json::json!({}))?;
                tx.event("run.created", "run", serde_json::json!({}))
            })
            .await
            .unwrap();
        let causes = async |kind: &str, key: &str| {
            let workspace = types::WorkspaceId::DEFAULT;
            let graph = ledger.lineage(workspace, kind, key, ledger::Direction::Causes, 1).await.unwrap();
            let kinds: Vec<String> = graph.nodes.into_iter().skip(1).map(|node| node.kind).collect();
            kinds
        };
        house.ask("GET", "/data/main/train/a.csv", &[], "").await;
        house.ask("HEAD", "/data/main/train/a.csv", &[("x-mlwright-run", &run)], "").await;
        assert!(causes("run", &run).await.is_empty());
        house.ask("GET", "/data/main/train/a.csv", &[("x-mlwright-run", &run)], "").await;
        assert_eq!(causes("run", &run).await, ["commit", "data"]);
        let client = format!("Boto3/1.40 md/Botocore#1.40 app/mlwright-step-{step}");
        house.ask("GET", "/data/main/train/a.csv", &[("user-agent", &client)], "").await;
        assert_eq!(causes("step_run", &step).await, ["commit", "data"]);
    }
}
