//! Counts what the client allocates for a message on its way: nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use evenkeel_proto::codec::{Ack, PacketId, PacketType, Publish, QoS, ReasonCode, Text, Version};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{
    Client, Completion, Config, ConnectionId, Input, Instant, Output, Token, Transmit,
};

/// Counts per thread, as tests run side by side.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is
// a plain cell that allocates nothing and needs no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread meanwhile.
fn allocations(work: impl FnOnce()) -> usize {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

const TOPIC: &str = "site/7/level";

const V311: (Version, &[u8]) = (Version::V311, &[0x20, 2, 0, 0]);
const V5: (Version, &[u8]) = (Version::V5, &[0x20, 3, 0, 0, 0]);
/// A server that takes topic aliases.
const V5_ALIASES: (Version, &[u8]) = (Version::V5, &[0x20, 6, 0, 0, 3, 0x22, 0, 5]);

const NOW: Instant = Instant::from_micros(1_000_000);

struct Wire {
    client: Client,
    conn: ConnectionId,
    batch: Transmit,
    /// What the server answers, kept so that its memory is used again.
    inbound: BytesMut,
    reply: Vec<u8>,
}

impl Wire {
    fn online(version: Version, connack: &[u8]) -> Self {
        let mut config = Config::default();
        config.version = version;
        config.connect.client_id = Text::from_static("boat").unwrap();
        let mut client = Client::new(config, 1, NOW).unwrap();
        client.start(NOW);
        let conn = loop {
            if let Output::Open(open) = client.poll(NOW) {
                break open.conn;
            }
        };
        client.handle(NOW, Input::Opened(conn, None));
        let mut inbound = BytesMut::with_capacity(1 << 20);
        inbound.extend_from_slice(connack);
        let mut wire =
            Self { client, conn, batch: Transmit::default(), inbound, reply: Vec::new() };
        wire.read();
        wire.write();
        assert!(wire.client.state().is_online());
        wire
    }

    fn read(&mut self) {
        self.client.handle(NOW, Input::Received(self.conn, &mut self.inbound));
        self.settle();
    }

    fn write(&mut self) {
        while let Some(conn) = self.client.take_transmit(&mut self.batch) {
            let written = self.batch.len();
            self.batch.advance(written);
            self.client.handle(NOW, Input::Written(conn, written));
        }
        self.settle();
    }

    /// Answers every QoS 1 message that waits to be written, and writes them.
    /// All are alike, so that their identifiers stand at the same distance.
    fn acknowledge(&mut self, version: Version) {
        assert!(self.client.take_transmit(&mut self.batch).is_some());
        let properties = usize::from(version == Version::V5);
        let frame = 3 + 2 + TOPIC.len() + 2 + properties + 300;
        for packet in self.batch.chunks().flat_map(|chunk| chunk.chunks_exact(frame)) {
            let place = 3 + 2 + TOPIC.len();
            let packet_id = u16::from_be_bytes([packet[place], packet[place + 1]]);
            Ack::new(PacketId::new(packet_id).unwrap(), ReasonCode::SUCCESS)
                .encode(PacketType::PubAck, version, &mut self.reply)
                .unwrap();
        }
        let written = self.batch.len();
        self.batch.advance(written);
        self.client.handle(NOW, Input::Written(self.conn, written));
        self.settle();
    }

    fn settle(&mut self) {
        while !matches!(self.client.poll(NOW), Output::Wait(_)) {}
    }

    fn publish(&mut self, message: &Publish, number: u64) {
        self.client.publish(NOW, &mut message.clone(), Priority::default(), Token(number)).unwrap();
    }
}

fn message(qos: QoS) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Text::from_static(TOPIC).unwrap(),
        packet_id: None,
        payload: Bytes::from_static(&[0x55; 300]),
        properties: Default::default(),
    }
}

#[test]
fn qos_0_on_its_way_out_allocates_nothing() {
    for (version, connack) in [V311, V5, V5_ALIASES] {
        let mut wire = Wire::online(version, connack);
        let message = message(QoS::AtMostOnce);
        let round = |wire: &mut Wire| {
            for number in 0..100 {
                wire.publish(&message, number);
            }
            wire.write();
        };
        // The buffers grow to their size first.
        for _ in 0..3 {
            round(&mut wire);
        }
        assert_eq!(allocations(|| round(&mut wire)), 0, "{version:?}");
    }
}

/// A payload that is borrowed for the call is copied into the outgoing buffer
/// alone, whatever its size.
#[test]
fn qos_0_from_a_slice_allocates_nothing() {
    for (version, connack) in [V311, V5, V5_ALIASES] {
        let mut wire = Wire::online(version, connack);
        let head = message(QoS::AtMostOnce);
        let payload = vec![7_u8; 20_000];
        let round = |wire: &mut Wire| {
            for size in [0, 300, 16_384, 20_000] {
                let (payload, none) = (&payload[..size], None::<Token>);
                wire.client.publish_slice(NOW, &head, payload, Priority::Normal, none).unwrap();
            }
            wire.write();
        };
        for _ in 0..3 {
            round(&mut wire);
        }
        assert_eq!(allocations(|| round(&mut wire)), 0, "{version:?}");
    }
}

/// What has to be kept is copied once: the least there can be.
#[test]
fn qos_1_from_a_slice_allocates_for_what_is_kept_alone() {
    let mut wire = Wire::online(V311.0, V311.1);
    let head = message(QoS::AtLeastOnce);
    let payload = [0x55; 300];
    let round = |wire: &mut Wire| {
        for number in 0..100 {
            let token = Token(number);
            wire.client.publish_slice(NOW, &head, &payload, Priority::Normal, token).unwrap();
        }
        wire.acknowledge(V311.0);
        wire.inbound.extend_from_slice(&wire.reply);
        wire.reply.clear();
        wire.read();
        while wire.client.next_completion().is_some() {}
    };
    for _ in 0..10 {
        round(&mut wire);
    }
    assert_eq!(allocations(|| round(&mut wire)), 100);
}

#[test]
fn qos_1_and_its_acknowledgement_allocate_nothing() {
    for (version, connack) in [V311, V5] {
        let mut wire = Wire::online(version, connack);
        let message = message(QoS::AtLeastOnce);
        let round = |wire: &mut Wire| {
            for number in 0..100 {
                wire.publish(&message, number);
            }
            wire.acknowledge(version);
            wire.inbound.extend_from_slice(&wire.reply);
            wire.reply.clear();
            wire.read();
            let mut done = 0;
            while let Some(Completion::Publish { result, .. }) = wire.client.next_completion() {
                done += usize::from(result.is_ok());
            }
            assert_eq!(done, 100);
        };
        for _ in 0..10 {
            round(&mut wire);
        }
        assert_eq!(allocations(|| round(&mut wire)), 0, "{version:?}");
    }
}

#[test]
fn a_large_payload_is_passed_on_and_not_copied() {
    let mut wire = Wire::online(V5.0, V5.1);
    let payload = Bytes::from(vec![7_u8; 1 << 20]);
    let large = Publish { payload: payload.clone(), ..message(QoS::AtLeastOnce) };
    wire.publish(&large, 1);
    assert!(wire.client.take_transmit(&mut wire.batch).is_some());
    let shared = wire.batch.chunks().any(|chunk| std::ptr::eq(chunk.as_ptr(), payload.as_ptr()));
    assert!(shared, "the very bytes of the application are written");
}

#[test]
fn an_incoming_payload_is_a_slice_of_what_was_read() {
    let mut wire = Wire::online(V311.0, V311.1);
    let mut bytes = Vec::new();
    message(QoS::AtMostOnce).encode_with(Version::V311, &Default::default(), &mut bytes).unwrap();
    wire.inbound.extend_from_slice(&bytes);
    let place = wire.inbound.as_ptr() as usize;
    wire.read();
    let incoming = wire.client.next_message().unwrap();
    let payload = incoming.publish.payload.as_ptr() as usize;
    assert_eq!(payload, place + bytes.len() - 300);
}
