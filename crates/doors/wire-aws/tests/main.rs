//! Signatures made by botocore, and the examples of AWS's documentation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Request;
use http::request::Parts;
use mlwright_wire_aws::{Error, Opened, Payload, Query, Signature};
use serde_json::Value;
use types::{Digest, Timestamp};

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

fn verify(parts: &Parts, bucket: Option<&str>, now: Timestamp) -> Result<Payload, Error> {
    let query = Query::parse(parts.uri.query())?;
    let signature = Signature::of(parts, &query).unwrap()?;
    assert_eq!(signature.key_id(), KEY_ID);
    assert!(Signature::is_on(parts));
    signature.verify(parts, &query, bucket, SECRET.as_bytes(), now)
}

fn cases() -> (Value, Timestamp) {
    let cases: Value = serde_json::from_str(include_str!("cases/botocore.json")).unwrap();
    let now = Timestamp::default().plus_seconds(cases["now"].as_i64().unwrap());
    (cases, now)
}

fn case(value: &Value) -> (Parts, Option<&str>) {
    let headers: Vec<(&str, &str)> = value["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str().unwrap()))
        .collect();
    let target = value["target"].as_str().unwrap();
    (request(value["method"].as_str().unwrap(), target, &headers), value["bucket"].as_str())
}

#[test]
fn what_botocore_signs_is_taken() {
    let (cases, now) = cases();
    let mut wrong = Vec::new();
    for value in cases["requests"].as_array().unwrap() {
        let (parts, bucket) = case(value);
        if let Err(error) = verify(&parts, bucket, now) {
            wrong.push(format!("{value}\n{error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases, such as {}", wrong.len(), wrong[0]);
}

#[test]
fn nothing_of_what_botocore_signed_may_be_changed() {
    let (cases, now) = cases();
    for value in cases["requests"].as_array().unwrap() {
        let (mut parts, bucket) = case(value);
        let signer = value["signer"].as_str().unwrap();
        let path = format!("{}x", parts.uri.path());
        let target = path + parts.uri.query().map(|q| format!("?{q}")).unwrap_or_default().as_str();
        let uri = std::mem::replace(&mut parts.uri, target.parse().unwrap());
        assert!(matches!(verify(&parts, bucket, now), Err(Error::Mismatch { .. })), "path of {value}");
        parts.uri = uri;
        parts.method = http::Method::HEAD;
        assert!(matches!(verify(&parts, bucket, now), Err(Error::Mismatch { .. })), "method of {value}");
        (parts, _) = case(value);
        parts.headers.insert("x-amz-acl", "public-read".parse().unwrap());
        let refused = verify(&parts, bucket, now);
        assert!(
            matches!(refused, Err(Error::Mismatch { .. } | Error::HeaderNotSigned(_))),
            "header of {value}"
        );
        if signer.starts_with("v4") {
            (parts, _) = case(value);
            let query = parts.uri.query().map(|q| format!("{q}&")).unwrap_or_default();
            parts.uri = format!("{}?{query}acl", parts.uri.path()).parse().unwrap();
            assert!(matches!(verify(&parts, bucket, now), Err(Error::Mismatch { .. })), "query of {value}");
        }
    }
}

#[test]
fn signatures_end_with_their_time() {
    let (cases, now) = cases();
    for value in cases["requests"].as_array().unwrap().iter().step_by(7) {
        let (parts, bucket) = case(value);
        let address = value["signer"].as_str().unwrap().ends_with("address");
        let later = |seconds| verify(&parts, bucket, now.plus_seconds(seconds));
        let (inside, outside) = if address { (600, 601) } else { (900, 901) };
        assert!(later(inside).is_ok(), "{value}");
        let ended = later(outside).unwrap_err();
        assert_eq!(ended.code(), if address { "AccessDenied" } else { "RequestTimeTooSkewed" }, "{ended}");
        if value["signer"] != "v2-address" {
            assert!(later(-900).is_ok(), "{value}");
            assert_eq!(later(-901).unwrap_err().code(), "RequestTimeTooSkewed", "{value}");
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
#[test]
fn the_examples_of_version_4_are_taken() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const WELCOME: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let scope = format!("{KEY_ID}/20130524/us-east-1/s3/aws4_request");
    let plain = "host;x-amz-content-sha256;x-amz-date";
    let iso = ("x-amz-date", "20130524T000000Z");
    let cases = [
        (
            "GET",
            "/test.txt",
            vec![("range", "bytes=0-9"), iso],
            "host;range;x-amz-content-sha256;x-amz-date",
            EMPTY,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            vec![
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                iso,
            ],
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            WELCOME,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            vec![iso],
            plain,
            EMPTY,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            vec![iso],
            plain,
            EMPTY,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ];
    let now = at("2013-05-24T00:03:00Z");
    for (method, target, mut headers, signed, hash, signature) in cases {
        let header =
            format!("AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={signature}");
        headers.extend([
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", hash),
            ("authorization", &header),
        ]);
        let payload = verify(&request(method, target, &headers), Some("examplebucket"), now).unwrap();
        assert!(matches!(payload, Payload::Whole(digest) if digest.hex() == hash));
    }
    let target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1\
                  %2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
                  X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let presigned = request("GET", target, &[("host", "examplebucket.s3.amazonaws.com")]);
    assert!(matches!(verify(&presigned, None, now), Ok(Payload::Unsigned)));
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html>
#[test]
fn the_examples_of_version_2_are_taken() {
    let cases = [
        ("GET", "/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
        (
            "GET",
            "/?prefix=photos&max-keys=50&marker=puppy",
            "Tue, 27 Mar 2007 19:42:41 +0000",
            "htDYFYduRNen8P9ZfE/s9SuKy0U=",
        ),
        ("GET", "/?acl", "Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM="),
    ];
    for (method, target, date, signature) in cases {
        let header = format!("AWS {KEY_ID}:{signature}");
        let headers =
            [("host", "johnsmith.s3.amazonaws.com"), ("date", date), ("authorization", header.as_str())];
        let parts = request(method, target, &headers);
        let now = at("2007-03-27T19:40:00Z");
        assert!(matches!(verify(&parts, Some("johnsmith"), now), Ok(Payload::Unsigned)), "{target}");
    }
}

fn streamed(kind: &str, signed: &str, signature: &str, more: &[(&str, &str)]) -> Parts {
    let header = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},Signature={signature}"
    );
    let mut headers = vec![
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("authorization", header.as_str()),
        ("x-amz-content-sha256", kind),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
    ];
    headers.extend(more);
    request("PUT", "/examplebucket/chunkObject.txt", &headers)
}

async fn read(parts: &Parts, body: Vec<u8>) -> Result<(usize, Vec<(String, String)>), Error> {
    let payload = verify(parts, None, at("2013-05-24T00:00:00Z"))?;
    let pieces: Vec<Result<Bytes, String>> =
        body.chunks(10_007).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let Opened { content, arrived, size } = payload.open(&parts.headers, stream::iter(pieces))?;
    assert_eq!(size, Some(66_560));
    let content: Result<Vec<Bytes>, Error> = content.try_collect().await;
    let content = match content {
        Ok(content) => content.concat(),
        Err(error) => {
            assert_eq!(arrived.error(), Some(error.clone()));
            return Err(error);
        }
    };
    Ok((content.len(), arrived.finish(&Digest::of(&content))?))
}

fn chunk(size: usize, signature: &str) -> Vec<u8> {
    let mut chunk = format!("{size:x};chunk-signature={signature}\r\n").into_bytes();
    chunk.resize(chunk.len() + size, b'a');
    chunk.extend(b"\r\n");
    chunk
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
#[tokio::test]
async fn the_example_of_a_body_in_signed_chunks_is_taken() {
    let parts = streamed(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        &[("content-length", "66824")],
    );
    let mut body = chunk(65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
    body.extend(chunk(1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"));
    body.extend(chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"));
    assert_eq!(body.len(), 66_824);
    assert_eq!(read(&parts, body.clone()).await.unwrap(), (66_560, Vec::new()));
    for (place, number) in [(70_usize, 1), (100, 1), (65_700, 2), (66_750, 3)] {
        let mut body = body.clone();
        body[place] ^= 1;
        assert_eq!(read(&parts, body).await.unwrap_err(), Error::ChunkSignature { number }, "{place}");
    }
    let short = body[..body.len() - 88].to_vec();
    assert!(matches!(read(&parts, short).await.unwrap_err(), Error::Cut(_)));
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>
#[tokio::test]
async fn the_example_of_a_signed_trailer_is_taken() {
    let parts = streamed(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        &[("x-amz-trailer", "x-amz-checksum-crc32c")],
    );
    let mut body = chunk(65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
    body.extend(chunk(1_024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"));
    body.extend(
        b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n\
          x-amz-checksum-crc32c:sOO8/Q==\r\n",
    );
    let unsigned = [&body[..], b"\r\n"].concat();
    body.extend(
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    );
    let trailer = vec![("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())];
    assert_eq!(read(&parts, body.clone()).await.unwrap(), (66_560, trailer));
    let forged = String::from_utf8(body).unwrap().replace("sOO8", "sOO9").into_bytes();
    assert_eq!(read(&parts, forged).await.unwrap_err(), Error::TrailerSignature);
    assert!(read(&parts, unsigned).await.is_err());
}

#[tokio::test]
async fn a_body_is_believed_only_when_it_is_what_was_said() {
    let open = |payload: Payload, headers: &[(&str, &str)], body: &'static str| {
        let parts = request("PUT", "/", headers);
        payload.open(&parts.headers, stream::iter([Ok::<_, String>(Bytes::from(body))])).unwrap()
    };
    let digest = Digest::of("hello");
    let opened = open(Payload::Whole(digest), &[], "hullo");
    let content: Vec<_> = opened.content.collect().await;
    assert!(content.iter().all(Result::is_ok));
    let refused = opened.arrived.finish(&Digest::of("hullo")).unwrap_err();
    assert_eq!(refused.code(), "XAmzContentSHA256Mismatch");

    let opened = open(Payload::Whole(digest), &[], "hello");
    drop(opened.content);
    assert_eq!(opened.arrived.finish(&digest).unwrap_err().code(), "IncompleteBody");

    let cut = stream::iter([Ok(Bytes::from("hel")), Err("connection reset")]);
    let opened = Payload::Unsigned.open(&http::HeaderMap::new(), cut).unwrap();
    let _: Vec<_> = opened.content.collect().await;
    assert_eq!(opened.arrived.error(), Some(Error::Cut("connection reset".into())));
}

#[test]
fn malformed_signatures_are_told_apart() {
    let scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    let header = |text: &str| {
        let headers =
            [("host", "x"), ("x-amz-date", "20130524T000000Z"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
        let mut parts = request("GET", "/", &headers);
        parts.headers.insert("authorization", text.parse().unwrap());
        parts
    };
    let good = format!(
        "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=00"
    );
    let cases = [
        (good.clone(), "SignatureDoesNotMatch"),
        (good.replace("SHA256 ", "SHA512 "), "InvalidRequest"),
        (good.replace("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed"),
        (good.replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed"),
        (good.replace("20130524/", "20130525/"), "AuthorizationHeaderMalformed"),
        (good.replace("Signature=00", ""), "AuthorizationHeaderMalformed"),
        (good.replace("host;", ""), "AccessDenied"),
        (good.replace(";x-amz-date", ""), "AccessDenied"),
    ];
    for (text, code) in cases {
        let parts = header(&text);
        assert_eq!(verify(&parts, None, at("2013-05-24T00:00:00Z")).unwrap_err().code(), code, "{text}");
    }
    let address = format!(
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=00&X-Amz-Expires=",
        scope.replace('/', "%2F")
    );
    for (expires, code) in [
        ("604800", "SignatureDoesNotMatch"),
        ("604801", "AuthorizationQueryParametersError"),
        ("0", "AuthorizationQueryParametersError"),
    ] {
        let parts = request("GET", &format!("{address}{expires}"), &[("host", "x")]);
        assert_eq!(verify(&parts, None, at("2013-05-24T00:00:00Z")).unwrap_err().code(), code, "{expires}");
    }
    let plain = request("GET", "/", &[("host", "x"), ("authorization", "Bearer x")]);
    assert!(Signature::of(&plain, &Query::default()).is_none() && !Signature::is_on(&plain));
}
