//! D3 against power cuts: at every operation of the disk, with every part of
//! what was not synced lost or kept, the store opens again and holds exactly
//! a beginning of what was committed.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use evenkeel_proto::codec::PacketId;
use evenkeel_store::contract::model::{Model, Random, View};
use evenkeel_store::disk::{Crash, SimulatedDisk, SimulatedFolder};
use evenkeel_store::record::{Record, Serial};
use evenkeel_store::{FileStore, Fsync, Store, StoreError};

type SimulatedStore = FileStore<SimulatedFolder>;

/// A store on a simulated disk, and what it must hold.
struct Rig {
    disk: SimulatedDisk,
    fsync: Fsync,
    max_bytes: u64,
    store: Option<SimulatedStore>,
    random: Random,
    /// Each state since the last one that was certain; the last is that of
    /// the last batch that was committed.
    states: Vec<Model>,
    /// The batch that was under way when the power went.
    under_way: Option<Model>,
}

impl Rig {
    fn new(fsync: Fsync, seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        let states = vec![Model::default()];
        Self {
            disk,
            fsync,
            max_bytes: 1 << 30,
            store: None,
            random: Random(seed),
            states,
            under_way: None,
        }
    }

    fn model(&self) -> &Model {
        self.states.last().unwrap()
    }

    /// Opens the store, which must hold one of the states it may hold.
    fn open(&mut self) -> Result<(), StoreError> {
        self.store = None;
        // The smallest segments there are: a dozen batches each.
        let options = FileStore::options().segment_bytes(0).fsync(self.fsync).in_place(true);
        let options = options.max_bytes(self.max_bytes);
        let mut store = options.open_in(self.disk.folder())?;
        let recovered = store.recover()?;
        let view = View::of(&recovered, &mut store)?;
        let possible = self.states.iter().chain(&self.under_way);
        let Some(found) = possible.rev().find(|model| model.view() == view) else {
            panic!("none of {} states: {view:#?}", self.states.len());
        };
        self.states = vec![found.clone()];
        self.under_way = None;
        self.store = Some(store);
        Ok(())
    }

    /// Commits a random batch; an error is the caller's to judge.
    fn commit(&mut self) -> Result<(), StoreError> {
        let batch = self.states.last().unwrap().batch(&mut self.random);
        self.commit_batch(&batch)
    }

    fn commit_batch(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        let mut next = self.model().clone();
        batch.iter().for_each(|record| next.add(record));
        let store = self.store.as_mut().unwrap();
        // Half of them as the client's own task does it.
        let in_place =
            if batch.len().is_multiple_of(2) { store.commit_in_place(batch) } else { None };
        let result = in_place.unwrap_or_else(|| store.commit(batch));
        match &result {
            Ok(()) if self.fsync == Fsync::EveryCommit => self.states = vec![next],
            Ok(()) => self.states.push(next),
            Err(_) => self.under_way = Some(next),
        }
        result
    }

    /// Commits until so many batches are in, or the power is gone.
    fn run(&mut self, batches: u32) {
        if self.store.is_none() && self.open().is_err() {
            return;
        }
        for _ in 0..batches {
            if self.commit().is_err() {
                assert!(self.disk.is_off(), "only a power cut makes commits fail here");
                return;
            }
        }
    }

    fn any_crash(&mut self) -> Crash {
        Crash::Random(self.random.below(1 << 30) as u64)
    }

    fn crash(&mut self, crash: Crash) {
        self.disk.restart(crash);
        self.open().unwrap_or_else(|error| panic!("after {crash:?}: {error}"));
    }
}

/// The ways in which what was not synced may be lost.
fn crashes(seeds: u64) -> impl Iterator<Item = Crash> {
    [Crash::KeepNothing, Crash::KeepAll].into_iter().chain((0..seeds).map(Crash::Random))
}

/// Cuts the power at every operation of a run, and then goes on.
fn cut_everywhere(fsync: Fsync, batches: u32, seeds: u64) {
    let mut whole = Rig::new(fsync, 7);
    whole.run(batches);
    let operations = whole.disk.operations();
    for operation in 0..operations {
        for crash in crashes(seeds) {
            let mut rig = Rig::new(fsync, 7);
            rig.disk.cut_power_at(operation);
            rig.run(batches);
            assert!(rig.disk.is_off(), "operation {operation} of {operations} was reached");
            rig.crash(crash);
            // What was recovered is not only there, it can be built upon.
            rig.run(5);
            rig.store = None;
            rig.open().unwrap();
        }
    }
}

#[test]
fn a_power_cut_anywhere_loses_nothing_committed_when_every_commit_is_synced() {
    cut_everywhere(Fsync::EveryCommit, 60, 6);
}

#[test]
fn a_power_cut_anywhere_leaves_a_beginning_when_nothing_is_synced() {
    cut_everywhere(Fsync::Never, 60, 6);
}

/// The next sync in the background is an hour away.
#[test]
fn a_power_cut_anywhere_leaves_a_beginning_when_syncs_are_put_off() {
    cut_everywhere(Fsync::Every(std::time::Duration::from_secs(3600)), 40, 4);
}

#[test]
fn the_scenario_rotates_removes_and_compacts() {
    let mut rig = Rig::new(Fsync::EveryCommit, 7);
    let (mut removed, mut compacted, mut before) = (false, false, BTreeSet::new());
    rig.open().unwrap();
    for _ in 0..60 {
        rig.commit().unwrap();
        // Kind, first and last number as the header says them.
        let mut image = rig.disk.image();
        image.retain(|name, _| name.starts_with("segment-"));
        let number = |bytes: &[u8], at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let stands_for = |bytes: &Vec<u8>| number(bytes, 12)..=number(bytes, 20);
        let now: BTreeSet<u64> = image.values().flat_map(stands_for).collect();
        compacted |= image.values().any(|bytes| bytes[10] == 1);
        removed |= !before.is_subset(&now);
        before = now;
    }
    assert!(removed && compacted, "{removed} {compacted}");
}

#[test]
fn the_power_may_go_again_and_again() {
    for seed in 0..150 {
        let fsync = if seed % 2 == 0 { Fsync::EveryCommit } else { Fsync::Never };
        let mut rig = Rig::new(fsync, seed);
        rig.open().unwrap();
        for _ in 0..6 {
            let next = rig.disk.operations() + rig.random.below(60) as u64;
            rig.disk.cut_power_at(next);
            rig.run(80);
            // The power goes again while the store recovers.
            let crash = rig.any_crash();
            rig.disk.restart(crash);
            let next = rig.disk.operations() + rig.random.below(4) as u64;
            rig.disk.cut_power_at(next);
            let _ = rig.open();
            let crash = rig.any_crash();
            rig.crash(crash);
        }
    }
}

#[test]
fn what_was_flushed_survives_whatever_the_policy() {
    for seed in 0..40 {
        let mut rig = Rig::new(Fsync::Never, seed);
        rig.open().unwrap();
        rig.run(seed as u32 % 20);
        rig.store.as_mut().unwrap().flush().unwrap();
        let flushed = rig.model().clone();
        rig.states = vec![flushed];
        rig.run(4);
        let next = rig.disk.operations();
        rig.disk.cut_power_at(next);
        rig.run(1);
        rig.crash(Crash::Random(seed));
    }
}

/// Fails every operation in turn, each way, and goes on: nothing committed is
/// lost, nothing refused comes back, and the store stays usable.
#[test]
fn a_disk_that_fails_anywhere_loses_nothing() {
    let batches = 40;
    let mut whole = Rig::new(Fsync::EveryCommit, 3);
    whole.run(batches);
    for operation in 0..whole.disk.operations() {
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            let mut rig = Rig::new(Fsync::EveryCommit, 3);
            // So many in a row: the attempt to clean up fails as well.
            let in_a_row = 1 + operation % 4;
            (0..in_a_row).for_each(|n| rig.disk.fail_at(operation + n, kind));
            let mut failures = 0;
            // Some turns more: the first one opens.
            for _ in 0..batches + 5 {
                let result = if rig.store.is_none() { rig.open() } else { rig.commit() };
                // Nothing of the batch counts, and the store goes on.
                failures += u64::from(result.is_err());
                rig.under_way = None;
            }
            assert!(failures <= in_a_row, "{failures} calls failed for {in_a_row} failures");
            rig.open().unwrap();
            rig.crash(Crash::KeepNothing);
        }
    }
}

/// Fails each operation once, and cuts the power after the commit of `batch`
/// that follows; how often that commit began a new segment.
fn fail_then_commit(batch: &[Record]) -> u32 {
    let batches = 40;
    let mut whole = Rig::new(Fsync::EveryCommit, 11);
    whole.run(batches);
    let mut rotated = 0;
    // The first five make the store.
    for operation in 5..whole.disk.operations() {
        for crash in crashes(8) {
            let mut rig = Rig::new(Fsync::EveryCommit, 11);
            rig.disk.fail_at(operation, ErrorKind::Other);
            rig.open().unwrap();
            while rig.commit().is_ok() && rig.disk.operations() <= operation {}
            rig.under_way = None;
            let before = newest(&rig.disk);
            rig.commit_batch(batch).unwrap();
            rotated += u32::from(newest(&rig.disk) > before);
            rig.crash(crash);
        }
    }
    rotated
}

fn received(packet_id: PacketId) -> Record {
    Record::Received { packet_id }
}

/// What a failed operation left behind must not come back with a power cut
/// after the next commit.
#[test]
fn a_failure_and_then_a_power_cut_lose_nothing() {
    // Small enough for the segment that was full for the other.
    fail_then_commit(&[received(PacketId::new(77).unwrap())]);
}

/// Nor may it stay behind in a segment that was full for the next commit.
#[test]
fn a_failure_and_then_a_new_segment_and_a_power_cut_lose_nothing() {
    // Larger than a segment; one without a batch takes one of any size.
    let batch: Vec<_> = (1..=2_000).filter_map(PacketId::new).map(received).collect();
    let rotated = fail_then_commit(&batch);
    assert!(rotated > 500, "a new segment was begun {rotated} times");
}

fn newest(disk: &SimulatedDisk) -> Option<String> {
    disk.names().into_iter().rfind(|name| name.starts_with("segment-"))
}

/// A store at its bound frees what it can with every refused batch; that is
/// when most of its files change.
#[test]
fn a_power_cut_at_a_full_store_leaves_a_beginning() {
    let mut refused = 0;
    for seed in 0..120 {
        let mut rig = Rig::new(Fsync::Never, seed);
        rig.max_bytes = 6 * 1024;
        rig.open().unwrap();
        let cut = 300 + rig.random.below(200) as u64;
        rig.disk.cut_power_at(cut);
        while !rig.disk.is_off() {
            match rig.commit() {
                Err(StoreError::Bound(_)) => {
                    refused += 1;
                    rig.under_way = None;
                    // What ends messages is taken by a full store.
                    let _ = rig.commit_batch(&rig.model().ending(12));
                }
                Err(_) => assert!(rig.disk.is_off(), "only a power cut makes commits fail here"),
                Ok(()) => {}
            }
        }
        rig.crash(Crash::Random(seed));
    }
    assert!(refused > 500, "the store was full {refused} times");
}

#[test]
fn a_commit_is_one_write_and_one_sync() {
    let disk = SimulatedDisk::new();
    let mut store = FileStore::options().open_in(disk.folder()).unwrap();
    store.recover().unwrap();
    let (writes, syncs) = (disk.writes(), disk.syncs());
    let mut random = Random(1);
    let mut model = Model::default();
    for _ in 0..50 {
        let batch = model.batch(&mut random);
        store.commit(&batch).unwrap();
        batch.iter().for_each(|record| model.add(record));
    }
    assert_eq!((disk.writes() - writes, disk.syncs() - syncs), (50, 50));
}

#[test]
fn a_record_of_a_batch_is_never_there_without_the_others() {
    let batch: Vec<Record> =
        (0..9).map(|serial| Record::Released { serial: Serial(serial) }).collect();
    for crash in crashes(60) {
        let disk = SimulatedDisk::new();
        let mut store = FileStore::options().open_in(disk.folder()).unwrap();
        store.recover().unwrap();
        disk.cut_power_at(disk.operations());
        store.commit(&batch).unwrap_err();
        disk.restart(crash);
        let mut store = FileStore::options().open_in(disk.folder()).unwrap();
        let next = store.recover().unwrap().next_serial.0;
        assert!([0, 9].contains(&next), "{crash:?}: {next}");
    }
}
