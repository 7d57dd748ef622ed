//! What a doctor holds of evidence that is made to fill its memory.
//!
//! In a binary of its own, for its allocator, and with one test, as that counts
//! for all threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use evenkeel_doctor::{
    Address, Bounds, CloseHow, ConnectSeen, ConnectionId, Doctor, Event, PacketSeen, Place,
    PublishSeen, Side, Source, SourceId, Time, Vantage, What,
};
use evenkeel_profile::Profile;

/// Counts what is asked of the system's allocator and not given back.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(held, Relaxed);
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
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

/// One part in 128 of the default.
const BOUNDS: Bounds =
    Bounds { connections: 256, clients: 128, rounds: 512, text_bytes: 128 << 10, findings: 64 };

/// Tells a doctor of one source, event by event.
struct Teller {
    doctor: Doctor,
    source: SourceId,
    now: i64,
    made: u32,
}

impl Teller {
    fn new(bounds: Bounds) -> Self {
        let doctor = Doctor::new(Profile::empty(), bounds);
        let mut teller = Self { doctor, source: SourceId(0), now: 0, made: 0 };
        teller.add_source();
        teller
    }

    /// What follows is of a new source.
    fn add_source(&mut self) {
        let resolution = Duration::from_micros(1);
        let (name, vantage) = ("evil".into(), Vantage::Plain);
        let source = self.doctor.source(Source { name, vantage, resolution, calendar: true });
        self.source = source.expect("a source");
    }

    fn tell(&mut self, connection: u32, what: What) {
        self.now += 1_000_000;
        let (at, connection) = (Time(self.now), ConnectionId(connection));
        self.doctor.take(&Event { at, source: self.source, connection, place: Place(1), what });
    }

    fn packet(&mut self, connection: u32, from: Side, packet: PacketSeen) {
        self.tell(connection, What::Packet { from, packet, bytes: 2, inferred: false });
    }

    /// A text that was not there before.
    fn text(&mut self, kind: &str) -> evenkeel_doctor::TextId {
        self.made += 1;
        self.doctor.texts().keep(&format!("{kind}-{:08}", self.made))
    }

    /// A connection from a new host, on which CONNECT comes twice, which is an error.
    fn begin(&mut self, connection: u32, client_id: evenkeel_doctor::TextId) {
        let client = Address { host: self.text("10.0.0"), port: 5000 };
        let server = Address { host: self.text("10.1.0"), port: 1883 };
        self.tell(connection, What::Opening { client, server });
        self.tell(connection, What::Accepted);
        let will_topic = self.text("will");
        let connect = ConnectSeen { client_id, will_topic, ..ConnectSeen::default() };
        self.packet(connection, Side::Client, PacketSeen::Connect(connect));
        self.packet(connection, Side::Client, PacketSeen::Connect(connect));
    }

    /// As much as one connection can have.
    fn fill(&mut self, connection: u32) {
        for from in [Side::Client, Side::Server] {
            self.tell(connection, What::Resent { from, bytes: 1300 });
            self.tell(connection, What::Window { of: from, open: false });
        }
        for _ in 0..12 {
            self.packet(connection, Side::Client, PacketSeen::PingReq);
        }
        for from in [Side::Client, Side::Server] {
            for id in 1..=4 {
                let publish = PublishSeen { id, qos: 1, ..PublishSeen::default() };
                self.packet(connection, from, PacketSeen::Publish(publish));
            }
        }
    }
}

#[test]
fn what_is_held_is_within_the_bounds() {
    let before = HELD.load(Relaxed);
    let mut teller = Teller::new(BOUNDS);
    // As many clients as are remembered, and twice as many rounds of each.
    for client in 0..128 {
        let id = teller.text("pump");
        for connection in 0..8 {
            teller.begin(connection, id);
            let (by, how) = (Side::Client, CloseHow::Reset);
            teller.tell(connection, What::Closing { by, how });
            teller.tell(connection, What::Forgotten);
        }
        if client % 2 == 0 {
            teller.begin(8, id);
        }
    }
    for connection in 0..300 {
        let id = teller.text("pump");
        teller.begin(connection, id);
        teller.fill(connection);
    }
    teller.doctor.finish();
    let held = HELD.load(Relaxed) - before;
    let most = MOST.load(Relaxed) - before;
    let bound = BOUNDS.most_bytes() + (32 << 10);
    println!("{held} {most} {bound}");
    assert!(most <= bound, "{most} of {bound} bytes were held");
    // Else this evidence is not evil enough to show anything.
    assert!(held >= bound * 3 / 4, "{held} of {bound} bytes are held");
    let report = teller.doctor.report();
    assert!(report.events_left_out > 0, "numbers past the bound");
    assert!(report.clients_forgotten > 0 && report.findings_left_out > 0);
    drop(teller);
    sources_that_have_ended();
}

/// A source whose connections are over keeps no more than what each source may.
fn sources_that_have_ended() {
    let before = HELD.load(Relaxed);
    let bounds = Bounds { connections: 32_768, ..BOUNDS };
    let mut teller = Teller::new(bounds);
    for _ in 0..40 {
        teller.add_source();
        for connection in [32_767, 5, 0] {
            let id = teller.text("pump");
            teller.begin(connection, id);
            teller.tell(connection, What::Ended);
        }
        for connection in [5, 32_767, 0] {
            teller.tell(connection, What::Forgotten);
        }
    }
    let held = HELD.load(Relaxed) - before;
    let bound = BOUNDS.most_bytes() + 41 * (32 << 10);
    assert!(held <= bound, "{held} of {bound} bytes are held");
}
