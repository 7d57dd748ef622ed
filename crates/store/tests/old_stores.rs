//! Stores that version 0.1.0 wrote, byte by byte: they open, hold what was
//! committed, and are gone on with.
//!
//! `fixtures/0.1.0` was written by that version, by the ignored test at the
//! end of this file. It is not to be written again.

use std::path::{Path, PathBuf};

use evenkeel_proto::codec::{
    PacketId, Properties, Property, Publish, QoS, ReasonCode, RetainHandling, SubscribeFilter,
    SubscribeOptions, Text, TopicFilter,
};
use evenkeel_store::contract::model::{Model, Random, View};
use evenkeel_store::record::{
    Accepted, Outcome, Priority, Record, Serial, StoredSubscription, UnixMillis, Window,
};
use evenkeel_store::{FileStore, Fsync, Store};

mod support;

const PLAIN: &str = "plain";
const SEGMENTS: &str = "segments";
const UNSYNCED: &str = "unsynced";

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn accepted(serial: u64, qos: QoS, priority: Priority, expires: Option<u64>) -> Record {
    let property = Property::UserProperty(text("number"), text(&serial.to_string()));
    let mut properties = Properties::new().with(property);
    if expires.is_some() {
        properties = properties.with(Property::MessageExpiryInterval(3600));
    }
    let publish = Publish {
        dup: false,
        qos,
        retain: serial % 2 == 1,
        topic: text(&format!("site/{serial}")),
        packet_id: None,
        payload: vec![serial as u8; 40].into(),
        properties,
    };
    let accepted = UnixMillis(1_790_000_000_000 + serial);
    let expires = expires.map(UnixMillis);
    let (serial, age) = (Serial(serial), None);
    Record::Accepted(Accepted { serial, publish, accepted, expires, age, priority })
}

fn subscription(filter: &str, qos: QoS, identifier: Option<u32>) -> StoredSubscription {
    let options = SubscribeOptions {
        qos,
        no_local: identifier.is_some(),
        retain_as_published: true,
        retain_handling: RetainHandling::OnNewSubscribe,
    };
    let filter = SubscribeFilter { filter: TopicFilter::new(text(filter)).unwrap(), options };
    let properties = identifier.map(Property::SubscriptionIdentifier).into_iter().collect();
    StoredSubscription { filter, properties }
}

/// Every kind of record, in one segment.
fn plain() -> Vec<Vec<Record>> {
    let mut batches = vec![vec![Record::Identity { client_id: text("pump-7") }, Record::Unproven]];
    let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    for serial in 0..24 {
        let qos = levels[serial as usize % 3];
        let priority = Priority::ALL[serial as usize % 3];
        let expires = (serial % 4 == 0).then_some(1_890_000_000_000 + serial);
        batches.push(vec![accepted(serial, qos, priority, expires)]);
    }
    let done = |serial, outcome| Record::Done { serial: Serial(serial), outcome };
    let sent =
        |serial, packet_id| Record::Sent { serial: Serial(serial), packet_id: id(packet_id) };
    batches.push(vec![sent(1, 1), sent(2, 2), sent(5, 3), sent(8, 4), sent(4, 5), sent(7, 65_535)]);
    batches
        .push(vec![Record::Released { serial: Serial(2) }, Record::Released { serial: Serial(5) }]);
    batches.push(vec![done(1, Outcome::Delivered), done(5, Outcome::Refused(ReasonCode(0x87)))]);
    batches.push(vec![Record::Quarantined { serial: Serial(7), deaths: 2, attempts: 300 }]);
    batches.push(vec![Record::Quarantined { serial: Serial(10), deaths: 3, attempts: 4 }]);
    let ends = [Outcome::Expired, Outcome::NotAllowed, Outcome::Dropped, Outcome::Removed];
    batches
        .push(ends.into_iter().zip(12..).map(|(outcome, serial)| done(serial, outcome)).collect());
    batches.push(vec![
        accepted(24, QoS::AtLeastOnce, Priority::Normal, None),
        done(16, Outcome::Requeued(Serial(24))),
    ]);
    batches.push((1..6).map(|n| Record::Received { packet_id: id(n) }).collect());
    batches
        .push(vec![Record::Finished { packet_id: id(2) }, Record::Clearing { packet_id: id(40) }]);
    batches.push(vec![Record::Clearing { packet_id: id(41) }, Record::Freed { packet_id: id(40) }]);
    batches.push(subscriptions().into_iter().map(Record::Subscribed).collect());
    batches.push(vec![
        Record::Subscribed(subscription("gone/#", QoS::AtMostOnce, None)),
        Record::Unsubscribed { filter: TopicFilter::new(text("gone/#")).unwrap() },
        Record::Proven,
        Record::Unproven,
    ]);
    batches
}

fn subscriptions() -> Vec<StoredSubscription> {
    vec![
        subscription("$share/workers/job/+", QoS::ExactlyOnce, None),
        subscription("site/#", QoS::AtLeastOnce, Some(7)),
        subscription("site/+/level", QoS::AtMostOnce, Some(268_435_455)),
    ]
}

/// Batches that fill and empty several segments.
fn random(seed: u64, batches: u32) -> Vec<Vec<Record>> {
    let (mut model, mut random) = (Model::of_0_1_0(), Random(seed));
    let batch = |_| {
        let batch = model.batch(&mut random);
        batch.iter().for_each(|record| model.add(record));
        batch
    };
    (0..batches).map(batch).collect()
}

fn batches(name: &str) -> Vec<Vec<Record>> {
    match name {
        PLAIN => plain(),
        SEGMENTS => random(7, 52),
        UNSYNCED => random(8, 12),
        other => panic!("{other}"),
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0").join(name)
}

/// A copy of a fixture, to be changed.
fn copy(name: &str) -> support::Folder {
    let folder = support::Folder::new();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn view(path: &Path) -> View {
    let mut store = FileStore::options().segment_bytes(0).open(path).unwrap();
    let recovered = store.recover().unwrap();
    View::of(&recovered, &mut store).unwrap()
}

#[test]
fn every_store_of_0_1_0_opens_and_goes_on() {
    for name in [PLAIN, SEGMENTS, UNSYNCED] {
        let folder = copy(name);
        let mut model = Model::default();
        batches(name).iter().flatten().for_each(|record| model.add(record));
        for round in 0..3 {
            assert_eq!(view(folder.path()), model.view(), "{name}, round {round}");
            let mut store = FileStore::options().segment_bytes(0).open(folder.path()).unwrap();
            let mut random = Random(round);
            for _ in 0..20 {
                let batch = model.batch(&mut random);
                store.commit(&batch).unwrap();
                batch.iter().for_each(|record| model.add(record));
            }
        }
        assert_eq!(view(folder.path()), model.view(), "{name}");
    }
}

#[test]
fn the_session_of_0_1_0_is_all_there() {
    let folder = copy(PLAIN);
    let mut store = FileStore::open(folder.path()).unwrap();
    let recovered = store.recover().unwrap();
    assert_eq!(recovered.client_id.as_deref(), Some("pump-7"));
    assert!(recovered.unproven);
    let mut found = recovered.subscriptions;
    found.sort_by(|a, b| a.filter.filter.as_str().cmp(b.filter.filter.as_str()));
    assert_eq!(found, subscriptions());
    let ids = |ids: &[PacketId]| ids.iter().map(|id| id.get()).collect::<Vec<_>>();
    assert_eq!(ids(&recovered.received), [1, 3, 4, 5]);
    assert_eq!(ids(&recovered.clearing), [41]);
    assert_eq!(recovered.exchanges.len(), 3, "{:?}", recovered.exchanges);
    assert_eq!(recovered.quarantined, 2);
    assert_eq!(recovered.next_serial, Serial(25));
}

/// The one fixture whose numbers are not of this file: `evenkeel pub --store`.
#[test]
fn the_store_of_the_command_line_of_0_1_0_opens() {
    let folder = copy("command-line");
    let mut store = FileStore::open(folder.path()).unwrap();
    let recovered = store.recover().unwrap();
    assert_eq!(recovered.client_id.as_deref(), Some("pump-9"));
    let all = Window { messages: usize::MAX, bytes: usize::MAX };
    let messages = store.list(None, all).unwrap();
    let payloads: Vec<_> = messages.iter().map(|message| &message.publish.payload[..]).collect();
    assert_eq!(payloads, [b"reading 1", b"reading 2", b"reading 3"]);
    for message in messages {
        let expires = message.expires.expect("an expiry");
        assert_eq!(expires.since(message.accepted).as_secs(), 3600);
    }
}

#[test]
fn the_fixtures_are_of_the_first_format_and_of_both_kinds() {
    let mut kinds = std::collections::BTreeSet::new();
    for name in [PLAIN, SEGMENTS, UNSYNCED, "command-line"] {
        for entry in std::fs::read_dir(fixture(name)).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name != "lock") {
                let bytes = std::fs::read(path).unwrap();
                assert_eq!(bytes[8..10], [1, 0]);
                kinds.insert(bytes[10]);
            }
        }
    }
    assert_eq!(Vec::from_iter(kinds), [0, 1]);
}

/// Not a test: wrote the fixtures, as version 0.1.0.
#[test]
#[ignore = "the fixtures are what version 0.1.0 wrote"]
fn write_the_fixtures() {
    for (name, fsync) in
        [(PLAIN, Fsync::EveryCommit), (SEGMENTS, Fsync::EveryCommit), (UNSYNCED, Fsync::Never)]
    {
        let path = fixture(name);
        std::fs::create_dir_all(&path).unwrap();
        let mut store = FileStore::options().fsync(fsync).segment_bytes(0).open(&path).unwrap();
        for batch in batches(name) {
            store.commit(&batch).unwrap();
        }
        drop(store);
        std::fs::write(path.join("lock"), "4711\n").unwrap();
    }
}
