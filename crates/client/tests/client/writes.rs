//! Writes per message: what batching saves, counted and never timed. Time is
//! virtual and server and client share a thread, so that no count depends on the
//! speed of a machine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use evenkeel::{Receipt, TopicName};
use evenkeel_codec::{Decoder, Packet};

use crate::support::*;

const MESSAGES: usize = 10_000;
const WINDOW: usize = 100;

/// A server that counts the writes it gets, and answers each with all that it
/// answers; once subscribed to, it sends messages in windows.
struct Counting {
    writes: Arc<AtomicUsize>,
    decoder: Decoder,
    buffer: BytesMut,
    seen: usize,
    /// The most messages to send before they are acknowledged.
    window: usize,
    /// Streams that have a message of each window; they are subscribed to first.
    streams: usize,
    granted: usize,
    /// Messages to send, and those not acknowledged.
    left: usize,
    in_flight: usize,
}

impl Behaviour for Counting {
    fn read(&mut self, written: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(&written[self.seen..]);
        self.seen = written.len();
        let mut answers = Vec::new();
        while let Some(packet) = self.decoder.decode(&mut self.buffer).unwrap() {
            if let Some(answer) = self.answer(packet) {
                answer.encode(Version::V5, &mut answers).unwrap();
            }
        }
        if self.in_flight == 0 {
            self.in_flight = self.left.min(self.window);
            self.left -= self.in_flight;
            for id in 1..=self.in_flight {
                let topic = format!("a/{}", id % self.streams);
                let message = message(&topic, "from the server", AtLeastOnce, id as u16);
                Packet::Publish(message).encode(Version::V5, &mut answers).unwrap();
            }
        }
        answers
    }

    fn write(&mut self, _written: &[u8], bytes: &[u8]) -> std::io::Result<usize> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(bytes.len())
    }
}

impl Counting {
    fn answer(&mut self, packet: Packet) -> Option<Packet> {
        Some(match packet {
            Packet::Connect(_) => Packet::ConnAck(accepted()),
            Packet::Publish(publish) => match publish.qos {
                AtMostOnce => return None,
                AtLeastOnce => puback(publish.packet_id, ReasonCode::SUCCESS),
                ExactlyOnce => pubrec(publish.packet_id),
            },
            Packet::PubRel(ack) => pubcomp(ack.packet_id),
            Packet::Subscribe(subscribe) => {
                self.granted += 1;
                if self.granted == self.streams {
                    self.left = MESSAGES;
                }
                suback(&subscribe, &[1])
            }
            Packet::PubAck(_) => {
                self.in_flight -= 1;
                return None;
            }
            packet => panic!("unexpected {packet:?}"),
        })
    }
}

/// A client that is online, and the count of its writes.
async fn counted() -> (Client, Arc<AtomicUsize>) {
    counted_with(WINDOW, 1, Clock::tokio()).await
}

async fn counted_with(window: usize, streams: usize, clock: Clock) -> (Client, Arc<AtomicUsize>) {
    let writes = Arc::new(AtomicUsize::new(0));
    let server = Counting {
        writes: writes.clone(),
        decoder: Decoder::for_server(u32::MAX),
        buffer: BytesMut::new(),
        seen: 0,
        window,
        streams,
        granted: 0,
        left: 0,
        in_flight: 0,
    };
    let builder = ClientBuilder::for_endpoint(OddStream::new(server).endpoint());
    let builder = builder.version(Version::V5).client_id("boat").clock(clock);
    let client = builder.start().unwrap();
    within_20_s(client.online()).await.unwrap();
    writes.store(0, Ordering::Relaxed);
    (client, writes)
}

/// Publishes all messages with so many under way; returns the writes it took.
async fn writes_of_publishing(qos: QoS, under_way: usize) -> usize {
    let (client, writes) = counted().await;
    let topic = TopicName::try_from("site/7/level").unwrap();
    let publishing = async {
        let mut window: VecDeque<Receipt> = VecDeque::new();
        for _ in 0..MESSAGES {
            if window.len() == under_way {
                window.pop_front().unwrap().await.unwrap();
            }
            window.push_back(client.publish(&topic, &b"64 bytes"[..]).qos(qos).await.unwrap());
        }
        for receipt in window {
            receipt.await.unwrap();
        }
    };
    within_20_s(publishing).await;
    assert_eq!(client.stats().publishes_sent, MESSAGES as u64);
    writes.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_window_of_qos_0_leaves_in_one_write() {
    let writes = writes_of_publishing(AtMostOnce, WINDOW).await;
    assert!(writes <= MESSAGES / WINDOW + 10, "{writes} writes");
}

/// So that the server works on a part while the application publishes the next.
#[tokio::test(start_paused = true)]
async fn a_middling_window_of_qos_1_leaves_in_parts() {
    let writes = writes_of_publishing(AtLeastOnce, WINDOW).await;
    let windows = MESSAGES / WINDOW;
    assert!((2 * windows..=4 * windows + 10).contains(&writes), "{writes} writes");
}

#[tokio::test(start_paused = true)]
async fn a_small_window_of_qos_1_leaves_in_one_write() {
    let writes = writes_of_publishing(AtLeastOnce, 20).await;
    assert!(writes <= MESSAGES / 20 + 10, "{writes} writes");
}

/// Where the server answers each write at once, few are ever in flight.
#[tokio::test(start_paused = true)]
async fn no_part_of_a_window_is_small() {
    let writes = writes_of_publishing(AtLeastOnce, 5_000).await;
    assert!(writes <= MESSAGES / 32 + 10, "{writes} writes");
}

#[tokio::test(start_paused = true)]
async fn a_middling_window_of_qos_2_leaves_in_parts() {
    let writes = writes_of_publishing(ExactlyOnce, WINDOW).await;
    let windows = MESSAGES / WINDOW;
    assert!((2 * windows..=8 * windows + 10).contains(&writes), "{writes} writes");
}

#[tokio::test(start_paused = true)]
async fn qos_0_without_receipts_fills_the_write_buffer_first() {
    let (client, writes) = counted().await;
    let topic = TopicName::try_from("site/7/level").unwrap();
    let publishing = async {
        for _ in 0..MESSAGES {
            drop(client.publish(&topic, &[b'x'; 64][..]).await.unwrap());
        }
        // Acknowledged behind all others.
        client.publish(&topic, &b"last"[..]).qos(AtLeastOnce).delivered().await.unwrap();
    };
    within_20_s(publishing).await;
    let writes = writes.load(Ordering::Relaxed);
    assert!(writes <= 20, "{writes} writes of {MESSAGES} messages");
}

/// Receives all messages of a server that waits for the acknowledgements of
/// each window; returns the writes it took.
async fn writes_of_receiving(window: usize) -> usize {
    let (client, writes) = counted_with(window, 1, Clock::tokio()).await;
    let mut messages =
        within_20_s(client.subscribe("a/0").qos(AtLeastOnce).into_future()).await.unwrap();
    let receiving = async {
        for _ in 0..MESSAGES {
            drop(messages.next().await.unwrap());
        }
    };
    within_20_s(receiving).await;
    writes.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_of_a_small_or_large_window_leave_together() {
    for window in [20, 200] {
        let writes = writes_of_receiving(window).await;
        assert!(writes <= MESSAGES / window + 10, "{writes} writes, window {window}");
    }
}

/// So that the server goes on while the client still works on the window.
#[tokio::test(start_paused = true)]
async fn acknowledgements_of_a_middling_window_leave_in_halves() {
    let writes = writes_of_receiving(WINDOW).await;
    let windows = MESSAGES / WINDOW;
    assert!((2 * windows..=2 * windows + 20).contains(&writes), "{writes} writes of PUBACKs");
}

/// The work of many tasks, on the two kinds of runtime: one thread runs all of
/// them, in an order that the runtime decides alone. That of several threads
/// runs whom a task wakes before those woken earlier.
fn on_both_runtimes<F: Future<Output = usize> + Send + 'static>(work: fn() -> F, most: usize) {
    let mut current_thread = tokio::runtime::Builder::new_current_thread();
    let mut multi_thread = tokio::runtime::Builder::new_multi_thread();
    for builder in [&mut current_thread, multi_thread.worker_threads(1)] {
        let runtime = builder.enable_all().build().unwrap();
        let writes = runtime.block_on(async { tokio::spawn(work()).await.unwrap() });
        assert!(writes <= most, "{writes} writes, {:?}", runtime.handle().runtime_flavor());
    }
}

/// Publishes all messages from so many tasks, each of which awaits its own.
async fn writes_of_publishers<const TASKS: usize>() -> usize {
    let (client, writes) = counted_with(WINDOW, 1, Clock::default()).await;
    let publisher = |client: Client| async move {
        for _ in 0..MESSAGES / TASKS {
            client.publish("site/7/level", "64 bytes").qos(AtLeastOnce).delivered().await.unwrap();
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(publisher(client.clone()))).collect();
    for task in tasks {
        within_20_s(task).await.unwrap();
    }
    writes.load(Ordering::Relaxed)
}

#[test]
fn awaiting_tasks_share_a_write_on_both_runtimes() {
    on_both_runtimes(writes_of_publishers::<8>, MESSAGES / 8 + 10);
    // Some tasks of a round may be one ahead of the others.
    on_both_runtimes(writes_of_publishers::<64>, 2 * MESSAGES / 64 + 10);
    on_both_runtimes(writes_of_publishers::<500>, MESSAGES / 50 + 10);
}

/// Receives all messages by as many streams as a window has messages, a task
/// for each.
async fn writes_of_streams() -> usize {
    let (client, writes) = counted_with(WINDOW, WINDOW, Clock::default()).await;
    let mut tasks = Vec::new();
    for number in 0..WINDOW {
        let subscribing = client.subscribe(format!("a/{number}")).qos(AtLeastOnce).into_future();
        let mut messages = within_20_s(subscribing).await.unwrap();
        tasks.push(tokio::spawn(async move {
            for _ in 0..MESSAGES / WINDOW {
                drop(messages.next().await.unwrap());
            }
            messages
        }));
    }
    let subscribed = writes.load(Ordering::Relaxed);
    let mut streams = Vec::new();
    for task in tasks {
        streams.push(within_20_s(task).await.unwrap());
    }
    writes.load(Ordering::Relaxed) - subscribed
}

#[test]
fn streams_share_a_write_of_acknowledgements_on_both_runtimes() {
    on_both_runtimes(writes_of_streams, 2 * MESSAGES / WINDOW + 10);
}
