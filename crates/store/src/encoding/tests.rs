//! Any record survives its encoding.

use bytes::Bytes;
use evenkeel_proto::Instant;
use evenkeel_proto::codec::{
    PacketId, Properties, Property, Publish, QoS, ReasonCode, RetainHandling, SubscribeFilter,
    SubscribeOptions, Text, TopicFilter,
};
use evenkeel_proto::record::{
    Accepted, Age, BootId, Outcome, Priority, Record, Serial, StoredSubscription, StoredTime,
    UnixMillis,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn text(pattern: &str) -> impl Strategy<Value = Text> + use<> {
    proptest::string::string_regex(pattern).unwrap().prop_map(|text| Text::try_from(text).unwrap())
}

fn serial() -> impl Strategy<Value = Serial> {
    prop_oneof![0..200_u64, any::<u64>()].prop_map(Serial)
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).unwrap())
}

fn properties() -> impl Strategy<Value = Properties> {
    let expiry = option::of(any::<u32>().prop_map(Property::MessageExpiryInterval));
    let users = vec((text("[a-zé]{0,8}"), text("[a-z]{0,8}")), 0..3);
    (expiry, users).prop_map(|(expiry, users)| {
        let users = users.into_iter().map(|(name, value)| Property::UserProperty(name, value));
        expiry.into_iter().chain(users).collect()
    })
}

prop_compose! {
    fn accepted()(
        serial in serial(),
        topic in text("[a-z/é]{1,20}"),
        payload in vec(any::<u8>(), 0..300),
        qos in 0..3_u8,
        retain in any::<bool>(),
        properties in properties(),
        accepted in any::<u64>().prop_map(UnixMillis),
        expires in option::of(any::<u64>().prop_map(UnixMillis)),
        age in option::of(any::<u64>().prop_map(Age)),
        priority in 0..3_u8,
    ) -> Accepted {
        let publish = Publish {
            dup: false,
            qos: QoS::from_level(qos).unwrap(),
            retain,
            topic,
            packet_id: None,
            payload: payload.into(),
            properties,
        };
        let priority = Priority::from_level(priority).unwrap();
        Accepted { serial, publish, accepted, expires, age, priority }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Delivered),
        any::<u8>().prop_map(|code| Outcome::Refused(ReasonCode(code))),
        Just(Outcome::Expired),
        Just(Outcome::NotAllowed),
        Just(Outcome::Dropped),
        Just(Outcome::Removed),
        Just(Outcome::Uncertain),
        serial().prop_map(Outcome::Requeued),
    ]
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    text("[a-z]{1,5}(/[a-z+]){0,3}(/#)?").prop_map(|text| TopicFilter::new(text).unwrap())
}

fn subscription() -> impl Strategy<Value = StoredSubscription> {
    let options = (0..3_u8, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
        |(qos, no_local, retain_as_published, handling)| SubscribeOptions {
            qos: QoS::from_level(qos).unwrap(),
            no_local,
            retain_as_published,
            retain_handling: match handling {
                0 => RetainHandling::OnSubscribe,
                1 => RetainHandling::OnNewSubscribe,
                _ => RetainHandling::Never,
            },
        },
    );
    let properties = option::of((1..=0x0fff_ffff_u32).prop_map(Property::SubscriptionIdentifier));
    (filter(), options, properties).prop_map(|(filter, options, properties)| {
        let filter = SubscribeFilter { filter, options };
        StoredSubscription { filter, properties: properties.into_iter().collect() }
    })
}

fn time() -> impl Strategy<Value = StoredTime> {
    let boot = option::of(any::<[u8; 16]>().prop_map(BootId));
    (boot, any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(boot, at, wall, age)| {
        let (at, wall) = (Instant::from_micros(at), UnixMillis(wall));
        StoredTime { boot, at, wall, age: Age(age) }
    })
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        text("[a-z]{1,30}").prop_map(|client_id| Record::Identity { client_id }),
        accepted().prop_map(Record::Accepted),
        (serial(), packet_id()).prop_map(|(serial, packet_id)| Record::Sent { serial, packet_id }),
        serial().prop_map(|serial| Record::Released { serial }),
        serial().prop_map(|serial| Record::ReleasedAndKept { serial }),
        (serial(), outcome()).prop_map(|(serial, outcome)| Record::Done { serial, outcome }),
        (serial(), any::<u8>(), any::<u32>()).prop_map(|(serial, deaths, attempts)| {
            Record::Quarantined { serial, deaths, attempts }
        }),
        packet_id().prop_map(|packet_id| Record::Received { packet_id }),
        packet_id().prop_map(|packet_id| Record::Finished { packet_id }),
        packet_id().prop_map(|packet_id| Record::Clearing { packet_id }),
        packet_id().prop_map(|packet_id| Record::Freed { packet_id }),
        subscription().prop_map(Record::Subscribed),
        filter().prop_map(|filter| Record::Unsubscribed { filter }),
        Just(Record::SessionLost),
        Just(Record::SessionUnknown),
        Just(Record::Unproven),
        Just(Record::Proven),
        time().prop_map(Record::Time),
    ]
}

fn decoded(body: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let entries = Entries(Bytes::copy_from_slice(body));
    entries.map(|entry| entry.and_then(|(kind, contents)| decode_entry(kind, &contents))).collect()
}

proptest! {
    #[test]
    fn records_come_back_as_they_were(records in vec(record(), 0..8)) {
        let mut body = Vec::new();
        for record in &records {
            encode_record(record, &mut body).unwrap();
        }
        let expected: Vec<_> = records.into_iter().map(Entry::Record).collect();
        prop_assert_eq!(decoded(&body), Ok(expected));
    }

    #[test]
    fn a_snapshots_own_entries_come_back(
        serials in proptest::collection::btree_set(0..500_u64, 0..100),
        serial in serial(),
        packet_id in packet_id(),
    ) {
        let mut body = Vec::new();
        encode_live(Serial(500), serials.iter().copied(), &mut body);
        encode_releasing(serial, packet_id, &mut body);
        let mut entries = decoded(&body).unwrap();
        prop_assert_eq!(entries.pop(), Some(Entry::Releasing { serial, packet_id }));
        let Some(Entry::Live(live)) = entries.pop() else { panic!("{entries:?}") };
        let counted: Vec<u64> = live.runs.iter().flat_map(|(from, n)| *from..from + n).collect();
        prop_assert_eq!(counted, Vec::from_iter(serials));
        prop_assert_eq!(live.next_serial, Serial(500));
        prop_assert!(live.runs.windows(2).all(|two| two[0].0 + two[0].1 < two[1].0));
    }

    #[test]
    fn mutated_bytes_never_panic(
        records in vec(record(), 1..5),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = Vec::new();
        for record in &records {
            encode_record(record, &mut body).unwrap();
        }
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            // Whatever it says now, it is an answer; and it can be written.
            for entry in decoded(body).into_iter().flatten() {
                if let Entry::Record(record) = entry {
                    let _ = encode_record(&record, &mut Vec::new());
                }
            }
        }
    }

    #[test]
    fn any_bytes_at_all_never_panic(body in vec(any::<u8>(), 0..200)) {
        let _ = decoded(&body);
        for kind in 0..=u8::MAX {
            let _ = (decode_entry(kind, &body), peek_serial(kind, &body));
        }
    }
}

#[test]
fn a_message_of_200_bytes_costs_few_bytes_more() {
    let message = Accepted {
        serial: Serial(1_000_000),
        publish: Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: Text::from_static("site/7/level").unwrap(),
            packet_id: None,
            payload: vec![7; 200].into(),
            properties: Properties::new(),
        },
        accepted: UnixMillis(1_800_000_000_000),
        expires: None,
        age: None,
        priority: Priority::Normal,
    };
    let mut body = Vec::new();
    encode_record(&Record::Accepted(message), &mut body).unwrap();
    assert_eq!(body.len(), 200 + 12 + 21);
}

#[test]
fn an_unknown_kind_is_malformed() {
    assert_eq!(decoded(&[200, 0]), Err(Malformed));
    assert_eq!(decoded(&[kind::SESSION_LOST, 1, 0]), Err(Malformed), "with more than it has");
    assert_eq!(decoded(&[kind::SESSION_LOST, 1]), Err(Malformed), "cut");
}

#[test]
fn runs_beyond_the_next_serial_are_malformed() {
    for (next, expected) in [(7, Err(Malformed)), (8, Ok(()))] {
        let mut body = Vec::new();
        encode_live(Serial(next), 5..8, &mut body);
        assert_eq!(decoded(&body).map(|_| ()), expected);
    }
}

#[test]
fn what_no_packet_can_carry_is_refused_and_leaves_nothing() {
    let topic = Text::from_static("wild/#").unwrap();
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        payload: Bytes::new(),
        properties: Properties::new(),
    };
    let record = Record::Accepted(Accepted {
        serial: Serial(1),
        publish,
        accepted: UnixMillis(0),
        expires: None,
        age: None,
        priority: Priority::Normal,
    });
    let mut body = vec![1, 2, 3];
    assert!(encode_record(&record, &mut body).is_err());
    assert_eq!(body, [1, 2, 3]);
}
