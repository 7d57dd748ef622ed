//! A client behind its functions, and a server of the test's own at the other end.

use std::collections::{BTreeMap, VecDeque};

use bytes::BytesMut;
use evenkeel_codec::{ConnAck, Decoder, Packet, Publish, ReasonCode, Version};
use evenkeel_wasm::*;

pub(crate) const NONE: u32 = u32::MAX;

/// One record of a drain.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: u32,
    bytes: Vec<u8>,
}

impl Record {
    pub(crate) fn word(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.bytes[offset..offset + 4].try_into().unwrap())
    }

    pub(crate) fn words<const N: usize>(&self, offset: usize) -> [u32; N] {
        std::array::from_fn(|index| self.word(offset + 4 * index))
    }

    pub(crate) fn float(&self, offset: usize) -> f64 {
        f64::from_le_bytes(self.bytes[offset..offset + 8].try_into().unwrap())
    }

    pub(crate) fn bytes(&self, offset: usize, len: u32) -> &[u8] {
        &self.bytes[offset..offset + len as usize]
    }

    pub(crate) fn text(&self, offset: usize, len: u32) -> &str {
        str::from_utf8(self.bytes(offset, len)).unwrap()
    }
}

pub(crate) mod kind {
    pub(crate) const WAIT: u32 = 1;
    pub(crate) const OPEN: u32 = 2;
    pub(crate) const CLOSE: u32 = 3;
    pub(crate) const AUTHENTICATE: u32 = 4;
    pub(crate) const PUBLISHED: u32 = 5;
    pub(crate) const SUBSCRIBED: u32 = 6;
    pub(crate) const UNSUBSCRIBED: u32 = 7;
    pub(crate) const ANSWERED: u32 = 8;
    pub(crate) const MESSAGE: u32 = 9;
    pub(crate) const WRITE: u32 = 10;
    pub(crate) const RELEASED: u32 = 11;
    pub(crate) const PACKET: u32 = 12;
    pub(crate) const EVENT: u32 = 13;
    pub(crate) const CONNECTED: u32 = 14;
    pub(crate) const DISCONNECTED: u32 = 15;
    pub(crate) const MORE: u32 = 16;
    pub(crate) const COMMIT: u32 = 17;
}

/// Writes the arguments of the next call into the input area.
pub(crate) fn input(parts: &[&[u8]]) {
    let all = parts.concat();
    let area = ek_input(all.len() as u32);
    assert!(!area.is_null());
    // SAFETY: the area is at least as long as was asked for.
    unsafe { std::ptr::copy_nonoverlapping(all.as_ptr(), area, all.len()) };
}

pub(crate) fn output(len: u32) -> Vec<u8> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: the output area holds what the last call put there.
    unsafe { std::slice::from_raw_parts(ek_output(), len as usize) }.to_vec()
}

/// The sentence about the last failure.
pub(crate) fn error() -> String {
    String::from_utf8(output(ek_error())).unwrap()
}

pub(crate) fn set_bytes(key: u32, bytes: &[u8]) -> i32 {
    input(&[bytes]);
    ek_set_bytes(key, bytes.len() as u32)
}

/// One client, the clock that the test turns, and what reaches the server.
pub(crate) struct World {
    pub(crate) client: u32,
    pub(crate) now: f64,
    /// The present connection; 0 before the first.
    pub(crate) conn: u32,
    pub(crate) version: Version,
    /// What the caller holds, by number.
    pub(crate) payloads: BTreeMap<u32, Vec<u8>>,
    pub(crate) records: VecDeque<Record>,
    /// Messages that one drain may take.
    pub(crate) most: u32,
    decoder: Decoder,
    sent: BytesMut,
}

impl World {
    /// A client of MQTT 5 with these further settings.
    pub(crate) fn new(configure: impl FnOnce()) -> Self {
        Self::speaking(Version::V5, configure)
    }

    pub(crate) fn speaking(version: Version, configure: impl FnOnce()) -> Self {
        ek_config();
        assert_eq!(ek_set_number(40, f64::from(version.level())), 0);
        assert_eq!(ek_set_number(41, 0.0), 0);
        assert_eq!(set_bytes(1, b"c"), 0);
        configure();
        let client = ek_create(0.0, 1, 2);
        assert!(client > 0, "{}", error());
        Self {
            client: client as u32,
            now: 0.0,
            conn: 0,
            version,
            payloads: BTreeMap::new(),
            records: VecDeque::new(),
            most: NONE,
            decoder: Decoder::for_server(1 << 28),
            sent: BytesMut::new(),
        }
    }

    /// One that is connected.
    pub(crate) fn online(configure: impl FnOnce()) -> Self {
        let mut world = Self::new(configure);
        world.start();
        world.accept(ConnAck::default());
        world
    }

    pub(crate) fn start(&mut self) {
        assert_eq!(ek_start(self.client, self.now), 0);
        self.drain();
        self.open();
    }

    /// The transport that was asked for is open.
    pub(crate) fn open(&mut self) {
        self.expect(kind::OPEN);
        assert_eq!(ek_opened(self.client, self.now, self.conn, 0, NONE, NONE), 0);
        self.drain();
    }

    pub(crate) fn accept(&mut self, connack: ConnAck) {
        assert!(matches!(self.next_packet(), Packet::Connect(_)));
        self.send(Packet::ConnAck(connack));
        self.expect(kind::CONNECTED);
    }

    /// Drains, plays the transport, and keeps the records.
    pub(crate) fn drain(&mut self) {
        loop {
            let len = ek_drain(self.client, self.now, self.most, 1);
            assert!(len > 0, "{}", error());
            let mut records = parse(&output(len as u32));
            let is_more = records.back().unwrap().kind == kind::MORE;
            let writes: Vec<_> =
                records.iter().filter(|one| one.kind == kind::WRITE).cloned().collect();
            for record in &records {
                match record.kind {
                    kind::OPEN => {
                        self.conn = record.word(8);
                        self.decoder = Decoder::for_server(1 << 28);
                        self.sent.clear();
                    }
                    kind::WRITE | kind::CLOSE => self.write(record),
                    kind::RELEASED => {
                        for index in 0..record.word(8) as usize {
                            let number = record.word(12 + 4 * index);
                            assert!(self.payloads.remove(&number).is_some(), "{number} twice");
                        }
                    }
                    _ => {}
                }
            }
            self.records.append(&mut records);
            for write in &writes {
                let [conn, total] = write.words(8);
                assert_eq!(ek_written(self.client, self.now, conn, total), 0);
            }
            if !is_more && writes.is_empty() {
                return;
            }
        }
    }

    fn write(&mut self, record: &Record) {
        let [conn, total, pieces] = record.words(8);
        let before = self.sent.len();
        let mut at = 24 + 8 * pieces as usize;
        for index in 0..pieces as usize {
            let [number, len] = record.words(24 + 8 * index);
            if number == 0 {
                self.take(conn, record.bytes(at, len));
                at += len as usize;
            } else {
                let payload = self.payloads[&number].clone();
                assert_eq!(payload.len(), len as usize);
                self.take(conn, &payload);
            }
        }
        if conn == self.conn {
            assert_eq!(self.sent.len() - before, total as usize);
        }
    }

    fn take(&mut self, conn: u32, bytes: &[u8]) {
        if conn == self.conn {
            self.sent.extend_from_slice(bytes);
        }
    }

    /// What the server received next.
    pub(crate) fn next_packet(&mut self) -> Packet {
        self.packet().expect("the client sent nothing")
    }

    /// The next PUBLISH, now or when it is due; pings before it are answered.
    pub(crate) fn next_publish(&mut self) -> Publish {
        for _ in 0..10 {
            match self.packet() {
                Some(Packet::Publish(publish)) => return publish,
                Some(Packet::PingReq) => self.send(Packet::PingResp),
                Some(other) => panic!("{other:?}"),
                None => {
                    self.pass_deadline();
                }
            }
        }
        panic!("the client publishes nothing");
    }

    pub(crate) fn packet(&mut self) -> Option<Packet> {
        self.decoder.decode(&mut self.sent).unwrap()
    }

    /// The server sends, and the client reads.
    pub(crate) fn send(&mut self, packet: Packet) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.send_bytes(&bytes);
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.receive(bytes);
        self.drain();
    }

    /// Hands a chunk over without a drain.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.received(bytes);
    }

    /// How many of the bytes to come may be skipped.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> i32 {
        let room = ek_reserve(self.client, bytes.len() as u32);
        assert!(!room.is_null(), "{}", error());
        // SAFETY: there is room for as many bytes as were asked for.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len()) };
        let result = ek_received(self.client, self.now, self.conn, bytes.len() as u32);
        assert!(result >= 0, "{}", error());
        result
    }

    /// Time passes up to the deadline, and the client is polled.
    pub(crate) fn pass_deadline(&mut self) -> f64 {
        self.drain();
        let wait = self.records.iter().rev().find(|record| record.kind == kind::WAIT).unwrap();
        let deadline = wait.float(8);
        assert!(deadline >= self.now, "{deadline} is past {}", self.now);
        self.now = deadline;
        self.drain();
        deadline
    }

    /// The next record of this kind; what came before it is dropped.
    pub(crate) fn expect(&mut self, kind: u32) -> Record {
        let kinds: Vec<_> = self.records.iter().map(|record| record.kind).collect();
        while let Some(record) = self.records.pop_front() {
            if record.kind == kind {
                return record;
            }
        }
        panic!("no record of kind {kind} in {kinds:?}");
    }

    /// True if there is a record of this kind; all are dropped.
    pub(crate) fn saw(&mut self, kind: u32) -> bool {
        self.records.drain(..).any(|record| record.kind == kind)
    }

    pub(crate) fn publish(&self, token: u32, flags: u32, topic: &str, payload: &[u8]) -> i32 {
        input(&[topic.as_bytes(), payload]);
        let (topic, len) = (topic.len() as u32, payload.len() as u32);
        ek_publish(self.client, self.now, token, flags, topic, 0, len)
    }

    /// Publishes a payload that stays here.
    pub(crate) fn publish_held(&mut self, token: u32, flags: u32, payload: Vec<u8>) -> u32 {
        let number = ek_payload(payload.len() as u32);
        assert!(number > 0, "{}", error());
        self.payloads.insert(number as u32, payload);
        input(&[b"large"]);
        let result = ek_publish(self.client, self.now, token, flags | 16, 5, 0, number as u32);
        assert!(result >= 0, "{}", error());
        number as u32
    }

    pub(crate) fn subscribe(&self, token: u32, filters: &[(&str, u32)]) -> i32 {
        let bytes = encode_filters(filters);
        input(&[&bytes]);
        let (count, len) = (filters.len() as u32, bytes.len() as u32);
        ek_subscribe(self.client, self.now, token, count, len, 0)
    }

    pub(crate) fn close(&mut self) {
        assert_eq!(ek_closed(self.client, self.now, self.conn, 321, f64::NAN, 0.0), 0);
        self.drain();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        ek_destroy(self.client);
    }
}

pub(crate) fn encode_filters(filters: &[(&str, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (filter, options) in filters {
        bytes.extend(options.to_le_bytes());
        bytes.extend((filter.len() as u32).to_le_bytes());
        bytes.extend(filter.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The records of an output area, each checked for its frame.
pub(crate) fn parse(mut bytes: &[u8]) -> VecDeque<Record> {
    let mut records = VecDeque::new();
    while !bytes.is_empty() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (kind, size) = (word(0), word(4) as usize);
        assert!(size >= 8 && size.is_multiple_of(4) && size <= bytes.len(), "{kind} of {size}");
        let (record, rest) = bytes.split_at(size);
        records.push_back(Record { kind, bytes: record.to_vec() });
        bytes = rest;
    }
    records
}

/// A refusal in CONNACK.
pub(crate) fn refusal(reason: ReasonCode) -> ConnAck {
    ConnAck { reason, ..ConnAck::default() }
}
