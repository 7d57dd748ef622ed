//! D9: what a queue costs in memory is bounded by what is read of it, not by
//! its length. Alone in its program, as it counts all that is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_proto::codec::{Properties, Publish, QoS, Text};
use evenkeel_store::record::{
    Accepted, Outcome, Priority, Read, Record, Serial, UnixMillis, Window,
};
use evenkeel_store::{FileStore, Fsync, Store};

mod support;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was allocated at once during `act`, beyond what was before.
fn peak(act: impl FnOnce()) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    act();
    PEAK.load(Ordering::Relaxed) - before
}

fn accepted(serial: u64) -> Record {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Text::from_static("site/7/level").unwrap(),
        packet_id: None,
        payload: vec![7; 200].into(),
        properties: Properties::new(),
    };
    let (serial, accepted) = (Serial(serial), UnixMillis(1_800_000_000_000));
    let priority = Priority::Normal;
    Record::Accepted(Accepted { serial, publish, accepted, expires: None, age: None, priority })
}

#[test]
fn the_queue_is_on_disk_and_not_in_memory() {
    const MESSAGES: u64 = 100_000;
    let folder = support::Folder::new();
    let options = FileStore::options().fsync(Fsync::Never);
    let filling = peak(|| {
        let mut store = options.open(folder.path()).unwrap();
        store.recover().unwrap();
        for batch in 0..MESSAGES / 100 {
            let records: Vec<Record> = (batch * 100..batch * 100 + 100).map(accepted).collect();
            store.commit(&records).unwrap();
        }
    });
    let recovering = peak(|| {
        let mut store = options.open(folder.path()).unwrap();
        let recovered = store.recover().unwrap();
        assert_eq!(recovered.queued[1].messages, MESSAGES);
    });
    let draining = peak(|| {
        let mut store = options.open(folder.path()).unwrap();
        store.recover().unwrap();
        let limit = Window { messages: 1000, bytes: 4 << 20 };
        let mut after = None;
        loop {
            let read = Read::Queue { priority: Priority::Normal, after, limit };
            let window = store.read(&read).unwrap();
            let Some(last) = window.last() else { break };
            after = Some(last.serial);
            let done = |serial| Record::Done { serial, outcome: Outcome::Delivered };
            let records: Vec<Record> = window.iter().map(|m| done(m.serial)).collect();
            store.commit(&records).unwrap();
        }
        assert_eq!(after, Some(Serial(MESSAGES - 1)));
    });
    // The messages are 23 MB. A bit for each, the chunk being read, and a
    // window of 1,000 messages are what is left.
    for (what, bytes) in [("filling", filling), ("recovering", recovering), ("draining", draining)]
    {
        println!("{what}: {bytes} bytes");
        assert!(bytes < 3_000_000, "{what} took {bytes} bytes of memory");
    }
    assert!(filling > 100_000, "the count counts nothing");
}
