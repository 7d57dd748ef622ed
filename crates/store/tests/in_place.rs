//! Batches that the client's own task writes: one small write, and never a sync.

use std::time::Duration;

use evenkeel_store::disk::SimulatedDisk;
use evenkeel_store::record::Record;
use evenkeel_store::{FileStore, FileStoreOptions, Fsync, Store};

mod support;

const SOME: &[Record] = &[Record::Unproven];

fn options(fsync: Fsync) -> FileStoreOptions {
    FileStore::options().fsync(fsync).in_place(true)
}

#[test]
fn one_write_and_no_sync() {
    let disk = SimulatedDisk::new();
    let mut store = options(Fsync::Never).open_in(disk.folder()).unwrap();
    let (writes, syncs) = (disk.writes(), disk.syncs());
    for _ in 0..100 {
        store.commit_in_place(SOME).unwrap().unwrap();
    }
    assert_eq!((disk.writes() - writes, disk.syncs() - syncs), (100, 0));
    disk.kill();
    let mut store = options(Fsync::Never).open_in(disk.folder()).unwrap();
    assert!(store.recover().unwrap().unproven, "it outlives the process");
}

#[test]
fn nothing_is_written_in_place_unless_it_was_chosen() {
    let disk = SimulatedDisk::new();
    for (fsync, in_place) in [(Fsync::Never, false), (Fsync::EveryCommit, true)] {
        let mut store = options(fsync).in_place(in_place).open_in(disk.folder()).unwrap();
        let operations = disk.operations();
        assert!(store.commit_in_place(SOME).is_none());
        assert_eq!(disk.operations(), operations);
    }
}

#[test]
fn a_segment_ends_on_the_thread_of_the_store() {
    let disk = SimulatedDisk::new();
    let options = options(Fsync::Never).segment_bytes(0);
    let mut store = options.open_in(disk.folder()).unwrap();
    let in_place = (0..).take_while(|_| store.commit_in_place(SOME).is_some()).count();
    assert!(in_place > 10, "{in_place}");
    let has_next = || disk.names().iter().any(|name| name == "segment-0000000002");
    assert!(!has_next());
    store.commit(SOME).unwrap();
    assert!(has_next());
    assert!(store.commit_in_place(SOME).is_some(), "in the next one");
}

#[test]
fn a_large_batch_is_left_to_the_thread() {
    let disk = SimulatedDisk::new();
    let mut store = options(Fsync::Never).open_in(disk.folder()).unwrap();
    assert!(store.commit_in_place(&vec![Record::Unproven; 10_000]).is_some());
    assert!(store.commit_in_place(&vec![Record::Unproven; 100_000]).is_none());
}

/// What it put behind the end is written over by the thread.
#[test]
fn a_write_that_fails_is_left_to_the_thread() {
    let disk = SimulatedDisk::new();
    let mut store = options(Fsync::Never).open_in(disk.folder()).unwrap();
    store.commit(SOME).unwrap();
    disk.fail_at(disk.operations(), std::io::ErrorKind::StorageFull);
    assert!(store.commit_in_place(&[Record::Proven]).is_none());
    store.commit(&[Record::Proven]).unwrap();
    drop(store);
    let mut store = options(Fsync::Never).open_in(disk.folder()).unwrap();
    assert!(!store.recover().unwrap().unproven);
}

#[test]
fn what_was_written_in_place_is_synced_in_its_time() {
    let folder = support::Folder::new();
    let every = Fsync::Every(Duration::from_millis(1));
    let mut store = options(every).open(folder.path()).unwrap();
    assert!((0..1000).any(|_| store.commit_in_place(SOME).is_some()));
    drop(store);
    let disk = SimulatedDisk::new();
    let mut store = options(every).open_in(disk.folder()).unwrap();
    let syncs = disk.syncs();
    store.commit_in_place(SOME).unwrap().unwrap();
    drop(store);
    assert!(disk.syncs() > syncs);
}
