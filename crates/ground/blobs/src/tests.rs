use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use proptest::prelude::*;
use types::{Class, Digest, Fault as _};

use crate::{BlobConfig, Blobs, BoxError, Error, NamedPath, Part};

type Chunk = Result<Bytes, BoxError>;

fn chunks(parts: &[&[u8]]) -> Vec<Chunk> {
    parts.iter().map(|p| Ok(Bytes::copy_from_slice(p))).collect()
}

/// The same expectations over local files and over an object store.
async fn stores() -> (tempfile::TempDir, Vec<Blobs>) {
    let dir = tempfile::tempdir().unwrap();
    let local = Blobs::open(&BlobConfig::Local(dir.path().join("local"))).await.unwrap();
    let memory = Arc::new(object_store::memory::InMemory::new());
    let scratch = dir.path().join("scratch");
    let remote = Blobs::over(memory, "memory".into(), "some/prefix".into(), scratch).await.unwrap();
    let mut stores = vec![local, remote];
    match std::env::var("MLWRIGHT_TEST_S3") {
        // An address with its own prefix for each test, so that they may run side by side.
        Ok(url) => {
            let (place, query) = url.split_once('?').unwrap_or((&url, ""));
            let prefix = dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
            let url = format!("{place}/{prefix}?{query}");
            stores.push(Blobs::open(&BlobConfig::Url(url)).await.unwrap());
        }
        Err(_) => eprintln!("SKIPPED on S3: set MLWRIGHT_TEST_S3=s3://bucket?endpoint=…"),
    }
    (dir, stores)
}

fn files_below(dir: &Path) -> usize {
    let mut n = 0;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        n += if entry.path().is_dir() { files_below(&entry.path()) } else { 1 };
    }
    n
}

#[tokio::test]
async fn what_is_put_is_got_back_whole_and_in_ranges() {
    let (dir, stores) = stores().await;
    let large: Vec<u8> = (0..20_000_000u32).map(|i| (i % 251) as u8).collect();
    for blobs in stores {
        for content in [b"".to_vec(), b"abc".to_vec(), large.clone()] {
            let digest = blobs.put_bytes(content.clone()).await.unwrap();
            assert_eq!(digest, Digest::of(&content));
            assert_eq!(blobs.size(&digest).await.unwrap(), content.len() as u64);
            assert_eq!(blobs.get_bytes(&digest).await.unwrap(), content);
            let n = content.len() as u64;
            let part = blobs.get_stream(&digest, Some(n / 3..n / 2)).await.unwrap();
            assert_eq!((part.size, part.range.clone()), (n, n / 3..n / 2));
            assert_eq!(part.bytes().await.unwrap(), content[content.len() / 3..content.len() / 2]);
            let to = dir.path().join("copy");
            blobs.materialize(&digest, &to).await.unwrap();
            assert_eq!(types::io::read(&to).unwrap(), content);
            let again = blobs.put_file(&to).await.unwrap();
            assert_eq!(again, (digest, n));
        }
        let digest = blobs.put_bytes(&b"abc"[..]).await.unwrap();
        let beyond = blobs.get_stream(&digest, Some(2..99)).await.unwrap();
        assert_eq!(beyond.bytes().await.unwrap(), "c");
        let error = blobs.get_stream(&digest, Some(4..5)).await.err().unwrap();
        assert_eq!(error.to_string(), "bytes 4–5 were asked of an object of 3 bytes");
        assert!(blobs.delete(&digest).await.unwrap());
        assert!(!blobs.delete(&digest).await.unwrap());
        assert!(!blobs.exists(&digest).await.unwrap());
        assert_eq!(blobs.get_bytes(&digest).await.unwrap_err().class(), Class::NotFound);
    }
}

#[tokio::test]
async fn a_cut_or_mismatching_upload_never_becomes_visible() {
    let (dir, stores) = stores().await;
    for blobs in stores {
        let mut cut = chunks(&[b"first ", b"second"]);
        cut.push(Err("connection reset".into()));
        let error = blobs.put_stream(stream::iter(cut), None).await.unwrap_err();
        assert_eq!(error.to_string(), "the upload was cut after 12 bytes: connection reset");
        assert!(!blobs.exists(&Digest::of(b"first second")).await.unwrap());

        let expected = Some(Digest::of(b"right"));
        let error = blobs.put_stream(stream::iter(chunks(&[b"wrong"])), expected).await.unwrap_err();
        assert!(matches!(error, Error::Mismatch { size: 5, .. }), "{error}");
        assert_eq!(error.class(), Class::Invalid);
        assert!(!blobs.exists(&Digest::of(b"wrong")).await.unwrap());

        let mut cut = chunks(&[b"new half"]);
        blobs.put_named_bytes("a/file", "old").await.unwrap();
        cut.push(Err("gone".into()));
        blobs.put_named("a/file", stream::iter(cut)).await.unwrap_err();
        assert_eq!(blobs.get_named_bytes("a/file").await.unwrap(), "old");

        // A client that goes away in the middle: the future is dropped.
        let endless = stream::iter(chunks(&[b"half"])).chain_pending();
        let put = blobs.put_stream(endless, None);
        tokio::time::timeout(std::time::Duration::from_millis(200), put).await.unwrap_err();
    }
    for _ in 0..100 {
        if files_below(&dir.path().join("local/uploads")) + files_below(&dir.path().join("scratch")) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(files_below(&dir.path().join("local/uploads")), 0);
    assert_eq!(files_below(&dir.path().join("scratch")), 0);
    assert_eq!(files_below(&dir.path().join("local/objects")), 0);
}

trait ChainPending: Sized {
    fn chain_pending(self) -> stream::Chain<Self, stream::Pending<Chunk>>;
}

impl<S: futures::Stream<Item = Chunk>> ChainPending for S {
    fn chain_pending(self) -> stream::Chain<Self, stream::Pending<Chunk>> {
        futures::StreamExt::chain(self, stream::pending())
    }
}

#[tokio::test]
async fn names_are_listed_replaced_and_removed() {
    let (_dir, stores) = stores().await;
    for blobs in stores {
        for (path, text) in [("run/model/MLmodel", "m"), ("run/model/données.csv", "dd"), ("run/b", "bbb")] {
            blobs.put_named_bytes(path, text).await.unwrap();
        }
        blobs.put_named_bytes("runaway", "x").await.unwrap();
        blobs.put_named_bytes("run/b", "replaced").await.unwrap();
        let listed = blobs.list_named("run").await.unwrap();
        let listed: Vec<_> = listed.iter().map(|o| (o.path.as_str(), o.size)).collect();
        assert_eq!(listed, [("run/b", 8), ("run/model/MLmodel", 1), ("run/model/données.csv", 2)]);
        let entries = blobs.list_named_dir("run/").await.unwrap();
        let entries: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.path.as_str(), e.size)).collect();
        assert_eq!(entries, [("b", "run/b", Some(8)), ("model", "run/model", None)]);
        assert_eq!(blobs.list_named_dir("").await.unwrap().len(), 2);
        assert!(blobs.list_named_dir("none").await.unwrap().is_empty());
        assert_eq!(blobs.named_size("run/model").await.unwrap(), None);
        assert_eq!(blobs.get_named("run/model", None).await.err().unwrap().class(), Class::NotFound);
        assert_eq!(blobs.get_named("run/b/c", None).await.err().unwrap().class(), Class::NotFound);
        let part = blobs.get_named("run/b", Some(2..5)).await.unwrap();
        assert_eq!(part.bytes().await.unwrap(), "pla");
        assert!(blobs.delete_named("run/b").await.unwrap());
        assert!(!blobs.delete_named("run/b").await.unwrap());
        assert_eq!(blobs.delete_named_prefix("run").await.unwrap(), 2);
        assert!(blobs.list_named_dir("run").await.unwrap().is_empty());
        blobs.put_named_bytes("run/model/again", "after its folder was pruned").await.unwrap();
        blobs.delete_named_prefix("").await.unwrap_err();
    }
}

#[tokio::test]
async fn a_name_is_an_object_or_a_folder_but_not_both() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    blobs.put_named_bytes("a/b", "file").await.unwrap();
    for (path, other) in [("a", "a/"), ("a/b/c", "a/b"), ("a/b/c/d", "a/b")] {
        let error = blobs.put_named_bytes(path, "x").await.unwrap_err();
        assert_eq!(error.to_string(), format!("object name `{path}` collides with `{other}`, which exists"));
        assert_eq!(error.class(), Class::Conflict);
    }
}

#[tokio::test]
async fn names_that_leave_the_store_are_refused() {
    let (_dir, stores) = stores().await;
    let long = "x".repeat(256);
    for bad in ["", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a\0b", "a\nb", "a\\..\\b", &long] {
        for blobs in &stores {
            let error = blobs.put_named_bytes(bad, "x").await.unwrap_err();
            assert!(matches!(error, Error::BadName { .. }), "{bad:?}: {error}");
            assert_eq!(error.class(), Class::Invalid);
            blobs.get_named(bad, None).await.err().unwrap();
            blobs.delete_named(bad).await.unwrap_err();
        }
    }
    for good in ["a", "模型/weights.bin", "a b/c%20d", "...", "~/x", "a:b", "-"] {
        for blobs in &stores {
            blobs.put_named_bytes(good, "x").await.unwrap();
            assert_eq!(blobs.get_named_bytes(good).await.unwrap(), "x", "{good}");
            assert!(blobs.list_named("").await.unwrap().iter().any(|o| o.path == good), "{good}");
        }
    }
}

#[tokio::test]
async fn damage_on_disk_is_told_and_a_new_put_mends_a_cut_object() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    let digest = blobs.put_bytes("whole").await.unwrap();
    let path = blobs.local_path(&digest).unwrap();
    assert!(std::fs::metadata(&path).unwrap().permissions().readonly());
    std::fs::remove_file(&path).unwrap();
    types::io::write(&path, "wholf").unwrap();
    let error = blobs.get_bytes(&digest).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let to = dir.path().join("copy");
    let error = blobs.materialize(&digest, &to).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(!to.exists());
    types::io::write(&path, "wh").unwrap();
    blobs.put_bytes("whole").await.unwrap();
    assert_eq!(blobs.get_bytes(&digest).await.unwrap(), "whole");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_unavailable_and_names_the_path() {
    let dir = tempfile::tempdir().unwrap();
    // Every write to /dev/full is answered with "no space left on device". The link is what gets removed.
    let path = dir.path().join("uploads-1-0");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let error = crate::spool::TempFile::over(path, file).write(b"x").unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(error.to_string().contains("uploads-1-0"), "{error}");
    assert!(error.hint().unwrap().contains("disk is full"));
    assert!(Path::new("/dev/full").exists());
}

#[tokio::test]
async fn a_lost_upload_directory_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    std::fs::remove_dir(dir.path().join("uploads")).unwrap();
    let error = blobs.put_bytes("x").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
    assert!(error.hint().is_some());
}

/// The body of the process that the next test kills: it says each digest after its put was acknowledged.
#[tokio::test]
async fn child_that_puts_until_it_is_killed() {
    let Some(dir) = std::env::var_os("MLWRIGHT_TEST_BLOB_CHILD") else { return };
    let blobs = Blobs::open(&BlobConfig::Local(dir.into())).await.unwrap();
    for i in 0u64.. {
        let content = i.to_le_bytes().repeat(1 + (i as usize % 7) * 10_000);
        let digest = blobs.put_bytes(content).await.unwrap();
        blobs.put_named_bytes("latest/name", digest.to_string()).await.unwrap();
        println!("put {digest}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_kill_9_is_there_and_nothing_is_half_there() {
    use std::io::BufRead as _;
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::child_that_puts_until_it_is_killed", "--nocapture"])
            .env("MLWRIGHT_TEST_BLOB_CHILD", dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Vec::new();
        while let Some(Ok(line)) = lines.next() {
            // The harness may put its own words before ours.
            if let Some((_, digest)) = line.split_once("put ") {
                acknowledged.push(digest.parse::<Digest>().unwrap());
            }
            if acknowledged.len() == 10 + round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= 10 + round);
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        for digest in &acknowledged {
            blobs.get_bytes(digest).await.unwrap();
        }
        let latest = blobs.get_named_bytes("latest/name").await.unwrap();
        let latest: Digest = std::str::from_utf8(&latest).unwrap().parse().unwrap();
        blobs.get_bytes(&latest).await.unwrap();
    }
    for entry in std::fs::read_dir(dir.path().join("objects")).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let digest = Digest::of(types::io::read(&path).unwrap());
            assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
        }
    }
}

#[tokio::test]
async fn many_writers_of_one_object_and_one_name_all_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    let puts = (0..32).map(|i| {
        let blobs = blobs.clone();
        async move {
            let digest = blobs.put_bytes("same").await.unwrap();
            assert_eq!(blobs.get_bytes(&digest).await.unwrap(), "same");
            blobs.put_named_bytes("p/q/r", format!("{i:02}")).await.unwrap();
            assert_eq!(blobs.get_named_bytes("p/q/r").await.unwrap().len(), 2);
            blobs.put_named_bytes(&format!("shared/{i}/x"), "x").await.unwrap();
            blobs.delete_named(&format!("shared/{i}/x")).await.unwrap();
        }
    });
    futures::future::join_all(puts).await;
    assert_eq!(files_below(dir.path()), 2);
}

#[tokio::test]
async fn addresses_that_are_not_understood_are_explained() {
    for (url, reason) in [
        ("gs://b", "it starts with neither s3:// nor file://"),
        ("s3://", "it names no bucket"),
        ("s3://b?secret=x", "unknown option `secret`"),
    ] {
        let error = Blobs::open(&BlobConfig::Url(url.into())).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.to_string().contains("=x"), "secrets in an address are not echoed: {error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Blobs::open(&BlobConfig::Local(file.path().into())).await.unwrap_err();
    assert!(matches!(error, Error::NotADirectory { .. }), "{error}");
}

proptest! {
    #[test]
    fn an_accepted_name_stays_below_its_root(path in "[a-z./\\\\\u{0}é~ ]{0,12}") {
        if let Ok(name) = NamedPath::parse(&path) {
            let joined = Path::new("/root").join(name.as_str());
            prop_assert!(joined.starts_with("/root"));
            prop_assert!(joined.components().count() == 2 + path.split('/').count());
            prop_assert!(!joined.components().any(|c| matches!(c, std::path::Component::ParentDir)));
        }
    }
}

#[tokio::test]
async fn parts_sent_in_any_order_join_to_one_object_and_joining_again_answers_the_same() {
    let (_dir, stores) = stores().await;
    for blobs in stores {
        let part = |number, tag: &str| Part { number, tag: format!("\"{tag}\"") };
        let second = blobs.put_part("up-1", 2, stream::iter(chunks(&[b"lo"]))).await.unwrap();
        let stale = blobs.put_part("up-1", 1, stream::iter(chunks(&[b"no"]))).await.unwrap();
        let first = blobs.put_part("up-1", 1, stream::iter(chunks(&[b"h", b"el"]))).await.unwrap();
        assert_ne!(first, stale);
        let cut: Vec<Chunk> = vec![Ok(Bytes::from_static(b"x")), Err("gone".into())];
        assert!(matches!(blobs.put_part("up-1", 3, stream::iter(cut)).await, Err(Error::Cut { .. })));
        let absent = blobs.join_parts("up-1", vec![part(1, &first), part(3, &second)]).await;
        assert!(matches!(absent, Err(Error::NoPart { number: 3, .. })));
        let parts = vec![part(1, &first), part(2, &second)];
        let joined = blobs.join_parts("up-1", parts.clone()).await.unwrap();
        assert_eq!(joined, (Digest::of("hello"), 5));
        assert_eq!(blobs.get_bytes(&joined.0).await.unwrap(), "hello");
        assert_eq!(blobs.join_parts("up-1", parts).await.unwrap(), joined);
        blobs.put_part("up-2", 1, stream::iter(chunks(&[b"x"]))).await.unwrap();
        blobs.drop_parts("up-2").await.unwrap();
        blobs.drop_parts("up-2").await.unwrap();
        assert!(blobs.join_parts("up-2", vec![part(1, "")]).await.is_err());
    }
}

#[tokio::test]
async fn a_sweep_sees_every_object_and_removes_only_old_ones() {
    let (_dir, stores) = stores().await;
    for blobs in stores {
        let mut digests = Vec::new();
        for n in 0..20 {
            digests.push(blobs.put_bytes(format!("object {n}")).await.unwrap());
        }
        digests.sort_unstable();
        let mut listed = Vec::new();
        for first in 0..=255 {
            listed.extend(blobs.list_objects(first).await.unwrap());
        }
        assert_eq!(listed.iter().map(|object| object.digest).collect::<Vec<_>>(), digests);
        let now = types::Clock::now(&types::SystemClock);
        assert!(listed.iter().all(|o| o.size >= 8 && (now.0 - o.renewed_at.0).abs() < 60_000_000));

        let (long_ago, ahead) = (now.plus_seconds(-60), now.plus_seconds(60));
        assert!(!blobs.remove_old(&digests[0], long_ago).await.unwrap());
        assert!(blobs.exists(&digests[0]).await.unwrap());
        assert!(blobs.remove_old(&digests[0], ahead).await.unwrap());
        assert!(!blobs.exists(&digests[0]).await.unwrap());
        assert!(!blobs.remove_old(&digests[0], ahead).await.unwrap());
        assert!(!blobs.renew(&digests[0]).await.unwrap());
        assert!(blobs.renew(&digests[1]).await.unwrap());
    }
}

#[tokio::test]
async fn putting_or_renewing_an_object_makes_it_new() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    let digest = blobs.put_bytes("x").await.unwrap();
    let age = |seconds: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let file = std::fs::File::open(blobs.local_path(&digest).unwrap()).unwrap();
        file.set_times(std::fs::FileTimes::new().set_modified(time)).unwrap();
    };
    let before = types::Timestamp(2_000_000_000);
    age(1000);
    blobs.put_bytes("x").await.unwrap();
    assert!(!blobs.remove_old(&digest, before).await.unwrap());
    age(1000);
    blobs.renew(&digest).await.unwrap();
    assert!(!blobs.remove_old(&digest, before).await.unwrap());
    age(1000);
    assert!(blobs.remove_old(&digest, before).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_object_that_is_put_while_it_is_removed_is_there_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
    for round in 0..150 {
        let digest = blobs.put_bytes("x").await.unwrap();
        let file = std::fs::File::open(blobs.local_path(&digest).unwrap()).unwrap();
        let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        file.set_times(std::fs::FileTimes::new().set_modified(past)).unwrap();
        let before = types::Timestamp(2_000_000_000);
        let (put, removed) = futures::join!(blobs.put_bytes("x"), blobs.remove_old(&digest, before));
        put.unwrap();
        removed.unwrap();
        assert_eq!(blobs.get_bytes(&digest).await.unwrap(), "x", "round {round}");
    }
}

#[tokio::test]
async fn an_object_that_a_killed_removal_left_aside_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = BlobConfig::Local(dir.path().into());
    let blobs = Blobs::open(&config).await.unwrap();
    let digest = blobs.put_bytes("x").await.unwrap();
    let aside = dir.path().join("removing").join(digest.hex());
    std::fs::rename(blobs.local_path(&digest).unwrap(), &aside).unwrap();
    let blobs = Blobs::open(&config).await.unwrap();
    assert_eq!(blobs.get_bytes(&digest).await.unwrap(), "x");
    assert!(!aside.exists());
}
