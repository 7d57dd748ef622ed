//! In memory, where time can stand still.

use std::time::{Duration, SystemTime};

use evenkeel_broker::Broker;
use evenkeel_codec::{Connect, Packet, QoS, ReasonCode, Version, Will};

use crate::client::*;

#[tokio::test(start_paused = true)]
async fn keep_alive_on_paused_time() {
    let broker = Broker::builder().start().await.unwrap();
    let mut client = Client::new(broker.connect(), Version::V5);
    let Packet::Connect(connect) = connect(Version::V5, "a") else { panic!() };
    client.send(Packet::Connect(Connect { keep_alive: 1000, ..connect })).await;
    assert!(matches!(client.next().await, Some(Packet::ConnAck(_))));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1_499_999)).await;
        client.send(Packet::PingReq).await;
        assert_eq!(client.next().await, Some(Packet::PingResp));
    }
    let begin = tokio::time::Instant::now();
    match client.next().await {
        Some(Packet::Disconnect(packet)) => {
            assert_eq!(packet.reason, ReasonCode::KEEP_ALIVE_TIMEOUT);
        }
        other => panic!("{other:?} in place of DISCONNECT"),
    }
    let silence = begin.elapsed().as_millis();
    assert!((1_500_000..=1_500_002).contains(&silence), "{silence} ms");
    assert_eq!(broker.stats().keep_alive_timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn session_timers_on_paused_time() {
    let broker = Broker::builder().start().await.unwrap();
    let (client, _) = Client::connect(broker.connect(), Version::V5, "a").await;
    drop(client);
    closed(&broker, 1).await;
    tokio::time::sleep(Duration::from_millis(999_990)).await;
    assert_eq!(broker.session_count(), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(broker.session_count(), 0);
    assert_eq!(broker.url(), "");
}

#[tokio::test]
async fn the_handle_publishes_and_asks() {
    let broker = Broker::builder().start().await.unwrap();
    let message = |payload: &'static str| Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "t".try_into().unwrap(),
        payload: payload.as_bytes().into(),
        properties: evenkeel_codec::Properties::new(),
    };
    assert!(!broker.publish(message("nobody")));
    let (mut client, _) = Client::connect(broker.connect(), Version::V311, "a").await;
    client.subscribe("t", QoS::AtMostOnce).await;
    assert!(broker.publish(message("hello")));
    match client.recv().await {
        Some(Packet::Publish(publish)) => assert_eq!(&publish.payload[..], b"hello"),
        other => panic!("{other:?} in place of PUBLISH"),
    }
    assert_eq!((broker.subscription_count(), broker.queued("a")), (1, Some(0)));
    let mut events = broker.events();
    client.ping().await;
    let names = [events.recv().await.unwrap(), events.recv().await.unwrap()];
    assert_eq!(names.map(|event| event.name().to_owned()), ["ping_received", "ping_answered"]);
    assert!(broker.disconnect("a", ReasonCode::ADMINISTRATIVE_ACTION));
    assert_eq!(client.recv().await, None);
    assert!(!broker.disconnect("a", ReasonCode::ADMINISTRATIVE_ACTION));
    let nothing = broker.wait_for(Duration::from_millis(1), |event| event.name() == "fault").await;
    assert_eq!(nothing, None);
}

#[tokio::test]
async fn events_have_the_time_of_the_wall_clock_too() {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let before = now();
    let broker = Broker::builder().start().await.unwrap();
    let (mut client, _) = Client::connect(broker.connect(), Version::V5, "a").await;
    client.ping().await;
    let after = now();
    let times: Vec<_> = broker.recorded().iter().map(|event| event.unix).collect();
    assert!(times.is_sorted() && times.len() >= 4, "{times:?}");
    for time in times {
        let time = time.expect("a time of the calendar");
        assert!((before..=after).contains(&time), "{before:?} {time:?} {after:?}");
    }
}

#[tokio::test]
async fn dropping_the_last_handle_ends_everything() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    let address = broker.tcp_addr().unwrap();
    let (mut client, _) = Client::connect(broker.connect(), Version::V5, "a").await;
    let other = broker.clone();
    drop(broker);
    client.ping().await;
    drop(other);
    assert_eq!(client.recv().await, None, "no DISCONNECT either");
    // The listener's task ends soon, not at once.
    let freed = async {
        while tokio::net::TcpListener::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, freed).await.expect("the port is free again");
}

/// The runtime that watches the broker's sockets stands still.
#[test]
fn a_pipe_needs_no_runtime_but_its_own() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (idle, own) = (runtime(), runtime());
    let broker = idle.block_on(Broker::builder().bind_tcp("127.0.0.1:0").start()).unwrap();
    own.block_on(async {
        let mut client = Client::new(broker.connect(), Version::V5);
        client.send(connect(Version::V5, "a")).await;
        assert!(matches!(client.recv().await, Some(Packet::ConnAck(_))));
        client.send(Packet::PingReq).await;
        assert_eq!(client.recv().await, Some(Packet::PingResp));
    });
}
