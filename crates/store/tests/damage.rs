//! S5: whatever happens to the bytes of a store, it opens with what was
//! committed, or says what is wrong; and one who only reads changes nothing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use evenkeel_store::contract::model::{Model, Random, View};
use evenkeel_store::disk::{Crash, SimulatedDisk};
use evenkeel_store::record::{Notice, NoticeKind, Record, Serial};
use evenkeel_store::{Fault, FileStore, FileStoreOptions, Fsync, Store, StoreError, salvage_in};

const POLICIES: [Fsync; 3] =
    [Fsync::EveryCommit, Fsync::Every(Duration::from_secs(3600)), Fsync::Never];

type Image = BTreeMap<String, Vec<u8>>;

fn small() -> FileStoreOptions {
    FileStore::options().segment_bytes(0)
}

/// A store of two segments or more.
struct Filled {
    disk: SimulatedDisk,
    /// What it held after each batch.
    states: Vec<View>,
    /// Where the batches of the newest segment end.
    ends: Vec<usize>,
}

/// Closed in order, or killed.
fn filled(fsync: Fsync, closed: bool) -> Filled {
    let disk = SimulatedDisk::new();
    let mut store = small().fsync(fsync).open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    let (mut model, mut random) = (Model::default(), Random(5));
    let (mut states, mut ends) = (vec![model.view()], Vec::new());
    while ends.len() < 6 || segments(&disk).len() < 2 {
        let batch = model.batch(&mut random);
        store.commit(&batch).unwrap();
        batch.iter().for_each(|record| model.add(record));
        states.push(model.view());
        if segments(&disk).len() > 1 {
            ends.push(disk.image()[&newest(&disk)].len());
        }
    }
    if !closed {
        disk.kill();
    }
    drop(store);
    Filled { disk, states, ends }
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("segment-")).collect()
}

fn newest(disk: &SimulatedDisk) -> String {
    segments(disk).pop().unwrap()
}

fn open(disk: &SimulatedDisk, read_only: bool) -> Result<(View, Vec<Notice>), StoreError> {
    let mut store = small().read_only(read_only).open_in(disk.folder())?;
    let recovered = store.recover()?;
    let view = View::of(&recovered, &mut store)?;
    Ok((view, recovered.notices))
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Flip(u8),
    Insert,
    Remove,
    Cut,
}

impl Change {
    const ALL: [Self; 4] = [Self::Flip(0), Self::Insert, Self::Remove, Self::Cut];

    fn make(self, bytes: &mut Vec<u8>, at: usize) {
        match self {
            Self::Flip(_) => bytes[at] ^= 1 << (at % 8),
            Self::Insert => bytes.insert(at, 0x5a),
            Self::Remove => drop(bytes.remove(at)),
            Self::Cut => bytes.truncate(at),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Same,
    Refused,
    /// Less, and it is said.
    Told,
    Silent,
}

/// Opens a store with these files, to read and then to write.
fn judge(image: &Image, rebooted: bool, filled: &Filled, what: &str) -> Found {
    let disk = SimulatedDisk::with_image(image.clone());
    if rebooted {
        disk.restart(Crash::KeepAll);
    }
    let read = open(&disk, true);
    assert_eq!(&disk.image(), image, "{what}: one who reads has written");
    let written = open(&disk, false);
    match (read, written) {
        (Err(read), Err(written)) => {
            let is_told = matches!(read, StoreError::Contents { .. });
            assert!(is_told && read.to_string() == written.to_string(), "{what}: {read} {written}");
            assert_eq!(&disk.image(), image, "{what}: changed in spite of {read}");
            Found::Refused
        }
        (Ok((read, notices)), Ok((written, told))) => {
            assert_eq!((&read, &notices), (&written, &told), "{what}");
            assert!(filled.states.contains(&read), "{what}: no state that ever was");
            let (again, told) = open(&disk, false).unwrap();
            assert_eq!((again, told), (written, vec![]), "{what}: once is enough");
            if Some(&read) == filled.states.last() {
                Found::Same
            } else if notices.is_empty() {
                Found::Silent
            } else {
                Found::Told
            }
        }
        (read, written) => panic!("{what}: {read:?} {written:?}"),
    }
}

/// Changes every byte of the newest segment and some of the others, in each
/// way; how often each was found, by change.
fn change_all(filled: &Filled, rebooted: bool, name: &str) -> BTreeMap<(String, Found), u32> {
    let image = filled.disk.image();
    let mut found = BTreeMap::new();
    let newest = newest(&filled.disk);
    for (file, bytes) in image.iter().filter(|(file, _)| file.starts_with("segment-")) {
        let step = if *file == newest { 1 } else { 23 };
        for at in (0..bytes.len()).step_by(step) {
            for change in Change::ALL {
                let mut changed = image.clone();
                change.make(changed.get_mut(file).unwrap(), at);
                let what = format!("{name}, {change:?} {file} {at}");
                let mut judged = judge(&changed, rebooted, filled, &what);
                if judged == Found::Silent && filled.ends.contains(&at) && change == Change::Cut {
                    judged = Found::Told;
                    assert!(!name.contains("closed"), "{what}");
                }
                assert_ne!(judged, Found::Silent, "{what}");
                *found.entry((format!("{change:?}"), judged)).or_insert(0) += 1;
            }
        }
    }
    found
}

#[test]
fn no_change_of_a_byte_goes_unsaid_in_the_boot_in_which_it_was_written() {
    for fsync in POLICIES {
        let filled = filled(fsync, true);
        let found = change_all(&filled, false, &format!("closed, {fsync:?}"));
        // All of it was written: nothing that is bad can be a torn batch.
        assert!(found.keys().all(|(_, found)| *found != Found::Told), "{fsync:?}: {found:?}");
        assert!(found.values().sum::<u32>() > 2000, "{found:?}");
    }
}

#[test]
fn no_change_of_a_byte_goes_unsaid_after_another_boot() {
    for fsync in POLICIES {
        let filled = filled(fsync, true);
        let found = change_all(&filled, true, &format!("closed, {fsync:?}, rebooted"));
        let told: u32 =
            found.iter().filter(|((_, it), _)| *it == Found::Told).map(|(_, n)| n).sum();
        // What was synced is refused; the rest a power cut may have broken.
        assert_eq!(told > 0, fsync == Fsync::Never, "{fsync:?}: {found:?}");
    }
}

/// A process that is killed notes no end: a log that ends with an earlier
/// batch cannot be told from one that was never longer. All else is.
#[test]
fn no_change_of_a_byte_goes_unsaid_after_a_kill() {
    for fsync in POLICIES {
        let filled = filled(fsync, false);
        for rebooted in [false, true] {
            change_all(&filled, rebooted, &format!("killed, {fsync:?}, {rebooted}"));
        }
    }
}

/// Case 24: without any sync one flipped bit in the middle was the end of all
/// behind it, by a command that only reads.
#[test]
fn a_flipped_bit_in_the_middle_is_refused_with_its_place() {
    for fsync in POLICIES {
        let filled = filled(fsync, false);
        let (name, at) = (newest(&filled.disk), filled.ends[1]);
        filled.disk.edit(&name, |bytes| bytes[at + 20] ^= 1);
        for read_only in [true, false] {
            let error = open(&filled.disk, read_only).unwrap_err();
            let StoreError::Contents { path, fault } = &error else { panic!("{error}") };
            assert!(path.ends_with(&name));
            assert_eq!(*fault, Fault::Damaged { offset: at as u64 }, "{fsync:?}");
        }
    }
}

/// After a power cut the same bytes are what it may leave if nothing was
/// synced.
#[test]
fn what_a_power_cut_broke_is_put_aside_and_can_be_salvaged() {
    let filled = filled(Fsync::Never, false);
    let (name, at, all) = (newest(&filled.disk), filled.ends[1], filled.ends[5]);
    filled.disk.edit(&name, |bytes| bytes[at + 20] ^= 1);
    filled.disk.restart(Crash::KeepAll);
    let tail = filled.disk.image()[&name][at..].to_vec();
    let (offset, bytes) = (at as u64, (all - at) as u64);
    let into = "aside-0000000001".to_owned();
    let kind = NoticeKind::PutAside { offset, bytes, into: into.clone(), kept: bytes };
    let notice = Notice { file: name.clone(), kind };
    let (view, notices) = open(&filled.disk, true).unwrap();
    assert_eq!(notices, std::slice::from_ref(&notice));
    assert!(!filled.disk.image().contains_key(&into), "nothing is written by one who reads");
    assert_eq!(open(&filled.disk, false).unwrap(), (view, vec![notice]));
    let image = filled.disk.image();
    assert_eq!(image[&name].len(), at);
    assert_eq!(image[&into][32..], tail);
    let mut put_aside = 0;
    let found = salvage_in(filled.disk.folder(), |_| {
        put_aside += 1;
        ControlFlow::Continue(())
    });
    let found = found.unwrap();
    assert!(found.put_aside > 0 && put_aside == found.messages + found.put_aside, "{found:?}");
    assert_eq!(found.damaged, 0);
}

#[test]
fn what_was_synced_is_refused_after_a_power_cut_too() {
    for fsync in [Fsync::EveryCommit, Fsync::Every(Duration::from_secs(3600))] {
        let filled = filled(fsync, true);
        let (name, at) = (newest(&filled.disk), filled.ends[1]);
        filled.disk.edit(&name, |bytes| bytes[at + 20] ^= 1);
        filled.disk.restart(Crash::KeepAll);
        let error = open(&filled.disk, false).unwrap_err();
        let damaged = Fault::Damaged { offset: at as u64 };
        assert!(matches!(error, StoreError::Contents { fault, .. } if fault == damaged), "{error}");
    }
}

#[test]
fn what_is_put_aside_is_bounded_and_what_gives_way_is_told() {
    let filled = filled(Fsync::Never, false);
    filled.disk.hide_boots();
    let mut gave_way = Vec::new();
    for round in 0..7 {
        let mut store = small().fsync(Fsync::Never).open_in(filled.disk.folder()).unwrap();
        let next = store.recover().unwrap().next_serial.0;
        let released = |serial: u64| [Record::Released { serial: Serial(next + serial) }];
        store.commit(&released(0)).unwrap();
        let name = newest(&filled.disk);
        let at = filled.disk.image()[&name].len();
        (1..4).for_each(|serial| store.commit(&released(serial)).unwrap());
        filled.disk.kill();
        drop(store);
        filled.disk.edit(&name, |bytes| bytes[at + 17] ^= 1);
        let (_, notices) = open(&filled.disk, false).unwrap();
        let asides = filled.disk.names().into_iter().filter(|name| name.starts_with("aside-"));
        assert_eq!(asides.count(), (round + 1).min(4), "{notices:?}");
        let gone = notices.into_iter().filter(|notice| notice.kind == NoticeKind::GaveWay);
        gave_way.extend(gone.map(|notice| notice.file));
    }
    assert_eq!(gave_way, ["aside-0000000001", "aside-0000000002", "aside-0000000003"]);
}

/// The process was killed in the middle of a write.
#[test]
fn a_torn_last_batch_is_cut_off_and_told() {
    for fsync in POLICIES {
        let filled = filled(fsync, false);
        let (name, at, all) = (newest(&filled.disk), filled.ends[4], filled.ends[5]);
        for length in [at + 1, at + 15, at + 16, all - 1] {
            let mut image = filled.disk.image();
            image.get_mut(&name).unwrap().truncate(length);
            let disk = SimulatedDisk::with_image(image);
            let (view, notices) = open(&disk, false).unwrap();
            assert_eq!(Some(&view), filled.states.iter().nth_back(1));
            let (offset, bytes) = (at as u64, (length - at) as u64);
            let kind = NoticeKind::Torn { offset, bytes };
            assert_eq!(notices, [Notice { file: name.clone(), kind }]);
            assert_eq!(disk.image()[&name].len(), at);
        }
    }
}

#[test]
fn a_newest_segment_that_is_emptied_or_gone_is_missed() {
    for (fsync, closed, rebooted) in POLICIES
        .into_iter()
        .flat_map(|fsync| [(fsync, true, false), (fsync, false, true), (fsync, true, true)])
    {
        let filled = filled(fsync, closed);
        let name = newest(&filled.disk);
        let mut emptied = filled.disk.image();
        emptied.get_mut(&name).unwrap().clear();
        let mut gone = filled.disk.image();
        gone.remove(&name);
        for (image, text) in [(emptied, "it ends at 0, and had "), (gone, " is missing")] {
            let disk = SimulatedDisk::with_image(image);
            if rebooted {
                disk.restart(Crash::KeepAll);
            }
            let error = open(&disk, false).unwrap_err().to_string();
            assert!(error.contains(text), "{fsync:?}: {error}");
        }
    }
}

/// The only one as well, of which nothing else is left.
#[test]
fn an_only_segment_that_is_emptied_or_gone_is_missed() {
    let disk = SimulatedDisk::new();
    drop(small().open_in(disk.folder()).unwrap());
    let mut emptied = disk.image();
    emptied.get_mut("segment-0000000001").unwrap().clear();
    let mut gone = disk.image();
    gone.remove("segment-0000000001");
    for image in [emptied, gone] {
        for read_only in [true, false] {
            let disk = SimulatedDisk::with_image(image.clone());
            open(&disk, read_only).unwrap_err();
            assert_eq!(disk.image(), image);
        }
    }
}

#[test]
fn what_a_power_cut_took_of_what_was_noted_is_told() {
    let filled = filled(Fsync::Never, true);
    let (name, at) = (newest(&filled.disk), filled.ends[2]);
    filled.disk.edit(&name, |bytes| bytes.truncate(at));
    filled.disk.restart(Crash::KeepAll);
    let (_, notices) = open(&filled.disk, false).unwrap();
    let (offset, bytes) = (at as u64, (filled.ends[5] - at) as u64);
    assert_eq!(notices, [Notice { file: name, kind: NoticeKind::Lost { offset, bytes } }]);
    assert_eq!(open(&filled.disk, false).unwrap().1, [], "told once");
}

#[test]
fn a_store_that_is_only_read_takes_no_batch_and_shares_its_lock() {
    let disk = filled(Fsync::EveryCommit, true).disk;
    let mut one = small().read_only(true).open_in(disk.folder()).unwrap();
    let mut other = small().read_only(true).open_in(disk.folder()).unwrap();
    let before = disk.operations();
    one.recover().unwrap();
    let error = other.commit(&[Record::Proven]).unwrap_err();
    assert_eq!(error.to_string(), "the store was opened to be read");
    other.flush().unwrap();
    assert!(other.usage().bytes > 0);
    let writer = small().open_in(disk.folder()).unwrap_err();
    assert_eq!(writer.to_string(), "the store simulated is in use by another process");
    drop((one, other));
    assert_eq!(disk.operations(), before, "nothing was asked of the disk but to read");
    let writer = small().open_in(disk.folder()).unwrap();
    let reader = small().read_only(true).open_in(disk.folder()).unwrap_err();
    assert_eq!(reader.to_string(), "the store simulated is in use by process 1");
    drop(writer);
}

/// A segment is of one boot, so that what is behind a gap in it can be judged.
#[test]
fn the_first_batch_after_another_boot_begins_a_segment() {
    let disk = SimulatedDisk::new();
    let batch = [Record::Unproven];
    let commit = || {
        let mut store = FileStore::options().open_in(disk.folder()).unwrap();
        store.recover().unwrap();
        store.commit(&batch).unwrap();
        store.commit(&batch).unwrap();
        newest(&disk)
    };
    let names = [commit(), commit()];
    assert_eq!(names, ["segment-0000000001"; 2]);
    disk.restart(Crash::KeepAll);
    assert_eq!([commit(), commit()], ["segment-0000000002"; 2]);
    disk.hide_boots();
    assert_eq!([commit(), commit()], ["segment-0000000003"; 2]);
}
