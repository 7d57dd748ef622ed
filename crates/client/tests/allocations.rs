//! What the hot paths and idle clients take from the allocator.
//!
//! In a binary of its own, for its allocator. Client and peer share a thread
//! and virtual time, and only the client is counted: no count depends on the
//! speed of a machine.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use evenkeel::transport::Endpoint;
use evenkeel::{Client, ClientBuilder, Clock, QoS, ReasonCode, TopicName, Version};
use evenkeel_codec::{Ack, ConnAck, Decoder, Packet, Publish, SubAck};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts what this thread asks of the system's allocator.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    /// Of these, those for as much as a large packet takes.
    static LARGE_CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
    /// The peer is at work, which is not counted.
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

fn count(calls: u64, bytes: isize) {
    if PAUSED.try_with(Cell::get).unwrap_or(true) {
        return;
    }
    // Threads that end allocate too, when their counters are gone.
    let _ = CALLS.try_with(|counter| counter.set(counter.get() + calls));
    if bytes >= LARGE.len() as isize {
        let _ = LARGE_CALLS.try_with(|counter| counter.set(counter.get() + calls));
    }
    let _ = BYTES.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs what is the peer's.
fn uncounted<T>(peer: impl FnOnce() -> T) -> T {
    PAUSED.set(true);
    let result = peer();
    PAUSED.set(false);
    result
}

/// Allocations of this thread so far.
fn calls() -> u64 {
    CALLS.get()
}

/// Bytes that this thread holds.
fn held() -> isize {
    BYTES.get()
}

/// Bytes that the peer gives with one read at most: 64 acknowledgements.
const PER_READ: usize = 256;

/// A scripted peer at the other end of a stream in memory: grants,
/// acknowledges, answers pings, and sends what it is told to. It runs when the
/// client reads or writes, so that the client alone decides how often that is.
#[derive(Clone)]
struct Peer(Arc<Mutex<Script>>);

struct Script {
    decoder: Decoder,
    received: BytesMut,
    to_send: BytesMut,
    per_read: usize,
    reads: u64,
    reader: Option<Waker>,
}

impl Peer {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Script {
            decoder: Decoder::for_server(u32::MAX),
            received: BytesMut::new(),
            to_send: BytesMut::new(),
            per_read: PER_READ,
            reads: 0,
            reader: None,
        })))
    }

    /// Sends a message so many times, so many bytes with each read.
    fn send(&self, publish: Publish, times: usize, per_read: usize) {
        uncounted(|| {
            let mut script = self.0.lock().unwrap();
            script.per_read = per_read;
            let bytes = encoded(&Packet::Publish(publish)).repeat(times);
            script.to_send.extend_from_slice(&bytes);
            script.wake();
        });
    }

    /// Reads of the client so far, those that found nothing included. A stream of
    /// the application's own cannot be asked first whether it has bytes, so
    /// each may take a buffer.
    fn reads(&self) -> u64 {
        self.0.lock().unwrap().reads
    }
}

impl Script {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        while let Some(packet) = self.decoder.decode(&mut self.received).unwrap() {
            if let Some(answer) = reply(&packet) {
                self.to_send.extend_from_slice(&answer);
            }
        }
        if !self.to_send.is_empty() {
            self.wake();
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        uncounted(|| {
            let mut script = self.0.lock().unwrap();
            script.reads += 1;
            let length = script.to_send.len().min(script.per_read).min(buffer.remaining());
            if length == 0 {
                script.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            buffer.put_slice(&script.to_send.split_to(length));
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        uncounted(|| self.0.lock().unwrap().take(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn reply(packet: &Packet) -> Option<Vec<u8>> {
    Some(encoded(&match packet {
        Packet::Connect(_) => Packet::ConnAck(ConnAck::default()),
        Packet::PingReq => Packet::PingResp,
        Packet::Publish(publish) => {
            Packet::PubAck(Ack::new(publish.packet_id?, ReasonCode::SUCCESS))
        }
        Packet::Subscribe(subscribe) => Packet::SubAck(SubAck {
            packet_id: subscribe.packet_id,
            codes: vec![ReasonCode(0)],
            properties: Default::default(),
        }),
        _ => return None,
    }))
}

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(Version::V5, &mut bytes).unwrap();
    bytes
}

/// A client that is online at the peer.
async fn online(peer: &Peer, clock: Clock) -> Client {
    let endpoint = Endpoint::custom({
        let peer = peer.clone();
        move || std::future::ready(Ok(peer.clone()))
    });
    let builder = ClientBuilder::for_endpoint(endpoint).client_id("boat").clock(clock).seed(7);
    let client = builder.maximum_packet_size(64 << 20).start().unwrap();
    client.online().await.unwrap();
    client
}

/// Runs a test on a runtime of this thread and in virtual time, with a client
/// that is online at the peer.
fn run<F: Future<Output = ()>>(test: impl FnOnce(Client, Peer) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let running = async {
            let peer = Peer::new();
            test(online(&peer, Clock::tokio()).await, peer).await;
        };
        tokio::time::timeout(Duration::from_secs(30), running).await.unwrap();
    });
}

/// Waits until so many publishes are acknowledged, whose receipts are dropped.
async fn acknowledged(client: &Client, count: u64) {
    while client.stats().publishes_acknowledged < count {
        settle().await;
    }
}

/// Lets every task do what it can do now; for virtual time.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

const TOPIC: &str = "site/7/level";

fn message(payload: Bytes) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: evenkeel::Text::try_from(TOPIC).unwrap(),
        packet_id: None,
        payload,
        properties: Default::default(),
    }
}

async fn publish(client: &Client, topic: &TopicName, payload: &Bytes, times: usize, qos: QoS) {
    for number in 0..times {
        drop(client.publish(topic, payload.clone()).qos(qos).await.unwrap());
        // Single messages and batches alike.
        if number % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Allocations and reads of 10,000 publishes, a driver's turn after each 7,
/// once buffers have grown.
fn counts_of_publishing(qos: QoS) -> (u64, u64) {
    let counts = Arc::new(Mutex::new((0, 0)));
    let result = counts.clone();
    run(|client, peer| async move {
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&[b'x'; 128]);
        let mut before = (0, 0);
        for _ in 0..2 {
            before = (calls(), peer.reads());
            publish(&client, &topic, &payload, 10_000, qos).await;
            if qos == QoS::AtMostOnce {
                settle().await;
            } else {
                acknowledged(&client, client.stats().publishes_sent).await;
            }
        }
        let after = (calls(), peer.reads());
        assert_eq!(client.stats().publishes_sent, 20_000);
        *result.lock().unwrap() = (after.0 - before.0, after.1 - before.1);
    });
    *counts.lock().unwrap()
}

/// The turns of the driver while 10,000 messages are published, and a few more.
const TURNS: std::ops::RangeInclusive<u64> = 10_000 / 7..=10_000 / 7 + 20;

#[test]
fn a_qos_0_publish_allocates_nothing() {
    let (allocations, reads) = counts_of_publishing(QoS::AtMostOnce);
    assert!(TURNS.contains(&reads), "{reads} reads");
    assert!(allocations <= reads, "{allocations} allocations, {reads} reads");
}

#[test]
fn a_qos_1_publish_allocates_nothing() {
    let (allocations, reads) = counts_of_publishing(QoS::AtLeastOnce);
    // In each turn one read finds acknowledgements; two, around it, find nothing.
    assert!((*TURNS.start()..=3 * TURNS.end()).contains(&reads), "{reads} reads");
    assert!(allocations <= reads, "{allocations} allocations, {reads} reads");
}

const TASKS: u64 = 64;

/// Allocations, and reads, of 200 messages from each of many tasks, which await
/// them one by one, once buffers have grown.
async fn counts_of_tasks() -> (u64, u64) {
    let peer = Peer::new();
    let client = online(&peer, Clock::default()).await;
    let publisher = |client: Client| async move {
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&[b'x'; 128]);
        for _ in 0..200 {
            let publishing = client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce);
            publishing.delivered().await.unwrap();
        }
    };
    let mut before = (0, 0);
    for _ in 0..2 {
        before = (calls(), peer.reads());
        let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(publisher(client.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    (calls() - before.0, peer.reads() - before.1)
}

/// One thread runs everything that is counted, on the runtime of several
/// threads too.
#[test]
fn a_message_of_many_tasks_allocates_nothing_on_both_runtimes() {
    let mut current_thread = tokio::runtime::Builder::new_current_thread();
    let mut multi_thread = tokio::runtime::Builder::new_multi_thread();
    for builder in [&mut current_thread, multi_thread.worker_threads(1)] {
        let runtime = builder.enable_all().build().unwrap();
        let counting = async { tokio::spawn(counts_of_tasks()).await.unwrap() };
        let (allocations, reads) = runtime.block_on(counting);
        // Batches of 32 at least, and reads around each that find nothing; a few
        // allocations for each task that is spawned.
        assert!(reads <= 4 * 200 * TASKS / 32, "{reads} reads");
        assert!(allocations <= reads + 8 * TASKS, "{allocations} allocations, {reads} reads");
    }
}

#[test]
fn receiving_allocates_for_each_read_not_for_each_message() {
    run(|client, peer| async move {
        let mut messages = client.subscribe(TOPIC).await.unwrap();
        let message = message(Bytes::from_static(&[b'x'; 128]));
        let size = encoded(&Packet::Publish(message.clone())).len();
        let mut counted = (0, 0);
        // The first round is for buffers to grow.
        for _ in 0..2 {
            let before = (calls(), peer.reads());
            peer.send(message.clone(), 10_000, 100 * size);
            for _ in 0..10_000 {
                let message = messages.next().await.unwrap();
                assert_eq!(message.payload().len(), 128);
            }
            counted = (calls() - before.0, peer.reads() - before.1);
        }
        let (allocations, reads) = counted;
        // Those that bring 100 messages each, and a few that find no more.
        assert!((100..=120).contains(&reads), "{reads} reads");
        assert!(allocations <= 5 * reads, "{allocations} allocations, {reads} reads");
    });
}

static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];

/// Allocations of a mebibyte and more for each of eight messages of such a size, each
/// dropped before the next is taken, and after two for the memory to grow.
fn large_allocations_of_receiving(size: usize) -> u64 {
    let count = Arc::new(Mutex::new(0));
    let result = count.clone();
    run(move |client, peer| async move {
        let mut messages = client.subscribe(TOPIC).await.unwrap();
        let message = uncounted(|| message(vec![b'x'; size].into()));
        let mut before = 0;
        for number in 0..10 {
            if number == 2 {
                before = LARGE_CALLS.get();
            }
            peer.send(message.clone(), 1, 1 << 20);
            assert_eq!(messages.next().await.unwrap().payload().len(), size);
        }
        uncounted(|| drop(message));
        *result.lock().unwrap() = LARGE_CALLS.get() - before;
    });
    let count = *count.lock().unwrap();
    count / 8
}

/// The memory of those up to 16 MiB is used again, and none larger is kept.
#[test]
fn a_large_message_uses_the_memory_of_one_before() {
    for (size, allocations) in [(1 << 20, 0), (12 << 20, 0), ((16 << 20) - 100, 0)] {
        assert_eq!(large_allocations_of_receiving(size), allocations, "{size} bytes");
    }
    let more = large_allocations_of_receiving(17 << 20);
    assert!((1..=5).contains(&more), "{more} allocations of each");
}

#[test]
fn a_client_gives_back_what_bursts_needed() {
    run(|client, peer| async move {
        settle().await;
        let fresh = held();
        let mut messages = client.subscribe(TOPIC).await.unwrap();
        let large = Bytes::from_static(&LARGE);
        peer.send(message(large.clone()), 4, usize::MAX);
        for _ in 0..4 {
            assert!(messages.next().await.unwrap().payload() == &large);
        }
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&LARGE[..10_000]);
        publish(&client, &topic, &payload, 1_000, QoS::AtMostOnce).await;
        settle().await;
        // Pings go out when nothing else does; the two write buffers are
        // given back one at a time.
        for pings in 1..=2 {
            assert!(client.probe());
            while client.stats().pongs < pings {
                settle().await;
            }
        }
        // The memory of large packets is kept for a second, for the next ones.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let idle = held() - fresh;
        assert!(idle < 32 * 1024, "{idle} bytes more than a client that has done nothing");
    });
}

/// A server that accepts every connection and answers nothing but CONNECT.
fn accept_all() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
            stream.write_all(&encoded(&Packet::ConnAck(ConnAck::default()))).unwrap();
            open.push(stream);
        }
    });
    address
}

/// A client gives back what connecting needed, some real time later.
async fn held_at_rest(most: isize, before: isize) -> isize {
    let limit = Instant::now() + Duration::from_secs(30);
    while held() - before >= most && Instant::now() < limit {
        // Sockets take real time.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    held() - before
}

/// Bytes of one client more over TCP, once it is online and idle. It shares its
/// settings with the others, so that the first, which makes them, is larger.
#[test]
fn a_client_is_small() {
    // Some hundred bytes of it are what its first events say of where it stood.
    const SMALL: isize = 4_480;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Client::builder(format!("mqtt://{}", accept_all()));
        let mut clients = Vec::new();
        let first = builder.clone().start().unwrap();
        first.online().await.unwrap();
        for _ in 0..3 {
            let before = held();
            let client = builder.clone().start().unwrap();
            client.online().await.unwrap();
            let size = held_at_rest(SMALL, before).await;
            assert!(size < SMALL, "{size} bytes");
            println!("a client holds {size} bytes");
            clients.push(client);
        }
    });
}
