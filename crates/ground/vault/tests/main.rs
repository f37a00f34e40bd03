//! What the vault promises: nothing opens under a wrong key, in a wrong place or after a change.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt as _;

use mlwright_vault::{Error, FILE, Vault};
use types::Fault as _;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_key_is_made_once_for_the_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let sealed = Vault::open(home.path(), None).unwrap().seal("webhook:1", b"hush").unwrap();
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
    let again = Vault::open(home.path(), None).unwrap();
    assert_eq!(again.open_text("webhook:1", &sealed).unwrap(), "hush");
    let twice = again.seal("webhook:1", b"hush").unwrap();
    assert!(sealed != twice && !sealed.windows(4).any(|w| w == b"hush"));
}

#[test]
fn a_secret_opens_only_whole_in_its_place_and_under_its_key() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let vault = Vault::open(home.path(), None).unwrap();
    let sealed = vault.seal("secret:1", b"hush").unwrap();
    assert!(matches!(vault.open_sealed("secret:2", &sealed), Err(Error::NotOpened { .. })));
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(vault.open_sealed("secret:1", &altered).is_err(), "byte {at}");
        assert!(vault.open_sealed("secret:1", &sealed[..at]).is_err(), "cut at {at}");
    }
    let stranger = Vault::open(other.path(), None).unwrap();
    let error = stranger.open_sealed("secret:1", &sealed).unwrap_err();
    assert!(
        matches!(error, Error::UnknownKey { .. }) && error.hint().unwrap().contains("MLWRIGHT_MASTER_KEY")
    );
}

#[test]
fn after_a_rotation_old_secrets_open_and_new_ones_use_the_new_key() {
    let home = tempfile::tempdir().unwrap();
    let vault = Vault::open(home.path(), None).unwrap();
    let old = vault.seal("a", b"1").unwrap();
    vault.rotate().unwrap();
    let new = vault.seal("a", b"2").unwrap();
    assert_eq!((vault.is_current(&old), vault.is_current(&new)), (false, true));
    let again = Vault::open(home.path(), None).unwrap();
    assert_eq!(
        (again.open_text("a", &old).unwrap(), again.open_text("a", &new).unwrap()),
        ("1".into(), "2".into())
    );
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
}

#[test]
fn the_environment_overrides_the_file() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (base64_of(1), base64_of(2));
    let one = Vault::open(home.path(), Some(&first)).unwrap();
    assert!(!home.path().join(FILE).exists());
    let sealed = one.seal("a", b"1").unwrap();
    let both = Vault::open(home.path(), Some(&format!("{first}, {second}"))).unwrap();
    assert!(both.open_text("a", &sealed).is_ok() && !both.is_current(&sealed));
    assert!(matches!(both.rotate(), Err(Error::NotInFile)));
    let error = Vault::open(home.path(), Some("short")).unwrap_err();
    assert!(error.to_string().contains("MLWRIGHT_MASTER_KEY") && error.hint().unwrap().contains("openssl"));
}

fn base64_of(byte: u8) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([byte; 32])
}

#[test]
fn a_bad_file_is_named_with_its_line_and_a_way_out() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE);
    Vault::open(home.path(), None).unwrap();
    let good = types::io::read_to_string(&path).unwrap();
    let cases = [
        (String::new(), "line 1"),
        ("mlwright-master-keys v9\n".to_owned(), "a newer mlwright"),
        ("mlwright-master-keys v1\n".to_owned(), "no key"),
        (good[..good.len() - 9].to_owned(), "line 2"),
        (format!("{good}nonsense\n"), "line 3"),
    ];
    for (text, words) in cases {
        types::io::write(&path, text).unwrap();
        let error = Vault::open(home.path(), None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("master.key") && said.contains(words), "{said}");
        assert!(error.hint().unwrap().contains("backup"));
    }
    types::io::write(&path, good).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Vault::open(home.path(), None).unwrap_err();
    assert!(error.to_string().contains("mode 644") && error.hint().unwrap().starts_with("chmod 600"));
}

#[test]
fn a_token_is_read_for_its_purpose_until_its_time_and_not_when_it_was_touched() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (Vault::open(home.path(), None).unwrap(), Vault::open(other.path(), None).unwrap());
    let at = |seconds: i64| types::Timestamp::from_millis(seconds * 1_000);
    let token = ours.sign("get", at(100), &"file").unwrap();
    let read = |purpose: &str, now, token: &str| ours.read_signed::<String>(purpose, at(now), token);
    assert_eq!(read("get", 100, &token).as_deref(), Some("file"));
    assert_eq!(read("get", 101, &token), None);
    assert_eq!(read("put", 100, &token), None);
    assert_eq!(theirs.read_signed::<String>("get", at(1), &token), None);
    let (text, tag) = token.split_once('.').unwrap();
    for index in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = format!("{}.{tag}", String::from_utf8(changed).unwrap());
        assert_eq!(read("get", 1, &changed), None, "{changed}");
    }
    for broken in ["", ".", text, &format!("{text}."), &format!("{text}.!")] {
        assert_eq!(read("get", 1, broken), None, "{broken}");
    }
    ours.rotate().unwrap();
    assert!(read("get", 100, &token).is_some() && ours.sign("get", at(100), &"file").unwrap() != token);
}
