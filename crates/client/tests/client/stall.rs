//! A task that blocks the only thread does not kill a healthy link (K9).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use evenkeel::Instant;
use evenkeel_codec::Packet;

use crate::support::*;

/// A server on a thread of its own, which the client's stall does not stall.
/// It accepts one connection, answers pings at once and tells of each.
fn serve() -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (pinged, pings) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let mut peer = Peer::new(tokio::net::TcpStream::from_std(stream).unwrap());
            peer.expect_connect().await;
            peer.send(Packet::ConnAck(accepted())).await;
            while let Some(packet) = peer.receive().await {
                if packet == Packet::PingReq {
                    // The answer is to come when the client stalls, not before.
                    std::thread::sleep(millis(50));
                    peer.send(Packet::PingResp).await;
                    // Nobody listens once the test is over.
                    let _ = pinged.send(());
                }
            }
        });
    });
    (address, pings)
}

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::custom(move || hand.now())
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn advance(&self, span: Duration) {
        let micros = span.as_micros().try_into().unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Bytes need a moment from one socket to the other, and nobody may look
/// whether they have arrived without telling tokio's reactor.
fn let_bytes_arrive() {
    std::thread::sleep(millis(50));
}

/// A client with a ping on its way, not yet answered.
async fn pinging(builder: ClientBuilder) -> Client {
    let client = builder.start().unwrap();
    within_20_s(client.online()).await.unwrap();
    assert!(client.probe());
    while client.stats().pings_sent == 0 {
        tokio::task::yield_now().await;
    }
    client
}

/// Has the driver run before tokio looks at the socket again.
async fn run_driver_first(client: &Client) {
    drop(client.publish("a", "x").try_send());
    tokio::task::yield_now().await;
}

async fn assert_survived(client: &Client) {
    assert!(client.state().is_online(), "{:?}", client.state());
    let answered = async {
        while client.stats().pongs == 0 {
            tokio::task::yield_now().await;
        }
    };
    within_20_s(answered).await;
    assert_eq!(client.stats().connects, 1);
}

#[tokio::test]
async fn a_stall_longer_than_the_keep_alive_is_survived() {
    let (address, pings) = serve();
    let builder = Client::builder(format!("mqtt://{address}")).keep_alive(secs(1));
    let client = pinging(builder).await;
    // The stall is the thing under test: nothing on this thread runs
    // meanwhile, as in an application that computes inside of a task.
    std::thread::sleep(millis(1300));
    pings.recv_timeout(secs(10)).unwrap();
    run_driver_first(&client).await;
    assert_survived(&client).await;
}

/// At any moment from the end of the ping's time on, also if it is too
/// early for the second chance that a long sleep gives (K10).
#[tokio::test]
async fn a_stall_to_any_moment_behind_the_ping_time_out_is_survived() {
    for behind in [0, 1, 1_000, 124_999, 125_000, 125_001, 10_000_000] {
        let (address, pings) = serve();
        let hand = Hand::default();
        let builder = Client::builder(format!("mqtt://{address}")).clock(hand.clock());
        let client = pinging(builder.ping_timeout(secs(1))).await;
        pings.recv_timeout(secs(10)).unwrap();
        let_bytes_arrive();
        hand.advance(secs(1) + Duration::from_micros(behind));
        run_driver_first(&client).await;
        assert_survived(&client).await;
    }
}

/// A handle may move the core's clock over the deadline after the driver has
/// looked at its own: what has arrived is read before that is judged, too.
#[tokio::test]
async fn a_handle_that_is_ahead_of_the_driver_does_not_kill_the_link() {
    let (address, pings) = serve();
    let hand = Hand::default();
    let interrupting: Arc<Mutex<Option<Client>>> = Arc::default();
    let clock = {
        let (hand, interrupting) = (hand.clone(), interrupting.clone());
        Clock::custom(move || {
            let looked_at = hand.now();
            let client = interrupting.lock().unwrap().take();
            if let Some(client) = client {
                hand.advance(secs(1));
                assert!(client.probe());
            }
            looked_at
        })
    };
    let builder = Client::builder(format!("mqtt://{address}")).clock(clock);
    let client = pinging(builder.ping_timeout(secs(1))).await;
    pings.recv_timeout(secs(10)).unwrap();
    let_bytes_arrive();
    *interrupting.lock().unwrap() = Some(client.clone());
    run_driver_first(&client).await;
    assert!(interrupting.lock().unwrap().is_none(), "the driver has had its turn");
    assert_survived(&client).await;
}

/// The same for the answer to CONNECT.
#[tokio::test]
async fn a_stall_over_the_connect_time_out_is_survived() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let (answered, answer) = mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 1024];
        assert!(stream.read(&mut bytes).unwrap() > 0);
        // The answer is to come when the client stalls, not before.
        std::thread::sleep(millis(50));
        stream.write_all(&[0x20, 3, 0, 0, 0]).unwrap();
        answered.send(stream).unwrap();
    });
    let hand = Hand::default();
    let builder = Client::builder(url).version(Version::V5).connect_timeout(secs(5));
    let client = builder.clock(hand.clock()).start().unwrap();
    while client.stats().bytes_sent == 0 {
        tokio::task::yield_now().await;
    }
    let _stream = answer.recv_timeout(secs(10)).unwrap();
    let_bytes_arrive();
    hand.advance(secs(5));
    run_driver_first(&client).await;
    assert!(client.state().is_online(), "{:?}", client.state());
}
