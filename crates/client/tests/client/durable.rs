//! A client with a store, through the public API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use evenkeel::events::Instant;
use evenkeel::store::record::{Read, Record, Recovered};
use evenkeel::store::{Bound, FileStore, MemoryStore, Store, StoreError, Usage};
use evenkeel::transport::{Endpoint, MemoryListener};
use evenkeel::{
    DeliveryError, Event, PublishError, QueueError, RejectReason, Serial, StorageFailure,
    StoredMessage, StoredState, Window,
};
use evenkeel_broker::Broker;

use crate::support::*;

const ALL: Window = Window { messages: usize::MAX, bytes: usize::MAX };

/// Where nobody listens.
const NOWHERE: &str = "mqtt://127.0.0.1:1";

/// A folder of this test's own.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("evenkeel-{name}-{}", std::process::id()));
    // What an earlier run with this process id left.
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// D3, D1, D12: what was accepted while offline is reported as stored, and the
/// next client delivers it, exactly once and in order.
#[tokio::test]
async fn messages_outlive_the_client_that_accepted_them() {
    let folder = folder("outlive");
    for version in [Version::V311, Version::V5] {
        let first = Client::builder(NOWHERE).version(version).client_id("boat");
        let first = first.store(FileStore::open(&folder).unwrap()).start().unwrap();
        let mut receipts = Vec::new();
        for number in 0..50 {
            let publish = first.publish("t", number.to_string()).qos(ExactlyOnce);
            receipts.push(publish.await.unwrap());
        }
        let report = first.shutdown(millis(10)).await;
        assert_eq!((report.queued, report.stored), (50, 50));
        for receipt in receipts {
            assert_eq!(receipt.await, Err(DeliveryError::StillStored { attempts: 0 }));
        }

        let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
        let receiver = Client::builder(broker.url()).start().unwrap();
        let mut messages = receiver.subscribe("t").qos(ExactlyOnce).await.unwrap();
        // No client identifier: that of the store.
        let second = Client::builder(broker.url()).version(version).reconnect(hasty());
        let second = second.store(FileStore::open(&folder).unwrap()).start().unwrap();
        let mut events = second.events();
        for number in 0..50 {
            let message = messages.next().await.unwrap();
            assert_eq!(message.payload(), number.to_string().as_bytes());
        }
        second.drained().await;
        let mut settled = 0;
        while settled < 50 {
            if let Event::Settled { result, .. } = events.next().await.unwrap().event {
                assert_eq!(result, Ok(()));
                settled += 1;
            }
        }
        assert!(second.shutdown(secs(5)).await.is_clean());
        let mut left = FileStore::open(&folder).unwrap();
        let recovered = left.recover().unwrap();
        assert_eq!(recovered.client_id.as_deref(), Some("boat"));
        assert_eq!(left.list(None, ALL).unwrap(), [], "nothing is left");
        drop(left);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// A store in the hands of a process: what that commits after its death does
/// not count. The next process looks into the store when this one has let go.
struct Mortal {
    store: MemoryStore,
    life: Arc<Mutex<Life>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Life {
    Alive,
    Dead,
}

impl Mortal {
    /// Runs `act` while the process lives.
    fn living<T>(
        &mut self,
        act: impl FnOnce(&mut MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let life = self.life.lock().unwrap();
        match *life {
            Life::Alive => act(&mut self.store),
            Life::Dead => Err(StoreError::Bound(Bound::Full { bytes: 0, limit: 0 })),
        }
    }
}

impl Store for Mortal {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        self.living(MemoryStore::recover)
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.living(|store| store.commit(records))
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        self.living(|store| store.read(read))
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.living(|store| store.list(after, limit))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.living(MemoryStore::flush)
    }

    fn usage(&self) -> Usage {
        self.store.usage()
    }
}

/// A store that commits every other batch in place, and notes for each whether
/// it did, and on which thread.
struct Picky {
    store: MemoryStore,
    declines: bool,
    commits: Arc<Mutex<Vec<(bool, ThreadId)>>>,
}

impl Picky {
    fn note(&self, in_place: bool) {
        self.commits.lock().unwrap().push((in_place, std::thread::current().id()));
    }
}

impl Store for Picky {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        self.store.recover()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.note(false);
        self.store.commit(records)
    }

    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        self.declines = !self.declines;
        if self.declines {
            return None;
        }
        self.note(true);
        self.store.commit_in_place(records)
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        self.store.read(read)
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.store.list(after, limit)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.store.flush()
    }

    fn usage(&self) -> Usage {
        self.store.usage()
    }
}

#[tokio::test]
async fn what_a_store_declines_in_place_goes_to_its_thread_in_order() {
    let (store, commits) = (MemoryStore::new(), Arc::default());
    let picky = Picky { store: store.clone(), declines: false, commits: Arc::clone(&commits) };
    let client = Client::builder(NOWHERE).client_id("boat").store(picky).start().unwrap();
    for number in 0..20 {
        drop(soon(client.publish("t", number.to_string()).qos(AtLeastOnce).into_future()).await);
    }
    let stored = store.clone().list(None, ALL).unwrap();
    let payloads: Vec<_> = stored.iter().map(|message| message.publish.payload.clone()).collect();
    assert_eq!(payloads, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    let here = std::thread::current().id();
    let commits = commits.lock().unwrap().clone();
    for in_place in [true, false] {
        assert!(commits.iter().filter(|commit| commit.0 == in_place).count() >= 10);
    }
    assert!(commits.iter().all(|(in_place, thread)| *in_place == (*thread == here)));
}

/// D3: processes that die with their runtime, again and again, each at once
/// with what it has in the store by then.
#[test]
fn nothing_is_lost_or_doubled_when_clients_die() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let world = runtime();
    let store = MemoryStore::new();
    let broker = world.block_on(Broker::builder().bind_tcp("127.0.0.1:0").start()).unwrap();
    let receiver = world.block_on(async { Client::builder(broker.url()).start().unwrap() });
    let subscribed = world.block_on(async { receiver.subscribe("n/#").qos(ExactlyOnce).await });
    let mut messages = subscribed.unwrap();
    let mut accepted = 0_u32;
    for _ in 0..20 {
        let process = runtime();
        let life = Arc::new(Mutex::new(Life::Alive));
        let mortal = Mortal { store: store.clone(), life: life.clone() };
        let publishing = async {
            let client = Client::builder(broker.url()).client_id("mortal").reconnect(hasty());
            let client = client.store(mortal).start().unwrap();
            for _ in 0..20 {
                let qos = if accepted.is_multiple_of(2) { AtLeastOnce } else { ExactlyOnce };
                let topic = format!("n/{}", qos.level());
                drop(client.publish(topic, accepted.to_string()).qos(qos).await.unwrap());
                accepted += 1;
            }
            client
        };
        let client = process.block_on(publishing);
        *life.lock().unwrap() = Life::Dead;
        // Without its runtime it sends nothing any more: no packet of a dead
        // process may reach the server after the next one has connected.
        process.shutdown_timeout(secs(60));
        drop(client);
    }
    let last = async {
        let client = Client::builder(broker.url()).reconnect(hasty());
        let client = client.store(store.clone()).start().unwrap();
        client.drained().await;
        // It comes behind all copies of the others.
        let end = receiver.publish("n/end", "end").qos(ExactlyOnce).await.unwrap();
        let mut seen: HashMap<u32, u32> = HashMap::new();
        loop {
            let message = messages.next().await.unwrap();
            let payload = std::str::from_utf8(message.payload()).unwrap();
            let Ok(number) = payload.parse() else { break };
            *seen.entry(number).or_default() += 1;
        }
        assert!(end.await.is_ok());
        client.shutdown(secs(5)).await;
        seen
    };
    let seen = world.block_on(async { tokio::time::timeout(secs(60), last).await }).unwrap();
    for number in 0..accepted {
        let count = seen.get(&number).copied().unwrap_or_default();
        assert!(count >= 1, "{number} was lost");
        assert!(number.is_multiple_of(2) || count == 1, "{number} came {count} times");
    }
}

/// A store that takes no message.
fn full(call: Call<'_>) -> Result<(), StoreError> {
    match call {
        Call::Commit(records) if records.iter().any(|r| matches!(r, Record::Accepted(_))) => {
            Err(StoreError::Bound(Bound::Full { bytes: 0, limit: 0 }))
        }
        _ => Ok(()),
    }
}

#[tokio::test]
async fn a_store_that_fails_refuses_and_the_connection_stays() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    let client = Client::builder(broker.url()).store(Faulty::new(full)).start().unwrap();
    client.online().await.unwrap();
    let refused = client.publish("t", "x").qos(AtLeastOnce).await.err();
    let full = PublishError::Rejected(RejectReason::Storage(StorageFailure::Full));
    assert_eq!(refused, Some(full));
    let receipt = client.publish("t", "x").qos(AtMostOnce).await.unwrap();
    assert!(receipt.await.is_ok(), "QoS 0 needs no store");
    assert!(client.state().is_online());
    assert_eq!(client.stats().connections, 1);
}

/// A store that takes long in real time, and fails.
fn slow(call: Call<'_>) -> Result<(), StoreError> {
    match call {
        Call::Commit(_) => {
            // Real time has to pass, as it must not count while time is paused.
            std::thread::sleep(millis(300));
            full(call)
        }
        _ => Ok(()),
    }
}

/// The store has a thread of its own, which asks the client's clock.
#[tokio::test(start_paused = true)]
async fn a_slow_store_does_not_move_paused_time() {
    let nobody = MemoryListener::new(1, 1).connector();
    let builder = ClientBuilder::for_endpoint(Endpoint::memory(nobody)).clock(Clock::tokio());
    let client = builder.store(Faulty::new(slow)).start().unwrap();
    let mut events = client.events();
    let publisher = client.clone();
    let publishing =
        tokio::spawn(async move { publisher.publish("t", "x").qos(AtLeastOnce).await.map(drop) });
    let failed_at = loop {
        match events.try_next() {
            Some(report) if matches!(report.event, Event::StoreFailed { .. }) => break report.at,
            Some(_) => {}
            // A runtime that is never idle does not advance the time.
            None => tokio::task::yield_now().await,
        }
    };
    assert!(failed_at < Instant::from_micros(100_000), "{failed_at:?}");
    publishing.await.unwrap().unwrap_err();
}

/// A store with a defect: it panics when it is asked for a message, or for more
/// than one.
fn panicking(call: Call<'_>) -> Result<(), StoreError> {
    match call {
        Call::Commit(_) => {}
        Call::Read => panic!("no messages here"),
        Call::List(limit) => assert!(limit.messages == 1, "one at a time"),
    }
    Ok(())
}

/// The panic is the outcome of what it happened in, and of nothing else.
#[tokio::test]
async fn a_store_that_panics_is_asked_again() {
    let client = Client::builder(NOWHERE).store(Faulty::new(panicking)).start().unwrap();
    let publish = |text| client.publish("t", text).qos(AtLeastOnce);
    let first = publish("one").await.unwrap();
    let error = client.queue().list(None, ALL).await.unwrap_err();
    assert!(matches!(error, StoreError::Panicked), "{error}");
    assert!(error.hint().contains("defect of the store"));
    let one = Window { messages: 1, bytes: 1 };
    let listed = client.queue().list(None, one).await.unwrap();
    assert_eq!(listed[0].publish.payload, "one");
    // Not held in memory: it has to be read, which fails.
    let unknown = Serial(u64::MAX);
    let failed = QueueError::Storage(StorageFailure::Other(None));
    assert_eq!(client.queue().remove(unknown).await, Err(failed));
    let second = publish("two").await.unwrap();
    let report = client.shutdown(secs(5)).await;
    assert_eq!((report.queued, report.stored), (2, 2));
    for receipt in [first, second] {
        assert_eq!(receipt.await, Err(DeliveryError::StillStored { attempts: 0 }));
    }
}

/// D12: a shutdown returns although the disk never does, and says of a message
/// that it is not known to be stored.
#[tokio::test]
async fn a_shutdown_returns_although_the_store_does_not() {
    let (disk, gate) = std::sync::mpsc::channel::<()>();
    let stuck = Faulty::new(move |call: Call<'_>| {
        if let Call::Commit(_) = call {
            // Ends when the test does.
            let _ = gate.recv();
        }
        Ok(())
    });
    let client = Client::builder(NOWHERE).store(stuck).start().unwrap();
    let receipt = client.publish("t", "x").qos(AtLeastOnce).try_send().unwrap();
    let shutdown = client.shutdown(millis(10));
    let report = tokio::time::timeout(secs(60), shutdown).await.expect("it is not waited for");
    assert_eq!((report.queued, report.stored), (1, 0));
    assert_eq!(receipt.await, Err(DeliveryError::NotStored(StorageFailure::TimedOut)));
    drop(disk);
}

#[tokio::test]
async fn queued_messages_can_be_looked_at_and_taken_out() {
    for stored in [false, true] {
        let builder = Client::builder(NOWHERE);
        let builder = if stored { builder.store(MemoryStore::new()) } else { builder };
        let client = builder.start().unwrap();
        let mut receipts = Vec::new();
        for number in 0..3 {
            let publish = client.publish("t", number.to_string()).qos(AtLeastOnce);
            receipts.push(publish.await.unwrap());
        }
        let queue = client.queue();
        let listed = queue.list(None, ALL).await.unwrap();
        let payloads: Vec<_> = listed.iter().map(|message| &message.publish.payload[..]).collect();
        assert_eq!(payloads, [b"0", b"1", b"2"]);
        assert!(listed.iter().all(|message| message.state == StoredState::Queued));
        let one = Window { messages: 1, bytes: 1 };
        let second = queue.list(Some(listed[0].serial), one).await.unwrap();
        assert_eq!(second, [listed[1].clone()]);
        let removed = queue.remove(listed[1].serial).await.unwrap();
        assert_eq!(removed.publish, listed[1].publish);
        assert_eq!(receipts.remove(1).await, Err(DeliveryError::Removed));
        assert_eq!(queue.remove(listed[1].serial).await, Err(QueueError::Unknown));
        let queued = listed[0].serial;
        assert_eq!(queue.requeue(queued).await, Err(QueueError::NotQuarantined));
        assert_eq!(queue.list(None, ALL).await.unwrap().len(), 2);
        assert_eq!(client.queued(), 2);
    }
}

#[tokio::test]
async fn a_store_of_another_client_is_not_taken() {
    let store = MemoryStore::new();
    let first = Client::builder(NOWHERE).client_id("one").store(store.clone()).start().unwrap();
    first.shutdown(millis(10)).await;
    let error = Client::builder(NOWHERE).client_id("two").store(store).start().err().unwrap();
    assert!(error.to_string().contains("another client identifier"), "{error}");
}

/// The store is closed when shutdown returns: its folder can be opened again.
#[tokio::test]
async fn a_store_is_free_after_shutdown() {
    let folder = folder("free");
    for _ in 0..3 {
        let client = Client::builder(NOWHERE).store(FileStore::open(&folder).unwrap());
        let client = client.start().unwrap();
        drop(client.publish("t", "x").qos(AtLeastOnce).await.unwrap());
        client.shutdown(millis(10)).await;
    }
    let mut store = FileStore::open(&folder).unwrap();
    assert_eq!(store.list(None, ALL).unwrap().len(), 3);
    drop(store);
    std::fs::remove_dir_all(&folder).unwrap();
}
