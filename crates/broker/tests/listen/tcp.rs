//! Clients over TCP.

use evenkeel_broker::fault::{Stop, When};
use evenkeel_broker::{Broker, StartError};
use evenkeel_codec::{Packet, PacketType, QoS, ReasonCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::*;

async fn broker() -> Broker {
    Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap()
}

async fn client(broker: &Broker, version: Version, client_id: &str) -> Client<TcpStream> {
    let stream = TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::connect(stream, version, client_id).await.0
}

#[tokio::test]
async fn three_versions_on_one_port() {
    let broker = broker().await;
    assert_eq!(broker.url(), format!("mqtt://{}", broker.tcp_addr().unwrap()));
    for (version, id) in [(Version::V31, "a"), (Version::V311, "b"), (Version::V5, "c")] {
        let mut client = client(&broker, version, id).await;
        client.subscribe(id, QoS::AtLeastOnce).await;
        client.echo(id, b"hello").await;
        client.ping().await;
    }
    let stats = broker.stats();
    assert_eq!((stats.connects_accepted, stats.pings_answered()), (3, 3));
    assert_eq!(stats.client("b").packets.received(PacketType::PubAck), 1);
}

#[tokio::test]
async fn large_messages_pass_whole() {
    let broker = broker().await;
    let mut client = client(&broker, Version::V5, "a").await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    for len in [0, 127, 128, 16_384, 1 << 20, 9 << 20] {
        let payload: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        client.echo("t", &payload).await;
    }
}

/// The last packet must not be lost to a reset, although the client goes on
/// sending.
#[tokio::test]
async fn a_disconnect_reaches_a_client_that_sends() {
    let broker = broker().await;
    let mut client = client(&broker, Version::V5, "a").await;
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        Packet::PingReq.encode(Version::V5, &mut bytes).unwrap();
    }
    bytes.extend_from_slice(&[0xc1, 0]);
    bytes.extend(vec![0; 100_000]);
    client.stream.write_all(&bytes).await.unwrap();
    let mut last = None;
    while let Some(packet) = client.recv().await {
        last = Some(packet);
    }
    match last {
        Some(Packet::Disconnect(packet)) => {
            assert_eq!(packet.reason, ReasonCode::MALFORMED_PACKET);
        }
        other => panic!("{other:?} in place of DISCONNECT"),
    }
    assert!(closed(&broker, 1).await.ends_with(r#""why":"protocol_error","closer":"server"}"#));
}

#[tokio::test]
async fn a_lost_connection_is_noticed() {
    let broker = broker().await;
    drop(client(&broker, Version::V5, "a").await);
    assert!(closed(&broker, 1).await.ends_with(r#""why":"connection_lost","closer":"peer"}"#));
    assert_eq!(broker.session_count(), 1);
    drop(TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap());
    assert!(closed(&broker, 2).await.ends_with(r#""why":"no_connect","closer":"peer"}"#));
}

#[tokio::test]
async fn addresses_that_cannot_be_had_are_named() {
    let broker = broker().await;
    let taken = broker.tcp_addr().unwrap().to_string();
    let error = Broker::builder().bind_tcp(&taken).start().await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot listen on {taken}: ")), "{text}");
    assert!(text.ends_with("port 0 takes a free one"), "{text}");
    let error = Broker::builder().bind_tcp("nonsense").start().await.unwrap_err();
    assert!(error.to_string().ends_with("; write HOST:PORT"), "{error}");
    let rule = When::sent(PacketType::PingResp).nth(0).drop();
    let error = Broker::builder().fault(rule).start().await.unwrap_err();
    assert!(matches!(error, StartError::Rule { number: 1, .. }));
}

#[tokio::test]
async fn a_silent_broker_keeps_the_connection_open() {
    let broker = broker().await;
    broker.add_fault(When::received(PacketType::PingReq).silence(Stop::Both, None)).unwrap();
    let mut client = client(&broker, Version::V5, "a").await;
    client.send(Packet::PingReq).await;
    let silence = std::time::Duration::from_millis(200);
    // Real time passes here: the point is that nothing comes from a real socket.
    assert!(tokio::time::timeout(silence, client.next()).await.is_err(), "neither byte nor end");
    broker.disconnect("a", ReasonCode::ADMINISTRATIVE_ACTION);
    assert_eq!(client.recv().await, None, "held back, then aborted");
    assert!(closed(&broker, 1).await.ends_with(r#""why":"administrative","closer":"server"}"#));
}

#[tokio::test]
async fn closing_at_accept() {
    let broker = broker().await;
    let id = broker.add_fault(When::opened().close()).unwrap();
    let mut stream = TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(broker.remove_fault(id));
    client(&broker, Version::V311, "a").await.ping().await;
    assert_eq!(broker.stats().connections, 2);
}

#[tokio::test]
async fn dribbled_bytes_arrive_piece_by_piece() {
    let broker = broker().await;
    let piece = std::time::Duration::from_millis(5);
    broker.add_fault(When::sent(PacketType::PingResp).dribble(1, piece)).unwrap();
    let mut client = client(&broker, Version::V5, "a").await;
    client.send(Packet::PingReq).await;
    let mut byte = [0; 8];
    assert_eq!(client.stream.read(&mut byte).await.unwrap(), 1);
    assert_eq!(client.stream.read(&mut byte).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_exchange_messages_without_loss() {
    let broker = broker().await;
    let clients = 20;
    let each = 200;
    let exchange = (0..clients).map(|number| {
        let broker = broker.clone();
        tokio::spawn(async move {
            let id = format!("client-{number}");
            let mut client = client(&broker, Version::V5, &id).await;
            client.subscribe(&id, QoS::AtLeastOnce).await;
            for message in 0..each {
                client.echo(&id, format!("{message}").as_bytes()).await;
            }
        })
    });
    for task in exchange.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let stats = broker.stats();
    assert_eq!(stats.publishes_received(), clients * each);
    assert_eq!(stats.publishes_sent(), clients * each);
    assert_eq!(stats.messages_dropped, 0);
}

/// Publishers far faster than their subscriber: nothing of QoS 1 is lost,
/// and the queue stays within its bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_pressure_reaches_the_publishers() {
    let broker = Broker::builder()
        .bind_tcp("127.0.0.1:0")
        .configure(|config| {
            config.limits.queue_messages = 400;
            config.limits.output_bytes = 1024;
            config.offer.receive_maximum = 20;
        })
        .start()
        .await
        .unwrap();
    // The pipe in memory holds less than the messages; a socket might hold more.
    let (mut subscriber, _) = Client::connect(broker.connect(), Version::V5, "slow").await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let publishers = (0..4).map(|number| {
        let broker = broker.clone();
        tokio::spawn(async move {
            let mut client = client(&broker, Version::V5, &format!("fast-{number}")).await;
            for _ in 0..50 {
                let mut bytes = Vec::new();
                for _ in 0..20 {
                    publish_1("t", &[0; 200]).encode(Version::V5, &mut bytes).unwrap();
                }
                client.stream.write_all(&bytes).await.unwrap();
                for _ in 0..20 {
                    assert!(matches!(client.recv().await, Some(Packet::PubAck(_))));
                }
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let held = broker.wait_for(TIMEOUT, |event| event.name() == "ack_held").await;
    assert!(held.is_some(), "the subscriber has not read yet");
    for _ in 0..4 * 50 * 20 {
        let Some(Packet::Publish(publish)) = subscriber.recv().await else { panic!("no message") };
        let ack = evenkeel_codec::Ack::new(publish.packet_id.unwrap(), ReasonCode::SUCCESS);
        subscriber.send(Packet::PubAck(ack)).await;
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert_eq!(broker.stats().messages_dropped, 0);
}
