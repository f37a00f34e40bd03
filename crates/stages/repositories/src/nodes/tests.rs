use blobs::{BlobConfig, Blobs};
use ledger::Ledger;
use tree::{Item, Memory, NewNodes, Nodes as _, apply, empty, get};
use types::Digest;

use super::{Nodes, pack};

fn entry(n: u32) -> (Vec<u8>, Option<Item>) {
    (format!("data/{n:06}").into_bytes(), Some(Item { value: vec![n as u8; 60], weight: 1 }))
}

fn tree(count: u32) -> (Digest, NewNodes) {
    apply(&Memory::default(), &empty(), (0..count).map(entry).collect()).unwrap()
}

async fn opened(ledger: &Ledger, dir: &tempfile::TempDir) -> Nodes {
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
    Nodes::open(ledger.clone(), blobs, 1 << 20)
}

async fn blobs_of(nodes: &Nodes) -> Vec<Digest> {
    let mut found = Vec::new();
    for first in 0..=255 {
        found.extend(nodes.0.blobs.list_objects(first).await.unwrap().into_iter().map(|o| o.digest));
    }
    found
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

ledger::db_test! {
    components: [crate::COMPONENT];

    async fn kept_nodes_are_read_by_the_next_server(ledger: Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let (root, new) = tree(20_000);
        opened(&ledger, &dir).await.keep(new).await.unwrap();
        let nodes = opened(&ledger, &dir).await;
        // From an async thread and from a blocking one.
        assert!(get(&nodes, &root, b"data/000007").unwrap().is_some());
        let again = nodes.clone();
        let found = blocking(move || tree::scan(&again, &root, b"", b"").unwrap().count()).await;
        assert_eq!(found, 20_000);
        let root_node = nodes.load(&root).unwrap();
        assert_eq!(nodes.bytes(&root).await.unwrap(), root_node.bytes());
        let lost = Digest::of("lost");
        assert_eq!(nodes.load(&lost).unwrap_err(), tree::Error::Missing(lost));
    }

    async fn a_node_that_is_kept_is_not_written_again(ledger: Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let nodes = opened(&ledger, &dir).await;
        let (root, new) = tree(5_000);
        nodes.keep(new.clone()).await.unwrap();
        let written = blobs_of(&nodes).await;
        nodes.keep(new).await.unwrap();
        assert_eq!(blobs_of(&nodes).await, written);
        // Of another tree only what it does not share is written.
        let (other, new) = apply(&nodes, &root, vec![entry(900_000)]).unwrap();
        let made = new.0.len();
        assert!(made <= 3);
        nodes.keep(new).await.unwrap();
        let pack = blobs_of(&nodes).await.into_iter().find(|blob| !written.contains(blob)).unwrap();
        let bytes = nodes.0.blobs.get_bytes(&pack).await.unwrap();
        assert_eq!(pack::index(&bytes).unwrap().len(), made);
        assert!(get(&nodes, &other, b"data/900000").unwrap().is_some());
    }

    async fn a_damaged_pack_is_told_and_names_the_node(ledger: Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let (root, new) = tree(300);
        let nodes = opened(&ledger, &dir).await;
        nodes.keep(new).await.unwrap();
        let path = nodes.0.blobs.local_path(&blobs_of(&nodes).await[0]).unwrap();
        let mut bytes = types::io::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::remove_file(&path).unwrap();
        types::io::write(&path, &bytes).unwrap();
        let nodes = opened(&ledger, &dir).await;
        let error = nodes.load(&root).unwrap_err();
        assert!(matches!(error, tree::Error::Damaged { id, .. } if id == root), "{error}");
        types::io::write(&path, &bytes[..30]).unwrap();
        let error = nodes.load(&root).unwrap_err();
        assert!(matches!(error, tree::Error::Unreadable { id, .. } if id == root), "{error}");
    }

    async fn nodes_are_read_from_an_object_store_too(ledger: Ledger) {
        let Ok(url) = std::env::var("MLWRIGHT_TEST_S3") else {
            eprintln!("SKIPPED on S3: set MLWRIGHT_TEST_S3=s3://bucket?endpoint=…");
            return;
        };
        let (place, query) = url.split_once('?').unwrap_or((&url, ""));
        let url = format!("{place}/nodes-{}?{query}", types::new_id(ledger.clock().now()));
        let blobs = async || Blobs::open(&BlobConfig::Url(url.clone())).await.unwrap();
        let (root, new) = tree(5_000);
        Nodes::open(ledger.clone(), blobs().await, 1 << 20).keep(new).await.unwrap();
        let nodes = Nodes::open(ledger, blobs().await, 1 << 20);
        let found = blocking(move || tree::scan(&nodes, &root, b"", b"").unwrap().count()).await;
        assert_eq!(found, 5_000);
    }
}

#[test]
fn the_index_of_a_pack_says_what_is_in_it() {
    let (_, new) = tree(5_000);
    let ids: Vec<Digest> = new.0.iter().map(|(id, _)| *id).collect();
    let (packs, nodes) = pack::pack(new).unwrap();
    assert_eq!(nodes.iter().map(|node| node.id()).collect::<Vec<_>>(), ids);
    let index = pack::index(&packs[0].bytes).unwrap();
    assert_eq!(index, packs[0].places);
    for (place, node) in index.iter().zip(&nodes) {
        let bytes = &packs[0].bytes[place.start as usize..][..place.length as usize];
        assert_eq!(pack::unpack(&place.id, bytes).unwrap().bytes(), node.bytes());
    }
    assert!(pack::index(b"short").is_none());
}
