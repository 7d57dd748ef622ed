//! What the hot paths and idle clients take from the allocator.
//!
//! In a binary of its own, for its allocator. Only the client's thread is
//! counted; the server has another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use evenkeel::{Client, QoS, ReasonCode, TopicName, Version};
use evenkeel_codec::{Ack, ConnAck, Decoder, Packet, Publish, SubAck};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Counts what this thread asks of the system's allocator.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(calls: u64, bytes: isize) {
    // Threads that end allocate too, when their counters are gone.
    let _ = CALLS.try_with(|counter| counter.set(counter.get() + calls));
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

/// Allocations of this thread so far.
fn calls() -> u64 {
    CALLS.get()
}

/// Bytes that this thread holds.
fn held() -> isize {
    BYTES.get()
}

/// What the server is to do next.
enum Order {
    /// Send a message so many times.
    Send(Publish, usize),
}

/// A server on its own thread: grants, acknowledges, answers pings, and sends
/// what it is told to.
fn serve() -> (SocketAddr, mpsc::Sender<Order>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (order, orders) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut reader, mut writer) =
                tokio::net::TcpStream::from_std(stream).unwrap().into_split();
            let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
            let sender = answer.clone();
            std::thread::spawn(move || {
                while let Ok(Order::Send(publish, times)) = orders.recv() {
                    let bytes = encoded(&Packet::Publish(publish)).repeat(times);
                    if sender.send(bytes).is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move {
                while let Some(bytes) = answers.recv().await {
                    writer.write_all(&bytes).await.unwrap();
                }
            });
            let mut decoder = Decoder::for_server(u32::MAX);
            let mut buffer = BytesMut::new();
            while let Ok(1..) = reader.read_buf(&mut buffer).await {
                while let Some(packet) = decoder.decode(&mut buffer).unwrap() {
                    if let Some(bytes) = reply(&packet) {
                        answer.send(bytes).unwrap();
                    }
                }
            }
        });
    });
    (address, order)
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

/// Runs a test on a runtime of this thread, with a client that is online.
fn run<F: Future<Output = ()>>(test: impl FnOnce(Client, mpsc::Sender<Order>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (address, order) = serve();
        let client = Client::builder(format!("mqtt://{address}")).start().unwrap();
        let running = async {
            client.online().await.unwrap();
            test(client, order).await;
        };
        tokio::time::timeout(Duration::from_secs(30), running).await.unwrap();
    });
}

/// Waits until everything that was published is written.
async fn written(client: &Client) {
    client.publish(TOPIC, "the last").delivered().await.unwrap();
}

/// Waits until so many publishes are acknowledged.
async fn acknowledged(client: &Client, count: u64) {
    while client.stats().publishes_acknowledged < count {
        // The server's thread takes real time, and the receipts are dropped.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets the driver work off what there is.
async fn quiet(client: &Client) {
    let mut before = client.stats();
    loop {
        // What the server's thread does takes real time, and nothing tells when it is done.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = client.stats();
        if now == before {
            return;
        }
        before = now;
    }
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

#[test]
fn a_qos_0_publish_allocates_nothing() {
    run(|client, _| async move {
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&[b'x'; 128]);
        publish(&client, &topic, &payload, 10_000, QoS::AtMostOnce).await;
        written(&client).await;
        let before = calls();
        publish(&client, &topic, &payload, 10_000, QoS::AtMostOnce).await;
        let allocations = calls() - before;
        assert_eq!(client.stats().publishes_sent, 20_001);
        assert_eq!(allocations, 0, "allocations of 10,000 publishes");
    });
}

#[test]
fn a_qos_1_publish_allocates_next_to_nothing() {
    run(|client, _| async move {
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&[b'x'; 128]);
        publish(&client, &topic, &payload, 10_000, QoS::AtLeastOnce).await;
        acknowledged(&client, 10_000).await;
        let before = calls();
        publish(&client, &topic, &payload, 10_000, QoS::AtLeastOnce).await;
        acknowledged(&client, 20_000).await;
        let allocations = calls() - before;
        assert_eq!(client.stats().publishes_acknowledged, 20_000);
        // Read buffers for bursts of acknowledgements, not each of them.
        assert!(allocations < 2_000, "{allocations} allocations of 10,000 publishes");
    });
}

#[test]
fn a_received_message_allocates_next_to_nothing() {
    run(|client, order| async move {
        let mut messages = client.subscribe(TOPIC).await.unwrap();
        let message = message(Bytes::from_static(&[b'x'; 128]));
        let mut allocations = 0;
        // The first round is for buffers to grow.
        for _ in 0..2 {
            let before = calls();
            order.send(Order::Send(message.clone(), 10_000)).unwrap();
            for _ in 0..10_000 {
                let message = messages.next().await.unwrap();
                assert_eq!(message.payload().len(), 128);
            }
            allocations = calls() - before;
        }
        // One for the order to the server, the others for read buffers.
        assert!(allocations < 1_000, "{allocations} allocations of 10,000 messages");
    });
}

static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];

#[test]
fn a_client_gives_back_what_bursts_needed() {
    run(|client, order| async move {
        quiet(&client).await;
        let fresh = held();
        let mut messages = client.subscribe(TOPIC).await.unwrap();
        let large = Bytes::from_static(&LARGE);
        order.send(Order::Send(message(large.clone()), 4)).unwrap();
        for _ in 0..4 {
            assert!(messages.next().await.unwrap().payload() == &large);
        }
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(&LARGE[..10_000]);
        publish(&client, &topic, &payload, 1_000, QoS::AtMostOnce).await;
        written(&client).await;
        // Pings go out when nothing else does; the two write buffers are
        // given back one at a time.
        for pings in 1..=2 {
            assert!(client.probe());
            while client.stats().pongs < pings {
                // Pings keep their distance, and nothing tells of their answers.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // The memory of large packets is kept for a second, for the next ones.
        let idle = || held() - fresh;
        let patience = Instant::now() + Duration::from_secs(30);
        while idle() >= 32 * 1024 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let idle = idle();
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

/// Bytes of one client more, once it is online and idle. It shares its
/// settings with the others.
#[test]
fn a_client_is_small() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Client::builder(format!("mqtt://{}", accept_all()));
        let mut clients = Vec::new();
        let mut sizes = Vec::new();
        for _ in 0..4 {
            let before = held();
            let client = builder.clone().start().unwrap();
            client.online().await.unwrap();
            quiet(&client).await;
            sizes.push(held() - before);
            clients.push(client);
        }
        let size = *sizes.iter().min().unwrap();
        assert!(size < 4_150, "{size} bytes: {sizes:?}");
        println!("a client holds {size} bytes: {sizes:?}");
    });
}
