//! A task that blocks the only thread does not kill a healthy link (K9).

use std::net::SocketAddr;
use std::sync::mpsc;

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

/// Blocks the client's thread for this long once a ping is answered in the
/// socket; then has the driver run before tokio looks at the socket.
async fn survives(keep_alive: u64, stall: std::time::Duration) {
    let (address, pings) = serve();
    let client = Client::builder(format!("mqtt://{address}")).keep_alive(secs(keep_alive));
    let client = client.start().unwrap();
    within_20_s(client.online()).await.unwrap();
    assert!(client.probe());
    while client.stats().pings_sent == 0 {
        tokio::task::yield_now().await;
    }
    // The stall is the thing under test: nothing on this thread runs
    // meanwhile, as in an application that computes inside of a task.
    std::thread::sleep(stall);
    pings.recv_timeout(secs(10)).unwrap();
    drop(client.publish("a", "x").await.unwrap());
    tokio::task::yield_now().await;
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
    survives(1, millis(1300)).await;
}

/// Just late enough that the ping's time is over, and too early for the
/// second look that a long sleep brings (K10).
#[tokio::test]
async fn a_stall_to_just_behind_the_ping_time_out_is_survived() {
    survives(2, millis(1150)).await;
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
        // As above: during the stall.
        std::thread::sleep(millis(50));
        stream.write_all(&[0x20, 3, 0, 0, 0]).unwrap();
        answered.send(stream).unwrap();
    });
    let client = Client::builder(url).version(Version::V5).connect_timeout(millis(300));
    let client = client.start().unwrap();
    while client.stats().bytes_sent == 0 {
        tokio::task::yield_now().await;
    }
    // As above: CONNACK is in the socket when the thread comes back.
    std::thread::sleep(millis(500));
    let _stream = answer.recv_timeout(secs(10)).unwrap();
    client.probe();
    tokio::task::yield_now().await;
    assert!(client.state().is_online(), "{:?}", client.state());
}
