//! What a reader of captures holds of files that are made to fill its memory.
//!
//! In a binary of its own, for its allocator, and with one test, as that counts
//! for all threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use evenkeel_doctor::{Bounds, Event, Source, SourceId, TextId};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options};

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "capture/support.rs"]
mod support;

use support::{ACK, CONNECT, SYN, Wire};

/// Counts what is asked of the system's allocator and not given back.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(held, Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Forgets what it is told.
struct Nobody;

impl Sink for Nobody {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        Some(SourceId(0))
    }

    fn keep(&mut self, _: &str) -> TextId {
        TextId::NONE
    }

    fn event(&mut self, _: &Event) {}
}

/// The most bytes that were held of a capture of as many connections as are
/// followed, each with the packets that `packets` writes.
fn most(packets: impl Fn(&mut Wire, u32)) -> usize {
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    let mut capture = Capture::new("evil", &Options::default());
    let (mut whole, mut largest) = (Wire::new(), 0);
    for number in 0..Bounds::CONNECTIONS as u32 {
        let [_, b, c, d] = number.to_be_bytes();
        whole.client.0 = [10, b, c, d];
        whole.seq = [100, 100];
        packets(&mut whole, number);
        largest = largest.max(whole.file.capacity());
        capture.feed(&whole.file, &mut Nobody).expect("a capture");
        whole.file.clear();
    }
    assert!(capture.summary().connections <= Bounds::CONNECTIONS as u64);
    // Not what the test itself held.
    MOST.load(Relaxed) - before - largest
}

/// Connections that wait to be told what they are, with all that may wait.
fn undecided(wire: &mut Wire, _: u32) {
    wire.server.1 = 4000;
    wire.raw(0, 0, SYN, b"");
    (0..8).for_each(|_| wire.raw(1, 0, SYN, b""));
}

/// A packet that is not whole, and behind it what came too early, byte by byte.
fn early_bytes(wire: &mut Wire, _: u32) {
    wire.open(0);
    wire.send(0, 0, CONNECT);
    wire.send(0, 0, b"\x82\xF0\xFF\x03");
    for ahead in 0..8 {
        wire.at(0, 0, 10 + 2 * ahead, b"x");
        wire.at(0, 1, 10 + 2 * ahead, b"x");
    }
}

/// Heads of WebSocket, then of TLS, that do not end.
fn heads(wire: &mut Wire, number: u32) {
    wire.open(0);
    let get = [&b"GET /mqtt HTTP/1.1\r\nx: "[..], &[b'x'; 1100]].concat();
    let hello = [&b"\x16\x03\x01\x40\x00\x01\x00\x3F\xFC"[..], &[3; 1100]].concat();
    wire.raw(0, 0, ACK, if number.is_multiple_of(2) { &get } else { &hello });
}

/// Questions for names that are long, and the answers.
fn names(wire: &mut Wire, number: u32) {
    let [_, _, c, d] = number.to_be_bytes();
    let mut ask = [[c, d], [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for _ in 0..3 {
        ask.push(63);
        ask.extend([b'a' + d % 26, c % 26 + b'a'].repeat(32).iter().take(63));
    }
    ask.extend(b"\x04mqtt\0\0\x01\0\x01");
    let mut packet = wire.packet(0, 0, 0, b"");
    packet.truncate(20);
    packet[9] = 17;
    packet[2..4].copy_from_slice(&(28 + ask.len() as u16).to_be_bytes());
    packet.extend([0x80, d, 0, 53]);
    packet.extend((8 + ask.len() as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(&ask);
    wire.ip(0, &packet, usize::MAX);
}

#[test]
fn what_is_held_is_within_the_bound() {
    let all = [
        ("undecided", most(undecided)),
        ("early bytes", most(early_bytes)),
        ("heads", most(heads)),
        ("names", most(names)),
    ];
    for (name, most) in all {
        assert!(most <= Capture::MOST_BYTES, "{name}: {most} bytes");
    }
    // Else these files are not evil enough to show anything.
    let largest = all.iter().map(|(_, most)| *most).max();
    assert!(largest >= Some(Capture::MOST_BYTES * 2 / 3), "{all:?}");
    // What a program with a doctor needs, of 256 MB.
    let both = Capture::MOST_BYTES + Bounds::default().most_bytes();
    assert!(both <= 243 << 20, "{both} bytes");
}
