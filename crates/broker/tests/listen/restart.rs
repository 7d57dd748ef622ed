//! Listeners that stop and start again.

use std::io::ErrorKind;
use std::time::Duration;

use evenkeel_broker::Broker;
use evenkeel_codec::{Packet, QoS, Version};
use tokio::net::TcpStream;

use crate::client::*;

#[tokio::test]
async fn a_restart_keeps_the_port_and_if_told_so_the_sessions() {
    for keeps in [true, false] {
        let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
        let address = broker.tcp_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, connack) = Client::connect(stream, Version::V5, "a").await;
        assert!(!connack.session_present);
        client.subscribe("t", QoS::AtLeastOnce).await;

        broker.stop(keeps).await.unwrap();
        assert_eq!(client.recv().await, None, "killed, without DISCONNECT");
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(broker.stats().connections_now, 0);

        broker.resume().await.unwrap();
        assert_eq!(broker.tcp_addr(), Some(address));
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, connack) = Client::connect(stream, Version::V5, "a").await;
        assert_eq!(connack.session_present, keeps);
        if !keeps {
            client.subscribe("t", QoS::AtLeastOnce).await;
        }
        client.echo("t", b"x").await;
    }
}

#[tokio::test]
async fn restarts_may_follow_each_other() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    for _ in 0..5 {
        let stream = TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
        let (mut client, _) = Client::connect(stream, Version::V311, "a").await;
        broker.restart(true, Duration::from_millis(1)).await.unwrap();
        assert_eq!(client.recv().await, None);
    }
    let count = |name| broker.recorded().iter().filter(|event| event.name() == name).count();
    assert_eq!((count("stopped"), count("listening")), (5, 6));
    broker.resume().await.unwrap();
    assert_eq!(count("listening"), 6, "already up");
}

#[tokio::test]
async fn a_black_hole_opens_and_says_nothing() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    broker.set_accepting(false);
    let stream = TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let mut client = Client::new(stream, Version::V5);
    client.send(connect(Version::V5, "a")).await;
    // Real time passes here: the point is that nothing comes from a real socket.
    let silence = Duration::from_millis(200);
    assert!(tokio::time::timeout(silence, client.next()).await.is_err());
    broker.set_accepting(true);
    assert!(matches!(client.recv().await, Some(Packet::ConnAck(_))));
}

#[tokio::test]
async fn the_steps_of_a_file_happen_at_their_times() {
    let text = r#"
        [[step]]
        at = "10ms"
        every = "10ms"
        times = 2
        action = { restart = { down_for = "1ms" } }
        [[step]]
        at = "100ms"
        action = { publish = { topic = "t", payload = "kept", retain = true } }
    "#;
    let script = evenkeel_broker::fault::Script::parse(text).unwrap();
    let broker = Broker::builder().script(script).bind_tcp("127.0.0.1:0").start().await.unwrap();
    let mut listening = 0;
    let third = broker.wait_for(TIMEOUT, |event| {
        listening += usize::from(event.name() == "listening");
        listening == 3
    });
    let third = third.await.expect("two restarts");
    assert!(third.time.since_start() >= Duration::from_millis(20));
    let stream = TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let (mut client, _) = Client::connect(stream, Version::V311, "a").await;
    client.subscribe("t", QoS::AtMostOnce).await;
    match client.recv().await {
        Some(Packet::Publish(publish)) => assert_eq!(&publish.payload[..], b"kept"),
        other => panic!("{other:?} in place of PUBLISH"),
    }
    assert_eq!(broker.disconnect_matching("b*", evenkeel_codec::ReasonCode(0x98)), 0);
    assert_eq!(broker.disconnect_matching("*", evenkeel_codec::ReasonCode(0x98)), 1);
    assert_eq!(client.recv().await, None);
}
