use std::path::Path;
use std::process::Command;

use mlwright_pipelines::snapshot_tar;

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    assert!(
        Command::new("git").arg("-C").arg(dir).args(identity).args(args).output().unwrap().status.success()
    );
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    types::io::create_dir_all(path.parent().unwrap()).unwrap();
    types::io::write(path, text).unwrap();
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(bytes);
    archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect()
}

#[test]
fn a_snapshot_holds_what_git_tracks_or_would_track_and_says_what_is_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    git(root, &["init", "-q"]);
    write(root, "below/train.py", "print(1)\n");
    write(root, "below/data/train.csv", "x\n1\n");
    write(root, "below/.gitignore", "*.pyc\n");
    write(root, "below/old.pyc", "no");
    write(root, "beside.py", "not of this project");
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "first"]);
    let project = root.join("below");
    let clean = snapshot_tar(&project, &["data".into()]).unwrap();
    assert_eq!(names(&clean.bytes), [".gitignore", "train.py"]);
    assert_eq!(clean.snapshot.git_commit.as_ref().unwrap().len(), 40);
    assert_eq!(clean.snapshot.git_diff_digest, None);

    write(root, "below/train.py", "print(2)\n");
    write(root, "below/new.py", "print(3)\n");
    let dirty = snapshot_tar(&project, &["data".into()]).unwrap();
    assert_eq!(names(&dirty.bytes), [".gitignore", "new.py", "train.py"]);
    assert!(String::from_utf8_lossy(&dirty.diff).contains("+print(2)"));
    assert_eq!(dirty.snapshot.git_diff_digest, Some(types::Digest::of(&dirty.diff)));
    assert_ne!(dirty.snapshot.digest, clean.snapshot.digest);
}

#[test]
fn the_same_files_give_the_same_snapshot_wherever_and_whenever_they_are() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(a.path(), "x.py", "1");
    write(a.path(), "lib/y.py", "2");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    write(b.path(), "lib/y.py", "2");
    write(b.path(), "x.py", "1");
    write(b.path(), "__pycache__/x.pyc", "left out");
    std::os::unix::fs::symlink("/etc/passwd", b.path().join("leads-outside")).unwrap();
    let (a, b) = (snapshot_tar(a.path(), &[]).unwrap(), snapshot_tar(b.path(), &[]).unwrap());
    assert_eq!(a.snapshot, b.snapshot);
    assert_eq!(a.snapshot.git_commit, None);
}
