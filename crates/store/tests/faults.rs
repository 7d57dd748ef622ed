//! What a person is told when a store cannot be used, and that nothing is
//! changed by saying so.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

use evenkeel_proto::codec::{PacketId, Properties, Publish, QoS, Text};
use evenkeel_store::contract::model::{Model, Random, View};
use evenkeel_store::disk::{Crash, SimulatedDisk};
use evenkeel_store::record::{
    Accepted, Outcome, Priority, Record, Serial, StoredMessage, UnixMillis, Window,
};
use evenkeel_store::{
    Bound, Fault, FileStore, FileStoreOptions, Fsync, Salvaged, Store, StoreError, salvage_in,
};

mod support;

const ALL: Window = Window { messages: usize::MAX, bytes: usize::MAX };

fn accepted(serial: u64, bytes: usize) -> Record {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Text::from_static("a/b").unwrap(),
        packet_id: None,
        payload: vec![serial as u8; bytes].into(),
        properties: Properties::new(),
    };
    let (serial, accepted) = (Serial(serial), UnixMillis(0));
    let priority = Priority::Normal;
    Record::Accepted(Accepted { serial, publish, accepted, expires: None, age: None, priority })
}

fn done(serial: u64) -> Record {
    Record::Done { serial: Serial(serial), outcome: Outcome::Delivered }
}

/// What is printed: the error, then what to do about it.
fn told(error: &StoreError) -> String {
    format!("{error:#}\nhint: {}", error.hint())
}

fn small() -> FileStoreOptions {
    FileStore::options().segment_bytes(0)
}

fn recover(disk: &SimulatedDisk) -> Result<Vec<u64>, StoreError> {
    let mut store = small().open_in(disk.folder())?;
    store.recover()?;
    Ok(store.list(None, ALL)?.iter().map(|message| message.serial.0).collect())
}

/// A store of several segments, closed, with the model of what is in it, and
/// of what was before the last batch.
fn filled() -> (SimulatedDisk, Model, Model) {
    let disk = SimulatedDisk::new();
    let mut store = small().open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    let (mut model, mut before) = (Model::default(), Model::default());
    for serial in 0..45 {
        let mut batch = vec![accepted(serial, 150)];
        if serial % 5 == 4 {
            batch.push(done(serial - 3));
        }
        if serial % 7 == 6 {
            let packet_id = PacketId::new(serial as u16).unwrap();
            batch.push(Record::Sent { serial: Serial(serial), packet_id });
            batch.push(Record::Released { serial: Serial(serial / 2) });
        }
        store.commit(&batch).unwrap();
        before = model.clone();
        batch.iter().for_each(|record| model.add(record));
    }
    drop(store);
    assert!(disk.names().len() > 2);
    (disk, model, before)
}

#[test]
fn a_flipped_bit_is_told_and_nothing_is_changed_or_invented() {
    let (disk, model, before) = filled();
    let image = disk.image();
    let mut outcomes = BTreeMap::new();
    let mut random = Random(9);
    for (name, bytes) in image.iter().filter(|(name, _)| name.starts_with("segment-")) {
        for at in (0..bytes.len()).step_by(3) {
            let mut flipped = image.clone();
            flipped.get_mut(name).unwrap()[at] ^= 1 << random.below(8);
            let disk = SimulatedDisk::with_image(flipped.clone());
            let outcome = match small().open_in(disk.folder()) {
                Err(StoreError::Contents { fault, .. }) => {
                    assert_eq!(disk.image(), flipped, "{name} {at}: changed in spite of {fault}");
                    match fault {
                        Fault::Damaged { offset } => {
                            assert!(offset <= at as u64, "{name}: {at} told as {offset}");
                            "damaged"
                        }
                        Fault::Foreign => "foreign",
                        other => panic!("{name} {at}: {other}"),
                    }
                }
                Err(other) => panic!("{name} {at}: {other}"),
                // Only the end of the newest file may look torn: no later
                // batch shows that it was whole once.
                Ok(mut store) => {
                    let recovered = store.recover().unwrap();
                    let view = View::of(&recovered, &mut store).unwrap();
                    assert!(view != model.view(), "{name} {at}: not noticed");
                    assert_eq!(view, before.view(), "{name} {at}");
                    assert_eq!(Some(name), image.keys().last());
                    "torn"
                }
            };
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    let count = |outcome| outcomes.get(outcome).copied().unwrap_or_default();
    assert!(count("damaged") > 1000 && count("foreign") > 0, "{outcomes:?}");
    assert_eq!(count("torn"), 0, "no power was cut, and the store was closed: {outcomes:?}");
}

#[test]
fn damage_is_told_with_its_place() {
    let (disk, ..) = filled();
    let name = segments(&disk).remove(0);
    disk.edit(&name, |bytes| bytes[100] ^= 1);
    let error = recover(&disk).unwrap_err();
    assert_eq!(
        told(&error),
        format!(
            "simulated/{name}: the bytes from 69 on are damaged\nhint: restore the folder from a \
             copy, or save what is left by `evenkeel queue export --salvage`; nothing was changed"
        )
    );
}

fn salvaged(disk: &SimulatedDisk) -> (Vec<StoredMessage>, Salvaged) {
    let mut messages = Vec::new();
    let found = salvage_in(disk.folder(), |message| {
        messages.push(message);
        ControlFlow::Continue(())
    });
    (messages, found.unwrap())
}

#[test]
fn what_damage_leaves_can_be_read() {
    let (disk, ..) = filled();
    let mut store = small().open_in(disk.folder()).unwrap();
    let all = store.list(None, ALL).unwrap();
    drop(store);
    let (whole, found) = salvaged(&disk);
    assert_eq!((whole, found.messages, found.damaged), (all.clone(), all.len() as u64, 0));
    let image = disk.image();
    for (name, bytes) in image.iter().filter(|(name, _)| name.starts_with("segment-")) {
        for at in (32..bytes.len()).step_by(97) {
            let mut flipped = image.clone();
            flipped.get_mut(name).unwrap()[at] ^= 8;
            let disk = SimulatedDisk::with_image(flipped.clone());
            let (left, found) = salvaged(&disk);
            assert_eq!(disk.image(), flipped);
            assert_eq!(found.damaged, 1, "{name} {at}");
            let serials: Vec<Serial> = left.iter().map(|message| message.serial).collect();
            assert!(serials.is_sorted_by(|a, b| a < b));
            // One batch at most is missing, with one message.
            let missing = all.iter().filter(|message| !serials.contains(&message.serial)).count();
            assert!(missing <= 1, "{name} {at}: {missing}");
            for message in &left {
                // Its state or its end may be in the damaged place.
                let known = all.iter().find(|known| known.serial == message.serial);
                assert!(known.is_none_or(|known| known.publish == message.publish));
            }
        }
    }
}

#[test]
fn salvage_ends_when_told_and_respects_the_lock() {
    let (disk, ..) = filled();
    let found = salvage_in(disk.folder(), |_| ControlFlow::Break(())).unwrap();
    assert_eq!(found.messages, 1);
    let _held = small().open_in(disk.folder()).unwrap();
    let error = salvage_in(disk.folder(), |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "the store simulated is in use by process 1");
}

#[test]
fn a_newer_format_is_told_with_both_numbers() {
    let (disk, ..) = filled();
    let name = segments(&disk).remove(0);
    disk.edit(&name, |bytes| {
        bytes[8] = 3;
        let sum = crc32fast::hash(&bytes[..28]);
        bytes[28..32].copy_from_slice(&sum.to_le_bytes());
    });
    let before = disk.image();
    assert_eq!(
        told(&recover(&disk).unwrap_err()),
        format!(
            "simulated/{name}: written in format 3; this version reads up to 2\nhint: use the \
             program that wrote it, or a later version of this one"
        )
    );
    assert_eq!(disk.image(), before);
}

#[test]
fn a_file_of_someone_else_under_a_name_of_ours_is_left_alone() {
    let (disk, ..) = filled();
    let name = disk.names().pop().unwrap();
    for contents in [b"#!/bin/sh\necho not a store, but long enough to be one\n".as_slice(), b"x"] {
        disk.edit(&name, |bytes| *bytes = contents.to_vec());
        let before = disk.image();
        assert_eq!(
            told(&recover(&disk).unwrap_err()),
            format!(
                "simulated/{name}: this is no store of Evenkeel\nhint: give the store a folder of \
                 its own; nothing was changed in this one"
            )
        );
        assert_eq!(disk.image(), before);
    }
}

#[test]
fn a_folder_with_other_files_is_not_made_a_store() {
    let folder = support::Folder::new();
    std::fs::write(folder.path().join("letter.txt"), "Dear Sir").unwrap();
    let error = FileStore::open(folder.path()).unwrap_err();
    assert_eq!(
        told(&error),
        format!(
            "{}: this is no store of Evenkeel\nhint: give the store a folder of its own; nothing \
             was changed in this one",
            folder.path().display()
        )
    );
    assert_eq!(names(folder.path()), ["letter.txt"]);
}

#[test]
fn other_files_beside_a_store_do_no_harm() {
    let folder = support::Folder::new();
    FileStore::open(folder.path()).unwrap().recover().unwrap();
    std::fs::write(folder.path().join(".DS_Store"), "x").unwrap();
    std::fs::create_dir(folder.path().join("lost+found")).unwrap();
    FileStore::open(folder.path()).unwrap().recover().unwrap();
    assert_eq!(
        names(folder.path()),
        [".DS_Store", "end", "lock", "lost+found", "segment-0000000001"]
    );
}

#[test]
fn a_file_where_the_folder_should_be_is_told() {
    let folder = support::Folder::new();
    let path = folder.path().join("pump.session");
    std::fs::write(&path, "keep me").unwrap();
    assert_eq!(
        told(&FileStore::open(&path).unwrap_err()),
        format!(
            "{}: it is a file, where a folder was expected\nhint: a store is a folder: give it a \
             name of its own",
            path.display()
        )
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"keep me");
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = support::Folder::new();
    let path = folder.path().join("no/such/folder");
    assert_eq!(
        told(&FileStore::open(&path).unwrap_err()),
        format!(
            "{}: there is no such file or folder\nhint: make the folder above it first, and check \
             the spelling",
            path.display()
        )
    );
    let options = FileStore::options().create(false);
    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let error = options.open(&path).unwrap_err();
        assert!(error.to_string().ends_with("there is no such file or folder"), "{error}");
    }
    assert_eq!(names(folder.path()), [""; 0], "nothing was made");
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    for (kind, expected) in [
        (
            ErrorKind::ReadOnlyFilesystem,
            "simulated/segment-0000000001: the file system is read-only\nhint: mount the file \
             system for writing, or put the store elsewhere",
        ),
        (
            ErrorKind::PermissionDenied,
            "simulated/segment-0000000001: the process may not write or read there\nhint: give \
             this user the right to write there, or put it elsewhere",
        ),
    ] {
        let disk = SimulatedDisk::new();
        disk.fail_at(1, kind);
        assert_eq!(told(&recover(&disk).unwrap_err()), expected);
        assert_eq!(disk.names(), [""; 0]);
    }
}

/// As root everything may be written, so this needs another user.
#[cfg(unix)]
#[test]
fn a_folder_without_the_right_to_write_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = support::Folder::new();
    let set = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path(), permissions).unwrap();
    };
    set(0o500);
    let probe = folder.path().join("probe");
    let may_write_all_the_same = std::fs::write(&probe, "").is_ok();
    let _ = std::fs::remove_file(&probe);
    let result = FileStore::open(folder.path());
    set(0o700);
    match result {
        Err(error) => assert_eq!(
            error.to_string(),
            format!("{}: the process may not write or read there", folder.path().display())
        ),
        Ok(_) => assert!(may_write_all_the_same),
    }
}

#[test]
fn a_missing_file_is_told_by_what_was_in_it() {
    let (disk, ..) = filled();
    let names = segments(&disk);
    for (name, expected) in [
        (&names[0], "simulated: the file that held message "),
        // The newest file, while the one before holds messages alone.
        (names.last().unwrap(), "simulated: the file that held "),
    ] {
        let mut image = disk.image();
        image.remove(name).unwrap();
        let disk = SimulatedDisk::with_image(image.clone());
        match recover(&disk) {
            Err(error) => {
                assert!(error.to_string().starts_with(expected), "{error}");
                assert!(error.to_string().ends_with(" is missing"), "{error}");
                assert_eq!(error.hint(), "put the missing file back; nothing was changed");
                assert_eq!(disk.image(), image);
            }
            Ok(_) => panic!("{name} was not missed"),
        }
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let disk = SimulatedDisk::new();
    disk.set_capacity(Some(20_000));
    let mut store = small().open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    let mut next = 0;
    let error = loop {
        match store.commit(&[accepted(next, 200)]) {
            Ok(()) => next += 1,
            Err(error) => break error,
        }
    };
    assert!(next > 50, "{next} messages on 20 kB");
    let told = told(&error);
    assert!(told.starts_with("simulated/segment-00000000"), "{told}");
    assert!(
        told.ends_with(
            ": no space is left on the disk\nhint: free space on the disk; what is stored is kept"
        ),
        "{told}"
    );
    assert!(error.is_temporary());
    let all: Vec<u64> = (0..next).collect();
    let listed = |store: &mut dyn Store| -> Vec<u64> {
        store.list(None, ALL).unwrap().iter().map(|message| message.serial.0).collect()
    };
    assert_eq!(listed(&mut store), all);
    // Space came free: it goes on as if nothing had been.
    disk.set_capacity(Some(21_000));
    store.commit(&[accepted(next, 200)]).unwrap();
    disk.set_capacity(None);
    store.commit(&(0..next).map(done).collect::<Vec<_>>()).unwrap();
    assert_eq!(listed(&mut store), [next]);
    drop(store);
    disk.restart(Crash::KeepNothing);
    assert_eq!(recover(&disk).unwrap(), [next]);
}

#[test]
fn a_store_at_its_bound_refuses_messages_and_takes_what_ends_them() {
    let disk = SimulatedDisk::new();
    let limit = 100_000;
    let options = FileStore::options().max_bytes(limit);
    let mut store = options.open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    let mut next = 0;
    for round in 0..5 {
        let first = next;
        let error = loop {
            match store.commit(&[accepted(next, 200)]) {
                Ok(()) => next += 1,
                Err(error) => break error,
            }
        };
        let StoreError::Bound(Bound::Full { bytes, limit: told }) = error else {
            panic!("{error}");
        };
        // A segment that was begun for the last message has a snapshot.
        assert!(
            told == limit && bytes <= limit + 100 && bytes > limit * 8 / 10,
            "round {round}: {error}"
        );
        assert_eq!(
            error.hint(),
            "wait until messages are delivered, remove some, or raise the store's bound"
        );
        assert!(error.is_temporary());
        assert!(next - first > 250, "round {round}: {} messages", next - first);
        for serial in first..next {
            store.commit(&[done(serial)]).unwrap();
        }
        let usage = store.usage();
        assert!(usage.bytes < limit / 4 && usage.limit == Some(limit), "{usage:?}");
    }
}

#[test]
fn messages_that_stay_do_not_keep_the_space_of_those_that_went() {
    let disk = SimulatedDisk::new();
    let mut store = small().open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    // Each hundredth stays: about one in each segment.
    for serial in 0..10_000 {
        store.commit(&[accepted(serial, 30)]).unwrap();
        if serial % 100 != 0 {
            store.commit(&[done(serial)]).unwrap();
        }
    }
    let files = disk.names().len();
    assert!(files < 20, "{files} files for 100 messages");
    assert!(store.usage().bytes < 40_000, "{:?}", store.usage());
    drop(store);
    let expected: Vec<u64> = (0..100).map(|n| n * 100).collect();
    assert_eq!(recover(&disk).unwrap(), expected);
}

#[test]
fn a_store_is_not_opened_twice() {
    let folder = support::Folder::new();
    let mut first = FileStore::open(folder.path()).unwrap();
    first.recover().unwrap();
    let error = FileStore::open(folder.path()).unwrap_err();
    assert_eq!(
        told(&error),
        format!(
            "the store {} is in use by process {}\nhint: stop the other process, or give each its \
             own store",
            folder.path().display(),
            std::process::id()
        )
    );
    drop(first);
    FileStore::open(folder.path()).unwrap();
}

/// Not a test: the other process of the next one.
#[test]
#[ignore = "run by a_killed_process_loses_nothing_and_frees_the_lock"]
fn hold_the_store() {
    let Some(path) = std::env::var_os("EVENKEEL_STORE") else { return };
    let mut store = FileStore::options().fsync(Fsync::Never).open(path).unwrap();
    let mut next = store.recover().unwrap().next_serial.0;
    loop {
        store.commit(&[accepted(next, 100)]).unwrap();
        println!("committed {next}");
        std::io::stdout().flush().unwrap();
        next += 1;
    }
}

#[test]
fn a_killed_process_loses_nothing_and_frees_the_lock() {
    let folder = support::Folder::new();
    for round in 1..=5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hold_the_store", "--ignored", "--nocapture"])
            .env("EVENKEEL_STORE", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = None;
        let committed = |line: &str| line.strip_prefix("committed ")?.parse::<u64>().ok();
        while last < Some(round * 200) {
            let line = lines.next().unwrap().unwrap();
            last = committed(&line).or(last);
        }
        let error = FileStore::open(folder.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the store {} is in use by process {}", folder.path().display(), child.id())
        );
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it was killed, but was not read yet.
        for line in lines {
            last = committed(&line.unwrap_or_default()).or(last);
        }
        let mut store = FileStore::open(folder.path()).unwrap();
        store.recover().unwrap();
        let stored: Vec<u64> =
            store.list(None, ALL).unwrap().iter().map(|message| message.serial.0).collect();
        assert_eq!(stored, (0..stored.len() as u64).collect::<Vec<_>>());
        // One more if it was killed between commit and line.
        let told = last.unwrap() + 1;
        assert!([told, told + 1].contains(&(stored.len() as u64)), "{told} {}", stored.len());
    }
}

#[test]
fn what_is_committed_is_durable_a_while_later() {
    let disk = SimulatedDisk::new();
    let fsync = Fsync::Every(std::time::Duration::from_millis(5));
    let mut store = FileStore::options().fsync(fsync).open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    for serial in 0..3 {
        let syncs = disk.syncs();
        store.commit(&[accepted(serial, 10)]).unwrap();
        // Real time, as the store's own thread waits in it; without a sync
        // this ends after a minute.
        let begun = std::time::Instant::now();
        while disk.syncs() == syncs {
            assert!(begun.elapsed().as_secs() < 60, "not synced in the background");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    disk.restart(Crash::KeepNothing);
    drop(store);
    assert_eq!(recover(&disk).unwrap(), [0, 1, 2]);
}

#[test]
fn closing_syncs_what_was_promised_to_be_synced() {
    let disk = SimulatedDisk::new();
    let fsync = Fsync::Every(std::time::Duration::from_secs(3600));
    let mut store = FileStore::options().fsync(fsync).open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    store.commit(&[accepted(0, 10)]).unwrap();
    drop(store);
    disk.restart(Crash::KeepNothing);
    assert_eq!(recover(&disk).unwrap(), [0]);
}

#[test]
fn a_failed_sync_in_the_background_is_told_by_the_next_commit() {
    let disk = SimulatedDisk::new();
    let fsync = Fsync::Every(std::time::Duration::from_millis(1));
    let mut store = FileStore::options().fsync(fsync).open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    disk.fail_at(disk.operations() + 1, ErrorKind::Other);
    let syncs = disk.syncs();
    store.commit(&[accepted(0, 10)]).unwrap();
    let begun = std::time::Instant::now();
    while disk.syncs() == syncs {
        assert!(begun.elapsed().as_secs() < 60, "not synced in the background");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let error = loop {
        // The thread may not have left its error yet; commits of nothing
        // write nothing.
        if let Err(error) = store.commit(&[]) {
            break error;
        }
        assert!(begun.elapsed().as_secs() < 60, "the failure was not told");
    };
    assert!(
        told(&error).starts_with("simulated/segment-0000000001: bytes could not be made durable: "),
        "{error}"
    );
    // It reads its files anew and goes on.
    store.commit(&[accepted(1, 10)]).unwrap();
    assert_eq!(store.list(None, ALL).unwrap().len(), 2);
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("segment-")).collect()
}

fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
