//! Garbage collection against what is plainly needed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use ledger::Ledger;
use ledger::testing::{self, Engine};
use proptest::prelude::*;
use types::{Actor, Clock, Digest, SystemClock, TestClock};

use super::GRACE;
use crate::nodes::WORKSPACE;
use crate::{
    COMPONENT, Completion, Condition, Entry, Error, Listing, Metadata, NewCommit, NewRepository, NewUpload,
    Object, Options, Physical, Repositories, Reset, Retention, store,
};

pub(super) struct House {
    pub stage: Repositories,
    pub clock: Arc<TestClock>,
    dir: tempfile::TempDir,
}

pub(super) fn me() -> Actor {
    Actor::local()
}

async fn stage_over(ledger: Ledger, dir: &tempfile::TempDir) -> Repositories {
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
    let options = Options { local_roots: vec![dir.path().to_owned()], ..Options::default() };
    let stage = Repositories::open(ledger, blobs, options);
    let new = NewRepository {
        name: "repo".into(),
        storage_namespace: "local://repo".into(),
        default_branch: "main".into(),
        read_only: false,
        metadata: Metadata::new(),
    };
    stage.create_repository(&me(), new).await.unwrap();
    stage
}

/// Over the same database, in a time that only moves when told to.
pub(super) async fn house(ledger: Ledger) -> House {
    let clock = TestClock::at(SystemClock.now());
    let options = ledger::Options { place: ledger.place().clone(), readers: 2 };
    // One server at a time.
    drop(ledger);
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let opened = tokio::task::spawn_blocking(move || Ledger::open(options, time, &[COMPONENT]));
    let ledger = opened.await.unwrap().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let stage = stage_over(ledger, &dir).await;
    House { stage, clock, dir }
}

pub(super) async fn object(stage: &Repositories, content: &[u8]) -> Object {
    let chunk = Bytes::copy_from_slice(content);
    let received = stage.receive(futures::stream::iter([Ok(chunk)]).boxed(), &[]).await.unwrap();
    Object {
        etag: received.etag(),
        physical: received.physical,
        size: received.size,
        modified_at: stage.ledger().clock().now(),
        content_type: None,
        metadata: Metadata::new(),
        checksums: Metadata::new(),
        headers: Metadata::new(),
    }
}

pub(super) async fn put(stage: &Repositories, branch: &str, path: &str, content: &[u8]) {
    let object = object(stage, content).await;
    stage.stage(&me(), "repo", branch, path, object, Condition::default()).await.unwrap();
}

async fn read(stage: &Repositories, reference: &str, path: &str) -> Result<Vec<u8>, Error> {
    let object = stage.stat(&me(), "repo", reference, path).await?;
    let chunks: Vec<Bytes> = stage.read(&object, None).await?.body.try_collect().await?;
    Ok(chunks.concat())
}

async fn objects(stage: &Repositories, reference: &str) -> BTreeMap<String, Object> {
    let listing = Listing { limit: 1000, ..Listing::default() };
    let page = stage.list(&me(), "repo", reference, listing).await.unwrap();
    let object = |entry| match entry {
        Entry::Object { path, object } => Some((path, object)),
        Entry::Prefix(_) => None,
    };
    page.items.into_iter().filter_map(object).collect()
}

impl House {
    /// Passes a day and a bit apart, until there is nothing left to do.
    async fn collect_all(&self) {
        for _ in 0..7 {
            self.clock.advance_seconds(25 * 3600);
            self.stage.collect_garbage(GRACE).await.unwrap().unwrap();
        }
    }

    pub(super) async fn stored(&self) -> HashSet<Digest> {
        let mut found = HashSet::new();
        for first in 0..=255 {
            let objects = self.stage.blobs().list_objects(first).await.unwrap();
            found.extend(objects.into_iter().map(|object| object.digest));
        }
        found
    }

    /// Nodes that are kept, and the packs that they are in.
    async fn nodes(&self) -> (HashSet<Digest>, HashSet<Digest>) {
        let (mut nodes, mut packs) = (HashSet::new(), HashSet::new());
        for first in 0..=255 {
            let read = self.stage.ledger().read(WORKSPACE, move |rx| {
                Ok::<_, ledger::Error>((store::gc::nodes(rx, first)?, store::gc::packs(rx, first)?))
            });
            let (rows, of) = read.await.unwrap();
            nodes.extend(rows.into_iter().map(|row| row.id));
            packs.extend(of);
        }
        (nodes, packs)
    }

    fn reachable(&self, root: &Digest, into: &mut HashSet<Digest>) {
        if *root != tree::empty() && into.insert(*root) {
            for child in tree::Nodes::load(self.stage.nodes(), root).unwrap().children() {
                self.reachable(&child, into);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Put {
        branch: usize,
        path: u8,
        content: u8,
    },
    Delete {
        branch: usize,
        path: u8,
    },
    Commit {
        branch: usize,
    },
    Branch {
        new: usize,
        from: usize,
    },
    Drop {
        branch: usize,
    },
    Reset {
        branch: usize,
    },
    /// A pass that is killed after so many milliseconds.
    Killed(u64),
}

const BRANCHES: [&str; 3] = ["main", "dev", "try"];

fn op() -> impl Strategy<Value = Op> {
    let branch = 0..BRANCHES.len();
    prop_oneof![
        6 => (branch.clone(), 0..8_u8, 0..12_u8).prop_map(|(branch, path, content)| Op::Put { branch, path, content }),
        2 => (branch.clone(), 0..8_u8).prop_map(|(branch, path)| Op::Delete { branch, path }),
        4 => branch.clone().prop_map(|branch| Op::Commit { branch }),
        2 => (1..BRANCHES.len(), branch.clone()).prop_map(|(new, from)| Op::Branch { new, from }),
        1 => (1..BRANCHES.len()).prop_map(|branch| Op::Drop { branch }),
        1 => branch.prop_map(|branch| Op::Reset { branch }),
        1 => (0..40_u64).prop_map(Op::Killed),
    ]
}

/// Small ones share blobs, large ones have their own.
fn content(of: u8) -> Vec<u8> {
    vec![of; if of.is_multiple_of(3) { 70_000 } else { 10 + usize::from(of) }]
}

async fn run(house: &House, op: &Op) -> Result<(), Error> {
    let (stage, me) = (&house.stage, me());
    match op {
        Op::Put { branch, path, content: of } => {
            let object = object(stage, &content(*of)).await;
            let path = format!("p{path}");
            stage.stage(&me, "repo", BRANCHES[*branch], &path, object, Condition::default()).await.map(|_| ())
        }
        Op::Delete { branch, path } => {
            let path = format!("p{path}");
            stage.delete(&me, "repo", BRANCHES[*branch], &path, Condition::default()).await.map(|_| ())
        }
        Op::Commit { branch } => {
            let new = NewCommit { message: "c".into(), ..NewCommit::default() };
            stage.commit(&me, "repo", BRANCHES[*branch], new).await.map(|_| ())
        }
        Op::Branch { new, from } => {
            stage.create_branch(&me, "repo", BRANCHES[*new], BRANCHES[*from], false, false).await.map(|_| ())
        }
        Op::Drop { branch } => stage.delete_branch(&me, "repo", BRANCHES[*branch], false).await,
        Op::Reset { branch } => stage.reset(&me, "repo", BRANCHES[*branch], Reset::Everything).await,
        Op::Killed(after) => {
            house.clock.advance_seconds(25 * 3600);
            let pass = stage.collect_garbage(GRACE);
            let _ = tokio::time::timeout(Duration::from_millis(*after), pass).await;
            Ok(())
        }
    }
}

async fn collection_leaves_what_is_needed(ledger: Ledger, ops: &[Op], retention: bool) {
    let house = house(ledger).await;
    let stage = &house.stage;
    if retention {
        let rules = Retention { default_days: 2, ..Retention::default() };
        stage.set_retention(&me(), "repo", Some(rules)).await.unwrap();
    }
    let mut commits = Vec::new();
    for op in ops {
        // Commits without changes and branches that are not there are refused.
        let _ = run(&house, op).await;
        for branch in BRANCHES {
            if let Ok(commit) = stage.get_commit(&me(), "repo", branch).await
                && !commits.contains(&commit)
            {
                commits.push(commit);
            }
        }
    }
    let mut shown = BTreeMap::new();
    for branch in BRANCHES {
        if stage.branch(&me(), "repo", branch).await.is_ok() {
            shown.insert(branch.to_owned(), objects(stage, branch).await);
            shown.insert(format!("{branch}@"), objects(stage, &format!("{branch}@")).await);
        }
    }
    // A reader that began before; its layers are let go by the next commit.
    house.clock.advance_seconds(3600);
    stage.sweep_all_staging().await.unwrap();
    house.collect_all().await;

    let mut needed: HashSet<Digest> = HashSet::new();
    let mut nodes = HashSet::new();
    for (reference, before) in &shown {
        let after = objects(stage, reference).await;
        assert_eq!(&after, before, "{reference}");
        for (path, object) in &after {
            needed.extend(object.blobs());
            assert_eq!(read(stage, reference, path).await.unwrap().len() as u64, object.size);
        }
    }
    for commit in &commits {
        let Ok(found) = stage.get_commit(&me(), "repo", &commit.id.hex()).await else {
            assert!(retention, "a commit was removed without retention rules");
            continue;
        };
        house.reachable(&found.root, &mut nodes);
        if !retention {
            for object in objects(stage, &commit.id.hex()).await.values() {
                needed.extend(object.blobs());
            }
        }
    }
    let (kept, packs) = house.nodes().await;
    assert_eq!(kept, nodes);
    needed.extend(packs);
    assert_eq!(house.stored().await, needed);
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, max_shrink_iters: 40, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn collection_removes_exactly_what_nothing_leads_to(
        ops in proptest::collection::vec(op(), 1..40), retention in any::<bool>(),
    ) {
        testing::run(Engine::Sqlite, &[COMPONENT], |ledger| collection_leaves_what_is_needed(ledger, &ops, retention));
    }
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn collection_removes_exactly_what_nothing_leads_to_on_postgresql(
        ops in proptest::collection::vec(op(), 1..40), retention in any::<bool>(),
    ) {
        testing::run(Engine::Postgres, &[COMPONENT], |ledger| collection_leaves_what_is_needed(ledger, &ops, retention));
    }
}

ledger::db_test! {
    components: [COMPONENT];

    async fn nothing_can_stand_at_a_commit_that_expired(ledger: Ledger) {
        let house = house(ledger).await;
        let stage = &house.stage;
        put(stage, "main", "a", &content(0)).await;
        let new = || NewCommit { message: "c".into(), ..NewCommit::default() };
        let first = stage.commit(&me(), "repo", "main", new()).await.unwrap();
        let rules = Retention { default_days: 1, ..Retention::default() };
        stage.set_retention(&me(), "repo", Some(rules)).await.unwrap();
        house.clock.advance_seconds(10 * 86_400);
        for (path, of) in [("b", 3), ("c", 6)] {
            put(stage, "main", path, &content(of)).await;
            stage.delete(&me(), "repo", "main", "a", Condition::default()).await.unwrap();
            stage.commit(&me(), "repo", "main", new()).await.unwrap();
            house.clock.advance_seconds(2 * 86_400);
        }
        house.collect_all().await;
        let (id, mine) = (first.id.hex(), me());
        let branch = stage.create_branch(&mine, "repo", "old", &id, false, false).await;
        assert!(matches!(branch, Err(Error::Expired(_))), "{branch:?}");
        let tag = stage.create_tag(&mine, "repo", "old", &id, false).await;
        assert!(matches!(tag, Err(Error::Expired(_))), "{tag:?}");
        let reset = stage.hard_reset(&mine, "repo", "main", &id, false).await;
        assert!(matches!(reset, Err(Error::Expired(_))), "{reset:?}");
        // It is still told of, but its object is gone, and cannot be copied.
        assert_eq!(objects(stage, &id).await.len(), 1);
        assert!(read(stage, &id, "a").await.is_err());
        let gone = stage.stat(&mine, "repo", &id, "a").await.unwrap();
        let copied = stage.stage(&mine, "repo", "main", "copy", gone, Condition::default()).await;
        assert!(matches!(copied, Err(Error::Gone(_))), "{copied:?}");
        assert_eq!(read(stage, "main", "b").await.unwrap(), content(3));
    }

    async fn parts_of_uploads_are_kept_and_imported_files_are_never_touched(ledger: Ledger) {
        let house = house(ledger).await;
        let stage = &house.stage;
        let file = house.dir.path().join("outside.bin");
        types::io::write(&file, b"outside").unwrap();
        let mut imported = object(stage, b"outside").await;
        imported.physical = Physical::External(format!("local://{}", file.display()));
        stage.stage(&me(), "repo", "main", "imported", imported, Condition::default()).await.unwrap();
        let upload = stage.create_upload(&me(), "repo", "main", "parts", NewUpload::default()).await.unwrap();
        let part = futures::stream::iter([Ok(Bytes::from(content(9)))]).boxed();
        let received = stage.receive(part, &[]).await.unwrap();
        let part = stage.put_part(&me(), "repo", &upload.id, 1, received).await.unwrap();
        house.collect_all().await;
        let all = Completion { parts: vec![(1, part.etag).into()], ..Completion::default() };
        stage.complete_upload(&me(), "repo", &upload.id, all).await.unwrap();
        assert_eq!(read(stage, "main", "parts").await.unwrap(), content(9));
        stage.reset(&me(), "repo", "main", Reset::Everything).await.unwrap();
        house.clock.advance_seconds(3600);
        stage.sweep_all_staging().await.unwrap();
        house.collect_all().await;
        assert!(house.stored().await.is_empty());
        assert_eq!(types::io::read(&file).unwrap(), b"outside");
    }

    /// Content becomes garbage and is uploaded again, at every moment of the passes that go on all the time.
    async fn what_is_uploaded_while_garbage_is_collected_stays(ledger: Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let stage = stage_over(ledger, &dir).await;
        let until = std::time::Instant::now() + Duration::from_secs(14);
        let writer = async |n: u32| {
            let (path, mut round) = (format!("p{n}"), 0_u64);
            while std::time::Instant::now() < until {
                let content = [vec![n as u8; 70_000], n.to_le_bytes().to_vec()].concat();
                put(&stage, "main", &path, &content).await;
                assert_eq!(read(&stage, "main", &path).await.unwrap(), content);
                round += 1;
                if round.is_multiple_of(3) {
                    let new = NewCommit { message: path.clone(), ..NewCommit::default() };
                    // Another writer's commit may have taken it along.
                    let _ = stage.commit(&me(), "repo", "main", new).await;
                    assert_eq!(read(&stage, "main", &path).await.unwrap(), content);
                } else {
                    stage.reset(&me(), "repo", "main", Reset::Object(path.clone())).await.unwrap();
                }
                let pause = (u64::from(n) * 977 + round * 1_409) % 7_000;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        };
        let collector = async {
            let mut removed = 0;
            while std::time::Instant::now() < until {
                let collected = stage.collect_garbage(Duration::from_secs(2)).await.unwrap();
                removed += collected.map_or(0, |c| c.blobs);
                let _ = stage.sweep_staging(&me()).await;
            }
            removed
        };
        let writers = futures::future::join_all((0..24).map(writer));
        let (removed, _) = futures::join!(collector, writers);
        assert!(removed > 0, "nothing became garbage: the test shows nothing");
        for path in objects(&stage, "main").await.keys() {
            read(&stage, "main", path).await.unwrap();
        }
    }
}
