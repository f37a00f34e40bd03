use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::{ALL, House, house, me};
use repositories::{
    Algorithm, Announced, ChecksumType, Completion, Condition, Error, ImportPath, Match, NamedPart,
    NewCommit, NewUpload, Object, Paging, Physical, Received, SMALLEST_PART,
};

async fn receive(house: &House, content: Vec<u8>) -> Received {
    received(house, content, &[Algorithm::Crc32c]).await
}

async fn received(house: &House, content: Vec<u8>, algorithms: &[Algorithm]) -> Received {
    let chunks: Vec<_> = content.chunks(100_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
    house.stage.receive(futures::stream::iter(chunks).boxed(), algorithms).await.unwrap()
}

async fn bytes(house: &House, object: &Object, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let opened = house.stage.read(object, range).await.unwrap();
    let chunks: Vec<Bytes> = opened.body.try_collect().await.unwrap();
    chunks.concat()
}

fn content(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|n| ((n * 31 + seed) % 251) as u8).collect()
}

ledger::db_test! {
    components: ALL;

    async fn a_large_body_without_an_md5_has_half_of_its_sha256_as_its_etag(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let content = content(300_000, 7);
        let chunks: Vec<_> = content.chunks(100_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        let taken = house.stage.receive_large(futures::stream::iter(chunks).boxed()).await.unwrap();
        let sha256 = types::Digest::of(&content);
        assert_eq!((taken.md5, taken.sha256), (None, sha256));
        assert_eq!(taken.etag(), format!("{}-1", &sha256.hex()[..32]));
        let with_md5 = received(&house, content, &[]).await;
        assert_eq!(with_md5.etag().len(), 32);
        assert_eq!(with_md5.physical, taken.physical, "the same bytes are kept once");
    }

    async fn bodies_of_every_length_come_back_whole_and_in_ranges(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for length in [0, 1, 65_536, 65_537, 3_000_000] {
            let content = content(length, length);
            let received = receive(&house, content.clone()).await;
            assert_eq!(received.size, length as u64);
            assert_eq!(received.sha256, types::Digest::of(&content));
            assert_eq!(received.checksums[&Algorithm::Crc32c].len(), 4);
            let object = Object { physical: received.physical, size: received.size, ..house.object(b"").await };
            assert_eq!(bytes(&house, &object, None).await, content);
            let (from, to) = (length / 3, length - length / 4);
            assert_eq!(bytes(&house, &object, Some(from as u64..to as u64)).await, content[from..to]);
            let beyond = house.stage.read(&object, Some(0..length as u64 + 1)).await;
            assert!(matches!(beyond, Err(Error::Invalid(_))));
        }
    }

    async fn small_bodies_at_once_share_a_file_and_stay_apart(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let work = (0..200).map(|n| receive(&house, content(n * 7, n)));
        let all = futures::future::join_all(work).await;
        assert!(all.iter().any(|received| matches!(received.physical, Physical::Slice { .. })));
        for (n, received) in all.into_iter().enumerate() {
            let object = Object { physical: received.physical, size: received.size, ..house.object(b"").await };
            assert_eq!(bytes(&house, &object, None).await, content(n * 7, n));
        }
    }

    async fn a_body_that_errs_leaves_its_own_error(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for length in [10, 1_000_000] {
            let broken = futures::stream::iter([
                Ok(Bytes::from(content(length, 0))),
                Err(Error::Checksum { algorithm: "crc32".into(), expected: "a".into(), found: "b".into() }),
            ]);
            let received = house.stage.receive(broken.boxed(), &[]).await;
            assert!(matches!(received, Err(Error::Checksum { .. })), "{length}");
        }
    }

    async fn an_upload_in_parts_is_one_object_without_a_copy(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let new = NewUpload { content_type: Some("x/y".into()), ..NewUpload::default() };
        let upload = stage.create_upload(&me, "repo", "main", "big", new).await.unwrap();
        let sizes = [SMALLEST_PART as usize, SMALLEST_PART as usize + 17, 100];
        let mut whole = Vec::new();
        let mut parts = Vec::new();
        for (index, size) in sizes.into_iter().enumerate() {
            let part = content(size, index);
            whole.extend_from_slice(&part);
            // Each is sent twice; the last one counts.
            let number = index as u32 * 3 + 1;
            stage.put_part(&me, "repo", &upload.id, number, receive(&house, content(9, 9)).await).await.unwrap();
            let part = stage.put_part(&me, "repo", &upload.id, number, receive(&house, part).await).await.unwrap();
            parts.push((number, format!("\"{}\"", part.etag)));
        }
        let listed = stage.parts(&me, "repo", &upload.id, 1, 10).await.unwrap();
        assert_eq!(listed.items.iter().map(|p| p.number).collect::<Vec<_>>(), [4, 7]);
        let complete = async |parts: Vec<(u32, String)>, condition: Condition| {
            let parts = parts.into_iter().map(NamedPart::from).collect();
            let completion = Completion { parts, condition, ..Completion::default() };
            stage.complete_upload(&me, "repo", &upload.id, completion).await
        };
        let mut wrong = parts.clone();
        wrong.swap(0, 1);
        assert!(matches!(complete(wrong, Condition::default()).await, Err(Error::PartOrder)));
        let wrong = vec![(1, "0".repeat(32))];
        assert!(matches!(complete(wrong, Condition::default()).await, Err(Error::BadPart { number: 1 })));
        let wrong = vec![(2, String::new())];
        assert!(matches!(complete(wrong, Condition::default()).await, Err(Error::BadPart { number: 2 })));
        let there = Condition { none_match: None, matches: Some(Match::Any) };
        assert!(matches!(complete(parts.clone(), there).await, Err(Error::Precondition)));
        let object = complete(parts.clone(), Condition::default()).await.unwrap();
        assert!(object.etag.ends_with("-3"), "{}", object.etag);
        assert!(matches!(object.physical, Physical::Parts(_)));
        let stat = stage.stat(&me, "repo", "main", "big").await.unwrap();
        assert_eq!(bytes(&house, &stat, None).await, whole);
        let across = SMALLEST_PART - 5..SMALLEST_PART + 5;
        assert_eq!(bytes(&house, &stat, Some(across.clone())).await, whole[across.start as usize..across.end as usize]);
        assert!(matches!(complete(parts, Condition::default()).await, Err(Error::UploadNotFound(_))));
    }

    async fn parts_must_not_be_small_and_aborted_uploads_are_gone(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let upload = stage.create_upload(&me, "repo", "main", "a", NewUpload::default()).await.unwrap();
        for number in [1, 2] {
            stage.put_part(&me, "repo", &upload.id, number, receive(&house, content(10, 1)).await).await.unwrap();
        }
        let parts = [1, 2].map(|number| (number, String::new()).into()).to_vec();
        let all = Completion { parts, ..Completion::default() };
        let done = stage.complete_upload(&me, "repo", &upload.id, all).await;
        assert!(matches!(done, Err(Error::PartTooSmall { number: 1, size: 10 })));
        let bad = stage.put_part(&me, "repo", &upload.id, 0, receive(&house, content(10, 1)).await).await;
        assert!(matches!(bad, Err(Error::BadPart { .. })));
        let other = stage.create_upload(&me, "repo", "main", "b", NewUpload::default()).await.unwrap();
        let paging = Paging { limit: 1, ..Paging::default() };
        let page = stage.uploads(&me, "repo", Some("main"), paging.clone()).await.unwrap();
        assert_eq!(page.items[0].id, upload.id);
        let after = Paging { after: page.next.unwrap(), ..paging };
        assert_eq!(stage.uploads(&me, "repo", None, after).await.unwrap().items[0].id, other.id);
        stage.abort_upload(&me, "repo", &upload.id).await.unwrap();
        let again = stage.abort_upload(&me, "repo", &upload.id).await;
        assert!(matches!(again, Err(Error::UploadNotFound(_))));
        assert!(house.paths("main", "", "").await.is_empty());
    }

    async fn the_checksum_of_the_whole_holds_or_nothing_is_visible(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let contents = [content(SMALLEST_PART as usize, 1), content(70_000, 2)];
        let whole = contents.concat();
        let all = [
            (Algorithm::Crc32, ChecksumType::FullObject),
            (Algorithm::Crc32c, ChecksumType::FullObject),
            (Algorithm::Crc64Nvme, ChecksumType::FullObject),
            (Algorithm::Crc32, ChecksumType::Composite),
            (Algorithm::Sha1, ChecksumType::Composite),
            (Algorithm::Sha256, ChecksumType::Composite),
        ];
        for (algorithm, of) in all {
            // What was taken when the parts came, and what has to be read for.
            for taken in [vec![], vec![algorithm]] {
                let new = NewUpload { checksum: Some((algorithm, of)), ..NewUpload::default() };
                let upload = stage.create_upload(&me, "repo", "main", "whole", new).await.unwrap();
                assert_eq!(stage.upload(&me, "repo", &upload.id).await.unwrap().checksum, Some((algorithm, of)));
                let mut sums = Vec::new();
                for (number, content) in (1..).zip(&contents) {
                    let part = received(&house, content.clone(), &taken).await;
                    stage.put_part(&me, "repo", &upload.id, number, part).await.unwrap();
                    sums.push(received(&house, content.clone(), &[algorithm]).await.checksums[&algorithm].clone());
                }
                let expected = match of {
                    ChecksumType::FullObject => {
                        STANDARD.encode(&received(&house, whole.clone(), &[algorithm]).await.checksums[&algorithm])
                    }
                    ChecksumType::Composite => {
                        let joined = received(&house, sums.concat(), &[algorithm]).await;
                        format!("{}-2", STANDARD.encode(&joined.checksums[&algorithm]))
                    }
                };
                let complete = async |value: Option<&str>, size: u64, second: &[u8]| {
                    let checksum = value.map(|value| Announced { algorithm, of, value: value.into() });
                    let part = |number, sum: &[u8]| NamedPart {
                        number,
                        etag: String::new(),
                        checksums: [(algorithm, sum.to_vec())].into(),
                    };
                    let parts = vec![part(1, &sums[0]), part(2, second)];
                    let completion = Completion { parts, size: Some(size), checksum, ..Completion::default() };
                    stage.complete_upload(&me, "repo", &upload.id, completion).await
                };
                let size = whole.len() as u64;
                let wrong = complete(Some("AAAAAA=="), size, &sums[1]).await;
                assert!(matches!(wrong, Err(Error::Checksum { .. })), "{algorithm:?} {of:?} {wrong:?}");
                let wrong = complete(None, size + 1, &sums[1]).await;
                assert!(matches!(wrong, Err(Error::WrongSize { expected, .. }) if expected == size + 1));
                let wrong = complete(None, size, &sums[0]).await;
                assert!(matches!(wrong, Err(Error::BadPart { number: 2 })));
                assert!(house.paths("main", "", "").await.is_empty());
                let object = complete(Some(&expected), size, &sums[1]).await.unwrap();
                assert_eq!(object.checksums[algorithm.name()], expected, "{algorithm:?} {of:?}");
                assert_eq!(stage.stat(&me, "repo", "main", "whole").await.unwrap().checksums, object.checksums);
                stage.delete(&me, "repo", "main", "whole", Condition::default()).await.unwrap();
            }
        }
    }

    async fn an_upload_has_the_checksum_that_costs_nothing_and_keeps_its_headers(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let both = vec![Algorithm::Crc64Nvme, Algorithm::Crc32];
        for (taken, expected) in [(vec![], None), (both, Some("crc64nvme"))] {
            let headers: repositories::Metadata = [("cache-control".to_owned(), "no-store".to_owned())].into();
            let new = NewUpload { headers: headers.clone(), ..NewUpload::default() };
            let upload = stage.create_upload(&me, "repo", "main", "a", new).await.unwrap();
            assert_eq!(upload.algorithm(), Algorithm::Crc64Nvme);
            let part = received(&house, content(10, taken.len()), &taken).await;
            let part = stage.put_part(&me, "repo", &upload.id, 1, part).await.unwrap();
            assert_eq!(part.checksums.len(), taken.len());
            assert_eq!(stage.parts(&me, "repo", &upload.id, 0, 1).await.unwrap().items[0].checksums, part.checksums);
            let all = Completion { parts: vec![(1, part.etag).into()], ..Completion::default() };
            let object = stage.complete_upload(&me, "repo", &upload.id, all).await;
            assert_eq!(object.unwrap().checksums.keys().map(String::as_str).next(), expected);
            house.commit("main", "kept").await;
            assert_eq!(stage.stat(&me, "repo", "main@", "a").await.unwrap().headers, headers);
        }
    }

    async fn a_link_takes_bytes_for_one_path_only(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let link = stage.create_link(&me, "repo", "main", "a").await.unwrap();
        assert!(stage.link(&me, "repo", "main", "b", &link.id).await.is_err());
        assert!(stage.link(&me, "repo", "main", "a", "x").await.is_err());
        stage.fill_link(&me, "repo", &link.id, receive(&house, content(5, 5)).await).await.unwrap();
        let link = stage.link(&me, "repo", "main", "a", &link.id).await.unwrap();
        assert_eq!(link.received.unwrap().size, 5);
    }

    async fn an_import_leaves_files_where_they_are(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let (stage, me) = (&house.stage, me());
        let folder = house.folder.path();
        std::fs::create_dir_all(folder.join("in/deep")).unwrap();
        for (name, text) in [("in/a.txt", "one"), ("in/deep/b.txt", "two"), ("in/.hidden", "x"), ("single", "three")] {
            types::io::write(folder.join(name), text).unwrap();
        }
        house.put("main", "to/old", "x").await;
        house.put("main", "other", "x").await;
        house.commit("main", "before").await;
        let source = |name: &str| format!("local://{}/{name}", folder.display());
        let paths = vec![
            ImportPath { source: source("in/"), destination: "to/".into(), prefix: true },
            ImportPath { source: source("single"), destination: "one".into(), prefix: false },
            ImportPath { source: "lakefs://repo/main/oth".into(), destination: "copy/".into(), prefix: true },
        ];
        let id = stage.start_import(&me, "repo", "main", paths, NewCommit::default()).await.unwrap();
        let done = loop {
            let import = stage.import(&me, "repo", &id).await.unwrap();
            assert_eq!(import.error, None);
            if import.completed {
                break import;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(done.objects, 4);
        assert_eq!(done.commit.unwrap().message, "Import objects");
        assert_eq!(house.paths("main@", "", "").await, ["copy/er", "one", "other", "to/a.txt", "to/deep/b.txt"]);
        assert_eq!(house.read("main", "to/deep/b.txt").await.unwrap(), "two");
        assert!(matches!(stage.cancel_import(&me, "repo", &id).await, Err(Error::ImportOver(_))));
        types::io::write(folder.join("in/a.txt"), "longer").unwrap();
        assert!(matches!(house.read("main", "to/a.txt").await, Err(Error::BadAddress { .. })));
        for outside in ["local:///etc/passwd", "s3://bucket/x", "/etc/passwd"] {
            let path = ImportPath { source: outside.into(), destination: "x".into(), prefix: false };
            let started = stage.start_import(&me, "repo", "main", vec![path], NewCommit::default()).await;
            assert!(matches!(started, Err(Error::BadAddress { .. })), "{outside}");
        }
        let up = ImportPath { source: source("in/../../.."), destination: "x/".into(), prefix: true };
        assert!(stage.start_import(&me, "repo", "main", vec![up], NewCommit::default()).await.is_err());
    }
}
