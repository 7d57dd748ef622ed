//! Counts what the codec allocates: nothing for a message on its way, and
//! never more than the bytes received account for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::BytesMut;
use evenkeel_codec::{Bytes, Decoder, Packet, PacketId, Properties, Publish, QoS, Text, Version};
use proptest::collection::vec;
use proptest::prelude::*;

/// Counts per thread, as tests run side by side.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(size: usize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + size);
}

// SAFETY: every call goes to the system's allocator unchanged; the counters
// are plain cells that allocate nothing and need no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
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
