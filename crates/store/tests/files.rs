//! S2 and S6: whose files a store reads, writes and removes, and who can read
//! its own.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use evenkeel_store::record::{NoticeKind, Record};
use evenkeel_store::{FileStore, Store, StoreError, salvage};

mod support;

const SEGMENT: &str = "segment-0000000001";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn made(path: &Path) {
    let mut store = FileStore::options().segment_bytes(0).open(path).unwrap();
    store.recover().unwrap();
    store.commit(&[Record::Unproven]).unwrap();
}

#[track_caller]
fn all_are_private(path: &Path) {
    assert_eq!(mode(path), 0o700);
    for name in names(path) {
        assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn what_is_made_is_the_owners_alone() {
    let folder = support::Folder::new();
    let path = folder.path().join("store");
    made(&path);
    assert_eq!(names(&path), ["end", "lock", SEGMENT]);
    all_are_private(&path);
}

#[test]
fn a_store_that_others_could_read_is_tightened() {
    let folder = support::Folder::new();
    let path = folder.path().join("store");
    made(&path);
    for open in [0o644, 0o640, 0o604, 0o666] {
        set(&path, 0o755);
        names(&path).iter().for_each(|name| set(&path.join(name), open));
        fs::write(path.join("notes.txt"), "the user's").unwrap();
        set(&path.join("notes.txt"), open);
        // One who reads changes nothing, not even this.
        drop(FileStore::options().read_only(true).open(&path).unwrap());
        assert_eq!((mode(&path), mode(&path.join(SEGMENT))), (0o755, open));
        let mut store = FileStore::open(&path).unwrap();
        assert_eq!(store.recover().unwrap().notices, []);
        drop(store);
        assert_eq!(mode(&path.join("notes.txt")), open, "what is not ours is left alone");
        fs::remove_file(path.join("notes.txt")).unwrap();
        all_are_private(&path);
    }
}

/// A folder that many share, as `/tmp`, was never ours to close.
#[test]
fn a_folder_that_many_share_is_left_as_it_is_and_told() {
    let folder = support::Folder::new();
    set(folder.path(), 0o1777);
    let mut store = FileStore::open(folder.path()).unwrap();
    let notices = store.recover().unwrap().notices;
    assert_eq!((notices.len(), &notices[0].kind), (1, &NoticeKind::Exposed));
    assert_eq!(notices[0].to_string(), ".: other users can read it");
    assert_eq!(mode(folder.path()), 0o1777);
}

/// What is refused, with this path in the error.
#[track_caller]
fn refused(path: &Path, name: &str) {
    let before = names(path);
    let is_foreign = |error: StoreError| {
        assert_eq!(
            error.to_string(),
            format!("{}: this is no store of Evenkeel", path.join(name).display())
        );
    };
    is_foreign(FileStore::open(path).map(drop).unwrap_err());
    is_foreign(FileStore::options().read_only(true).open(path).map(drop).unwrap_err());
    is_foreign(salvage(path, |_| std::ops::ControlFlow::Continue(())).map(drop).unwrap_err());
    assert_eq!(names(path), before);
}

#[test]
fn links_and_folders_with_names_of_ours_are_refused_and_left_alone() {
    let ours = ["lock", "compacting", "end", "aside-0000000001", SEGMENT, "segment-0000000099"];
    for name in ours {
        for has_store in [true, false] {
            let folder = support::Folder::new();
            let (path, victim) = (folder.path().join("store"), folder.path().join("victim"));
            fs::create_dir(&path).unwrap();
            if has_store {
                made(&path);
            }
            let place = path.join(name);
            let _ = fs::remove_file(&place);
            // Even a lock or a segment that would do, elsewhere.
            for contents in ["keep me", "", "4711\n"] {
                fs::write(&victim, contents).unwrap();
                symlink(&victim, &place).unwrap();
                refused(&path, name);
                assert_eq!(fs::read_to_string(&victim).unwrap(), contents);
                fs::remove_file(&place).unwrap();
            }
            // A link to nowhere is not followed either.
            fs::remove_file(&victim).unwrap();
            symlink(&victim, &place).unwrap();
            refused(&path, name);
            assert!(!victim.exists(), "nothing is made through a link");
            fs::remove_file(&place).unwrap();
            fs::create_dir(&place).unwrap();
            refused(&path, name);
        }
    }
}

#[test]
fn files_of_other_programs_with_names_of_ours_are_refused_and_left_alone() {
    for name in ["lock", "compacting", "end", "aside-0000000001"] {
        for contents in ["keep me, I am longer than any lock and no header of a segment", "keep"] {
            let folder = support::Folder::new();
            made(folder.path());
            let place = folder.path().join(name);
            fs::write(&place, contents).unwrap();
            let error = FileStore::open(folder.path()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{}: this is no store of Evenkeel", place.display())
            );
            assert_eq!(fs::read_to_string(&place).unwrap(), contents, "{name}");
        }
    }
}

#[test]
fn the_folder_itself_and_those_above_may_be_links() {
    let folder = support::Folder::new();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, folder.path().join("link")).unwrap();
    let inside = folder.path().join("link").join("store");
    made(&inside);
    symlink(&inside, folder.path().join("direct")).unwrap();
    let mut store = FileStore::open(folder.path().join("direct")).unwrap();
    assert!(store.recover().unwrap().unproven);
    assert_eq!(mode(&real.join("store")), 0o700);
}

/// `queue ls` works on a copy, on a disk that cannot be written, and if
/// nobody has ever left a lock.
#[test]
fn a_store_is_read_without_the_right_to_write() {
    let folder = support::Folder::new();
    let path = folder.path().join("store");
    made(&path);
    fs::remove_file(path.join("lock")).unwrap();
    let before = names(&path);
    names(&path).iter().for_each(|name| set(&path.join(name), 0o400));
    set(&path, 0o500);
    let mut store = FileStore::options().read_only(true).open(&path).unwrap();
    let recovered = store.recover().unwrap();
    drop(store);
    let modes: Vec<u32> = before.iter().map(|name| mode(&path.join(name))).collect();
    set(&path, 0o700);
    assert!(recovered.unproven && recovered.notices.is_empty());
    assert_eq!((names(&path), modes), (before, vec![0o400; 2]));
}

/// Zeros are what a power cut leaves of a lock's file.
#[test]
fn locks_of_all_versions_are_taken() {
    for contents in ["", "4711\n", "evenkeel 4711\n", "\0\0\0\0\0"] {
        let folder = support::Folder::new();
        made(folder.path());
        fs::write(folder.path().join("lock"), contents).unwrap();
        let held = FileStore::open(folder.path()).unwrap();
        let error = FileStore::open(folder.path()).unwrap_err();
        let process = format!("is in use by process {}", std::process::id());
        assert!(error.to_string().ends_with(&process), "{error}");
        drop(held);
        // One who reads leaves no number, and no number of another counts.
        let reading = FileStore::options().read_only(true).open(folder.path()).unwrap();
        let error = FileStore::open(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("is in use by another process"), "{error}");
        drop(reading);
        FileStore::open(folder.path()).unwrap();
    }
}
