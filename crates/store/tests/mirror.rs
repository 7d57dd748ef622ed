//! A session whose log somebody else keeps: it keeps the contract of a store, a snapshot
//! is all that counts, and a log that was cut or changed is told.

use std::sync::{Arc, Mutex};

use evenkeel_store::codec::{PacketId, Publish, QoS};
use evenkeel_store::record::{
    Accepted, Outcome, Priority, Read, Record, Recovered, Serial, StoredMessage, UnixMillis, Window,
};
use evenkeel_store::{LogError, Mirror, MirrorError, Store, StoreError, Usage};
use proptest::prelude::*;

/// As a binding keeps it; a snapshot takes the log's place behind every few commits.
struct Kept {
    mirror: Mirror,
    log: Arc<Mutex<Vec<u8>>>,
    commits: usize,
}

impl Kept {
    fn open(log: &Arc<Mutex<Vec<u8>>>) -> Self {
        let mut mirror = Mirror::new(None);
        let mut bytes = log.lock().unwrap();
        assert_eq!(mirror.replay(&bytes).unwrap().length, bytes.len());
        if bytes.is_empty() {
            mirror.snapshot(&mut bytes);
        }
        Self { mirror, log: log.clone(), commits: 0 }
    }
}

impl Store for Kept {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        Ok(self.mirror.recovered())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut log = self.log.lock().unwrap();
        self.mirror.encode(records, &mut log)?;
        self.mirror.apply(records);
        self.commits += 1;
        if self.commits.is_multiple_of(3) {
            log.clear();
            self.mirror.snapshot(&mut log);
        }
        Ok(())
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(self.mirror.read(read))
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(self.mirror.list(after, limit))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::new(self.mirror.bytes(), None)
    }
}

mod contract {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let log = Arc::default();
        move || Kept::open(&log)
    });
}

fn message(serial: u64, payload: &[u8]) -> Record {
    let publish = Publish {
        qos: QoS::ExactlyOnce,
        topic: "a/b".try_into().unwrap(),
        payload: payload.to_vec().into(),
        ..Publish::default()
    };
    Record::Accepted(Accepted {
        serial: Serial(serial),
        publish,
        accepted: UnixMillis(7),
        expires: None,
        age: None,
        priority: Priority::Normal,
    })
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// A history that is none of a client's, but one of records that each have a place.
fn history() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let serial = || (0..12_u64).prop_map(Serial);
    let packet_id = || (1..9_u16).prop_map(id);
    let step = prop_oneof![
        (serial(), packet_id()).prop_map(|(serial, packet_id)| Record::Sent { serial, packet_id }),
        serial().prop_map(|serial| Record::Released { serial }),
        serial().prop_map(|serial| Record::ReleasedAndKept { serial }),
        serial().prop_map(|serial| Record::Done { serial, outcome: Outcome::Delivered }),
        serial().prop_map(|serial| Record::Quarantined { serial, deaths: 2, attempts: 5 }),
        packet_id().prop_map(|packet_id| Record::Received { packet_id }),
        packet_id().prop_map(|packet_id| Record::Finished { packet_id }),
        packet_id().prop_map(|packet_id| Record::Clearing { packet_id }),
        packet_id().prop_map(|packet_id| Record::Freed { packet_id }),
        Just(Record::SessionLost),
        Just(Record::SessionUnknown),
        Just(Record::Unproven),
        Just(Record::Proven),
    ];
    let batch = proptest::collection::vec(step, 0..4);
    proptest::collection::vec((any::<bool>(), batch), 0..16).prop_map(|batches| {
        let mut next = 0;
        let with_message = |(accepts, mut batch): (bool, Vec<Record>)| {
            if accepts {
                batch.insert(0, message(next, &[next as u8]));
                next += 1;
            }
            // A record of a message that is not there yet would keep its serial from it.
            batch.retain(|record| serial_of(record).is_none_or(|serial| serial.0 < next));
            batch
        };
        batches.into_iter().map(with_message).collect()
    })
}

fn serial_of(record: &Record) -> Option<Serial> {
    match record {
        Record::Sent { serial, .. }
        | Record::Released { serial }
        | Record::ReleasedAndKept { serial }
        | Record::Done { serial, .. }
        | Record::Quarantined { serial, .. } => Some(*serial),
        _ => None,
    }
}

fn everything(mirror: &Mirror) -> (Recovered, Vec<StoredMessage>) {
    let all = Window { messages: usize::MAX, bytes: usize::MAX };
    (mirror.recovered(), mirror.list(None, all))
}

fn read(log: &[u8]) -> Mirror {
    let mut mirror = Mirror::new(None);
    assert_eq!(mirror.replay(log).unwrap().length, log.len());
    mirror
}

proptest! {
    #[test]
    fn log_and_snapshot_say_what_is_in_memory(history in history()) {
        let mut mirror = Mirror::new(None);
        let mut log = Vec::new();
        mirror.snapshot(&mut log);
        for batch in history {
            mirror.encode(&batch, &mut log).unwrap();
            mirror.apply(&batch);
        }
        prop_assert_eq!(everything(&read(&log)), everything(&mirror));

        let mut snapshot = Vec::new();
        mirror.snapshot(&mut snapshot);
        let again = read(&snapshot);
        prop_assert_eq!(everything(&again), everything(&mirror));
        let mut third = Vec::new();
        again.snapshot(&mut third);
        prop_assert_eq!(third, snapshot);
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut log = b"evklog\x01\x00".to_vec();
        log.extend(&bytes);
        let _ = Mirror::new(None).replay(&log);
        let _ = Mirror::new(None).replay(&bytes);
    }
}

/// A log of three frames, and where each ends.
fn three_frames() -> (Vec<u8>, Vec<usize>) {
    let mut mirror = Mirror::new(None);
    let (mut log, mut ends) = (Vec::new(), Vec::new());
    mirror.snapshot(&mut log);
    ends.push(log.len());
    for serial in 0..2 {
        let records = [message(serial, b"payload")];
        mirror.encode(&records, &mut log).unwrap();
        mirror.apply(&records);
        ends.push(log.len());
    }
    (log, ends)
}

#[test]
fn a_frame_that_a_crash_has_cut_is_left_out_and_the_ones_before_count() {
    let (log, ends) = three_frames();
    for cut in ends[0]..log.len() {
        let mut mirror = Mirror::new(None);
        let whole = *ends.iter().rev().find(|end| **end <= cut).unwrap();
        assert_eq!(mirror.replay(&log[..cut]).unwrap().length, whole, "cut at {cut}");
        let messages = ends.iter().position(|end| *end == whole).unwrap();
        assert_eq!(everything(&mirror).1.len(), messages);
    }
}

#[test]
fn a_changed_byte_in_the_middle_is_damage_and_at_the_end_a_crash() {
    let (log, ends) = three_frames();
    for changed in ends[0]..log.len() {
        let mut damaged = log.clone();
        damaged[changed] ^= 0x40;
        let replayed = Mirror::new(None).replay(&damaged);
        let last = ends[ends.len() - 2];
        if changed >= last {
            assert_eq!(replayed.unwrap().length, last, "byte {changed}");
        } else if changed >= ends[0] + 4 {
            assert_eq!(replayed, Err(LogError::Damaged { offset: ends[0] }), "byte {changed}");
        }
    }
}

#[test]
fn a_page_of_zeros_at_the_end_is_a_crash() {
    let (log, ends) = three_frames();
    let last = ends[ends.len() - 2];
    for zeros in 1..log.len() - last {
        let mut torn = log.clone();
        torn[last..last + zeros].fill(0);
        // Behind the zeros there may be what looks like a frame.
        let replayed = Mirror::new(None).replay(&torn);
        assert_eq!(replayed.map(|it| it.length), Ok(last), "{zeros} zeros");
    }
}

#[test]
fn what_is_no_log_or_a_later_one_is_refused() {
    for foreign in [&b"x"[..], b"evklo", b"evklog\x01", b"evklog\x00\x00", b"notalog\x01\x00"] {
        assert_eq!(Mirror::new(None).replay(foreign), Err(LogError::Foreign), "{foreign:?}");
    }
    let newer = Mirror::new(None).replay(b"evklog\x02\x00");
    assert_eq!(newer, Err(LogError::Newer { found: 2 }));
    assert_eq!(Mirror::new(None).replay(b"").unwrap().length, 0);
}

#[test]
fn the_bound_is_for_messages_and_both_its_sides_hold() {
    let mut mirror = Mirror::new(Some(20));
    let mut log = Vec::new();
    // Topic and payload.
    let fits = [message(0, &[0; 17])];
    mirror.encode(&fits, &mut log).unwrap();
    mirror.apply(&fits);
    let length = log.len();
    let full = mirror.encode(&[message(1, b"")], &mut log);
    assert_eq!(full, Err(MirrorError::Full { bytes: 20, limit: 20 }));
    assert_eq!(log.len(), length);
    mirror.encode(&[Record::Unproven], &mut log).unwrap();
}

#[test]
fn a_serial_that_was_there_is_refused() {
    let mut mirror = Mirror::new(None);
    mirror.apply(&[message(4, b"")]);
    let again = mirror.encode(&[message(4, b"")], &mut Vec::new()).unwrap_err();
    assert_eq!(again.to_string(), "message 4 was accepted after message 4");
}
