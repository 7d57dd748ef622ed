//! Counts what the codec allocates: nothing for a message on its way, and
//! never more than the bytes received account for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::BytesMut;
use evenkeel_codec::{
    Bytes, Connect, DecodeError, Decoder, Disconnect, Packet, PacketId, Properties, Property,
    Publish, QoS, Subscribe, SubscribeFilter, SubscribeOptions, Text, TopicFilter, TopicName,
    Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Counts per thread, as tests run side by side.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(size: usize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + size);
    LIVE.set(LIVE.get().wrapping_add(size));
    PEAK.set(PEAK.get().max(LIVE.get()));
}

fn uncount(size: usize) {
    LIVE.set(LIVE.get().wrapping_sub(size));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters
// are plain cells that allocate nothing and need no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        uncount(layout.size());
        count(size);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        uncount(layout.size());
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and bytes allocated by this thread meanwhile.
fn allocated<T>(work: impl FnOnce() -> T) -> (usize, usize, T) {
    let (calls, bytes) = (CALLS.get(), BYTES.get());
    let result = work();
    (CALLS.get() - calls, BYTES.get() - bytes, result)
}

fn message(qos: QoS) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Text::from_static("site/7/level").unwrap(),
        packet_id: (qos != QoS::AtMostOnce).then(|| PacketId::new(7).unwrap()),
        payload: Bytes::from_static(&[0x55; 300]),
        properties: Properties::new(),
    }
}

#[test]
fn the_counter_counts() {
    let (calls, bytes, boxed) = allocated(|| Box::new([0_u8; 100]));
    assert_eq!((calls, bytes, boxed.len()), (1, 100, 100));
}

#[test]
fn a_read_buffer_of_messages_costs_one_allocation_not_one_each() {
    for version in [Version::V311, Version::V5] {
        let mut bytes = Vec::new();
        for _ in 0..1000 {
            Packet::Publish(message(QoS::AtLeastOnce)).encode(version, &mut bytes).unwrap();
        }
        let mut buf = BytesMut::from(&bytes[..]);
        let mut decoder = Decoder::new(version, u32::MAX);
        let (calls, _, count) = allocated(|| {
            let mut count = 0;
            while let Some(Packet::Publish(publish)) = decoder.decode(&mut buf).unwrap() {
                assert_eq!(publish.payload.len(), 300);
                count += 1;
            }
            count
        });
        assert_eq!(count, 1000);
        // The first slice makes the buffer shareable.
        assert!(calls <= 1, "{calls} allocations in {version:?}");
    }
}

#[test]
fn acknowledgements_and_pings_cost_nothing() {
    let mut buf = BytesMut::from(&[0x40, 2, 0, 1, 0x50, 2, 0, 1, 0x62, 2, 0, 1][..]);
    buf.extend_from_slice(&[0x70, 2, 0, 1, 0xd0, 0, 0xc0, 0]);
    let mut decoder = Decoder::new(Version::V5, u32::MAX);
    let (calls, _, count) =
        allocated(|| core::iter::from_fn(|| decoder.decode(&mut buf).unwrap()).count());
    assert_eq!((calls, count), (0, 6));
}

#[test]
fn encoding_writes_into_the_callers_buffer_alone() {
    for version in [Version::V311, Version::V5] {
        let packet = Packet::Publish(message(QoS::ExactlyOnce));
        let mut out = Vec::with_capacity(packet.encoded_len(version).unwrap() + 5);
        let (calls, _, result) = allocated(|| packet.encode(version, &mut out));
        assert_eq!((calls, result), (0, Ok(())));
        let mut fresh = Vec::new();
        let (calls, _, result) = allocated(|| packet.encode(version, &mut fresh));
        assert_eq!((calls, result), (1, Ok(())));
        assert_eq!(fresh, out);
    }
}

/// A property takes two bytes on the wire at least, and this much in a list
/// that grows by doubling, all steps of the growth counted.
const PER_BYTE: usize = 160;
/// Boxes and lists of one entry.
const FLAT: usize = 1024;

fn assert_bounded(version: Version, bytes: &[u8]) {
    let mut decoder = Decoder::new(version, u32::MAX);
    let mut buf = BytesMut::from(bytes);
    let (_, spent, _) = allocated(|| while let Ok(Some(_)) = decoder.decode(&mut buf) {});
    assert!(spent <= FLAT + PER_BYTE * bytes.len(), "{spent} bytes for {bytes:02x?}");
}

#[test]
fn announced_lengths_reserve_nothing() {
    for bytes in [
        // The longest body; a topic, a property list and a binary property
        // that reach far beyond the packet.
        &[0x30, 0xff, 0xff, 0xff, 0x7f][..],
        &[0x30, 2, 0xff, 0xff],
        &[0x30, 8, 0, 1, b'a', 0xff, 0xff, 0xff, 0x7f, 0],
        &[0x30, 7, 0, 1, b'a', 3, 9, 0xff, 0xff],
        &[0x82, 6, 0, 1, 0, 0xff, 0xff, b'a'],
    ] {
        let mut decoder = Decoder::new(Version::V5, u32::MAX);
        let mut buf = BytesMut::from(bytes);
        let (_, spent, _) = allocated(|| decoder.decode(&mut buf));
        assert!(spent <= 64, "{spent} bytes for {bytes:02x?}");
    }
}

#[test]
fn the_densest_packets_stay_in_proportion() {
    // The shortest property that may repeat, and the shortest user property.
    for property in [&[0x0b, 1][..], &[0x26, 0, 0, 0, 0]] {
        let list = property.repeat(10_000 / property.len());
        let mut bytes = vec![0x30, 0x95, 0x4e, 0, 1, b'a', 0x90, 0x4e];
        bytes.extend_from_slice(&list);
        assert_eq!(list.len(), 10_000);
        let mut decoder = Decoder::new(Version::V5, u32::MAX);
        let decoded = decoder.decode(&mut BytesMut::from(&bytes[..]));
        assert!(matches!(decoded, Ok(Some(_))), "{decoded:?}");
        assert_bounded(Version::V5, &bytes);
    }
}

/// Bytes that are held after the work, and the most there were meanwhile.
fn held<T>(work: impl FnOnce() -> T) -> (usize, usize, T) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    (LIVE.get() - before, PEAK.get() - before, result)
}

/// A PUBLISH with these properties, as it is on the wire.
fn publish_with(properties: Properties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packet = Packet::Publish(Publish { properties, ..message(QoS::AtMostOnce) });
    packet.encode(Version::V5, &mut bytes).unwrap();
    bytes
}

fn user(name: &str, value: &str) -> Property {
    let text = |text: &str| Text::try_from(text.to_owned()).unwrap();
    Property::UserProperty(text(name), text(value))
}

#[test]
fn properties_weigh_what_they_hold() {
    let long = "x".repeat(100);
    // What does not fit in the entries: the bytes of long texts and of binary data.
    for (property, apart) in [
        (user("", ""), 0),
        (user(&"n".repeat(23), &"v".repeat(23)), 0),
        (user(&"n".repeat(24), ""), 24),
        (user(&long, &long), 200),
        (Property::SubscriptionIdentifier(7), 0),
    ] {
        for count in [1, 4, 5, 63, 64, 65, 100, 1000, 10_000] {
            let bytes = publish_with((0..count).map(|_| property.clone()).collect());
            let mut buf = BytesMut::from(&bytes[..]);
            drop(buf.split_to(0).freeze());
            let mut decoder = Decoder::new(Version::V5, u32::MAX);
            let (entries, _, decoded) = held(|| decoder.decode(&mut buf).unwrap());
            let Some(Packet::Publish(publish)) = decoded else { panic!("{decoded:?}") };
            let weight = publish.properties.weight();
            assert_eq!(weight, entries + apart * count, "{count} times {property:?}");
            assert!(weight >= publish.properties.encoded_len(), "{count} times {property:?}");
            assert_eq!(publish.weight(), 12 + 300 + weight);
            assert_eq!(publish.clone().weight(), publish.weight());
        }
    }
    let correlation = Properties::new().with(Property::CorrelationData(vec![0; 1000].into()));
    let content = Properties::new().with(Property::ContentType(Text::from_static("a").unwrap()));
    assert_eq!(correlation.weight(), content.weight() + 1000);
    assert_eq!(Properties::new().weight(), 0);
}

/// The most entries that fit in so much memory, by trying.
fn fitting(maximum_packet_size: u32, bytes: impl Fn(usize) -> Vec<u8>) -> usize {
    let fits = |count: usize| {
        let mut decoder = match bytes(count)[0] {
            0x10 => Decoder::for_server(maximum_packet_size),
            _ => Decoder::new(Version::V5, maximum_packet_size),
        };
        match decoder.decode(&mut BytesMut::from(&bytes(count)[..])) {
            Ok(Some(_)) => true,
            Err(DecodeError::TooManyEntries { maximum, .. }) => {
                assert_eq!(maximum, maximum_packet_size.max(64 * 1024) as usize);
                false
            }
            other => panic!("{other:?}"),
        }
    };
    let (mut fitting, mut not) = (1, maximum_packet_size as usize / 6);
    assert!(fits(fitting) && !fits(not));
    while not - fitting > 1 {
        let middle = fitting.midpoint(not);
        *if fits(middle) { &mut fitting } else { &mut not } = middle;
    }
    fitting
}

#[test]
fn what_the_lists_of_a_packet_become_is_bounded_as_its_size_is() {
    let encode = |packet: Packet| {
        let mut bytes = Vec::new();
        packet.encode(Version::V5, &mut bytes).unwrap();
        bytes
    };
    let users = |count| (0..count).map(|_| user("", "")).collect::<Properties>();
    let id = PacketId::new(1).unwrap();
    let filter = TopicFilter::new(Text::from_static("a").unwrap()).unwrap();
    for (maximum, memory) in [(40_000, 65_536), (65_537, 65_537), (1_000_000, 1_000_000)] {
        let each = memory / size_of::<Property>();
        assert_eq!(fitting(maximum, |count| publish_with(users(count))), each);
        let connect = |count| {
            let will = Will {
                properties: users(count - count / 2),
                topic: TopicName::new(Text::from_static("w").unwrap()).unwrap(),
                payload: Bytes::new(),
                qos: QoS::AtMostOnce,
                retain: false,
            };
            connect_with(users(count / 2), will)
        };
        let both = fitting(maximum, |count| encode(Packet::Connect(connect(count))));
        assert_eq!(both, each, "the will's count with the others");
        let subscribe = |count| Subscribe {
            packet_id: id,
            filters: vec![
                SubscribeFilter {
                    filter: filter.clone(),
                    options: SubscribeOptions::default(),
                };
                count
            ],
            properties: Properties::new(),
        };
        let entry = size_of_val(&subscribe(1).filters[0]);
        let filters = fitting(maximum, |count| encode(Packet::Subscribe(subscribe(count))));
        assert_eq!(filters, memory / entry);
        let unsubscribe = |count| Unsubscribe {
            packet_id: id,
            filters: vec![filter.clone(); count],
            properties: Properties::new(),
        };
        let filters = fitting(maximum, |count| encode(Packet::Unsubscribe(unsubscribe(count))));
        assert_eq!(filters, memory / size_of::<TopicFilter>());
    }
}

#[test]
fn sixteen_megabytes_of_the_smallest_properties_take_little_memory() {
    const MAXIMUM: u32 = 16 * 1024 * 1024;
    let list = [0x26, 0, 0, 0, 0].repeat(3_300_000);
    let mut bytes = vec![0x30];
    // Remaining length and property length of 16,500,007 and 16,500,000 bytes.
    bytes.extend([0xa7, 0x8a, 0xef, 0x07, 0, 1, b'a', 0xa0, 0x8a, 0xef, 0x07]);
    bytes.extend(&list);
    let mut buf = BytesMut::from(&bytes[..]);
    let mut decoder = Decoder::new(Version::V5, MAXIMUM);
    let (_, peak, decoded) = held(|| decoder.decode(&mut buf));
    assert!(matches!(decoded, Err(DecodeError::TooManyEntries { .. })), "{decoded:?}");
    // A list grows by doubling.
    assert!(peak <= 2 * MAXIMUM as usize, "{peak}");
}

/// What is held once the packet is gone and this is kept of it.
fn kept_of<T>(packet: &Packet, keep: impl FnOnce(Packet) -> T) -> (usize, T) {
    let mut bytes = Vec::new();
    packet.encode(Version::V5, &mut bytes).unwrap();
    assert!(bytes.len() > 50_000, "the packet is large");
    let (held, _, kept) = held(|| {
        let mut buf = BytesMut::from(&bytes[..]);
        let mut decoder = match packet {
            Packet::Connect(_) => Decoder::for_server(u32::MAX),
            _ => Decoder::new(Version::V5, u32::MAX),
        };
        keep(decoder.decode(&mut buf).unwrap().unwrap())
    });
    (held, kept)
}

/// S4: of a packet that is gone no more is held than was kept of it.
#[test]
fn what_is_kept_of_a_packet_does_not_keep_the_packet() {
    let large = Properties::new().with(user("large", &"x".repeat(60_000)));
    for length in [23, 24, 100] {
        let text = Text::try_from("t".repeat(length)).unwrap();
        let apart = if length > 23 { length } else { 0 };
        let assert_small = |(held, kept): (usize, Text), of: &str| {
            assert_eq!(kept, text, "{of}");
            assert!((apart..apart + 64).contains(&held), "{held} bytes of {of}, {length} kept");
        };
        let reason = large.clone().with(Property::ReasonString(text.clone()));
        let packet = Packet::Disconnect(Disconnect { properties: reason, ..Disconnect::default() });
        let kept = kept_of(&packet, |packet| match packet {
            Packet::Disconnect(packet) => packet.properties.reason_string().unwrap(),
            other => panic!("{other:?}"),
        });
        assert_small(kept, "DISCONNECT");
        let will = Will {
            topic: TopicName::new(text.clone()).unwrap(),
            payload: vec![7; 100].into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
        };
        let packet = Packet::Connect(connect_with(large.clone(), will));
        let kept = kept_of(&packet, |packet| match packet {
            Packet::Connect(packet) => packet.will.unwrap().topic.text().clone(),
            other => panic!("{other:?}"),
        });
        assert_small(kept, "CONNECT");
        let (held, payload) = kept_of(&packet, |packet| match packet {
            Packet::Connect(packet) => packet.will.unwrap().payload,
            other => panic!("{other:?}"),
        });
        assert_eq!(payload.len(), 100);
        assert!(held < 200, "{held} bytes for the payload of a will");
        let filters = vec![SubscribeFilter {
            filter: TopicFilter::new(text.clone()).unwrap(),
            options: SubscribeOptions::default(),
        }];
        let packet_id = PacketId::new(1).unwrap();
        let packet = Subscribe { packet_id, filters, properties: large.clone() };
        let kept = kept_of(&Packet::Subscribe(packet), |packet| match packet {
            Packet::Subscribe(packet) => packet.filters[0].filter.text().clone(),
            other => panic!("{other:?}"),
        });
        assert_small(kept, "SUBSCRIBE");
        // Of a message all is shared, and a topic that is kept is to be detached.
        let payload = vec![0; 60_000].into();
        let message = Publish { topic: text.clone(), payload, ..message(QoS::AtMostOnce) };
        let (held, _) = kept_of(&Packet::Publish(message.clone()), topic_of);
        assert_eq!(held > 60_000, length > 23, "{held} bytes of a topic of {length}");
        let kept = kept_of(&Packet::Publish(message), |packet| topic_of(packet).detached());
        assert_small(kept, "PUBLISH");
    }
}

/// S4: of what came in one buffer, one message may be kept for long.
#[test]
fn a_detached_message_does_not_keep_its_neighbours() {
    let long = || Text::try_from("t".repeat(100)).unwrap();
    let properties = [
        Property::ContentType(long()),
        Property::ResponseTopic(long()),
        Property::CorrelationData(vec![1; 100].into()),
        Property::UserProperty(long(), long()),
    ];
    for (payload, shares) in [(16 * 1024, false), (16 * 1024 + 1, true)] {
        let properties = properties.iter().cloned().collect();
        let payload = vec![7; payload].into();
        let small = Publish { topic: long(), payload, properties, ..message(QoS::AtMostOnce) };
        let large = Publish { payload: vec![0; 60_000].into(), ..message(QoS::AtMostOnce) };
        let mut bytes = Vec::new();
        for message in [&small, &large] {
            Packet::Publish(message.clone()).encode(Version::V5, &mut bytes).unwrap();
        }
        let (held, _, kept) = held(|| {
            let mut decoder = Decoder::new(Version::V5, u32::MAX);
            match decoder.decode(&mut BytesMut::from(&bytes[..])) {
                Ok(Some(Packet::Publish(publish))) => publish.detached(),
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(kept, small);
        assert_eq!(held > 60_000, shares, "{held} bytes are held");
        assert!(shares || held <= kept.weight() + 64, "{held} bytes of {}", kept.weight());
    }
}

fn topic_of(packet: Packet) -> Text {
    match packet {
        Packet::Publish(publish) => publish.topic,
        other => panic!("{other:?}"),
    }
}

fn connect_with(properties: Properties, will: Will) -> Connect {
    Connect {
        version: Version::V5,
        clean_start: true,
        keep_alive: 60,
        client_id: Text::new(),
        username: None,
        password: None,
        will: Some(Box::new(will)),
        properties,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_stay_in_proportion(
        v5 in any::<bool>(),
        first_byte in 0x10..=0xff_u8,
        body in vec(prop_oneof![any::<u8>(), 0..3_u8, Just(0xff)], 0..120),
    ) {
        let mut bytes = vec![first_byte, body.len() as u8];
        bytes.extend_from_slice(&body);
        assert_bounded(if v5 { Version::V5 } else { Version::V311 }, &bytes);
    }
}
