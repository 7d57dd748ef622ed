//! Which version is spoken with servers that do not answer MQTT 5 (R14).

use evenkeel::Event;
use evenkeel_codec::Packet;

use crate::support::*;

/// How a server takes a CONNECT of MQTT 5.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// As RabbitMQ 3.10 and the 3.1.1 port of rumqttd do.
    Closes,
    /// As aMQTT does.
    Silent,
    /// As NATS and aedes do.
    Refuses,
}

/// Serves a client until it is online; returns the versions it asked for.
async fn reached(server: &mut Server, manner: Manner) -> (Peer, Vec<Version>) {
    let mut versions = Vec::new();
    loop {
        let (mut peer, connect) = server.connecting().await;
        versions.push(connect.version);
        if connect.version == Version::V311 {
            peer.send(Packet::ConnAck(accepted())).await;
            return (peer, versions);
        }
        match manner {
            Manner::Closes => {}
            Manner::Silent => tokio::time::sleep(secs(40)).await,
            Manner::Refuses => peer.send_bytes(&[0x20, 2, 0, 1]).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn servers_without_mqtt_5_are_reached_at_the_first_connect_and_at_each_later_one() {
    use Version::{V5, V311};
    for manner in [Manner::Closes, Manner::Silent, Manner::Refuses] {
        let mut server = Server::new();
        let client = server.client().keep_alive(secs(0)).start().unwrap();
        let (mut peer, versions) = reached(&mut server, manner).await;
        assert_eq!(versions, [V5, V311], "{manner:?}");
        for _ in 0..4 {
            soon(client.online()).await.unwrap();
            drop(peer);
            let begin = tokio::time::Instant::now();
            let (next, versions) = reached(&mut server, manner).await;
            let expected: &[_] = match manner {
                Manner::Closes => &[V5, V311],
                _ => &[V311],
            };
            assert_eq!(versions, expected, "{manner:?}");
            assert!(begin.elapsed() < secs(121), "{manner:?}: {:?}", begin.elapsed());
            peer = next;
        }
    }
}

/// A proxy takes connections for a broker that is starting, and closes them.
/// What a guess has cost is won back with the next connection.
#[tokio::test(start_paused = true)]
async fn a_broker_that_is_starting_does_not_cost_mqtt_5() {
    for closes in [1, 2, 3] {
        let mut server = Server::new();
        let client = server.client().start().unwrap();
        let mut events = client.events();
        for _ in 0..closes {
            drop(server.connecting().await);
        }
        let guessed = server.online().await;
        soon(client.online()).await.unwrap();
        drop(guessed);
        let (mut peer, connect) = server.connecting().await;
        assert_eq!(connect.version, Version::V5, "after {closes} closes");
        peer.send(Packet::ConnAck(accepted())).await;
        soon(client.online()).await.unwrap();
        let publish = client.publish("a", "x").qos(AtLeastOnce).user_property("trace", "1");
        let receipt = publish.await.unwrap();
        let publish = peer.expect_publish().await;
        assert_eq!(publish.properties.iter().count(), 1, "nothing is dropped");
        peer.send(puback(publish.packet_id, ReasonCode::SUCCESS)).await;
        soon(receipt).await.unwrap();
        let mut told = 0;
        while let Some(report) = events.try_next() {
            told += u32::from(matches!(report.event, Event::VersionFallback(_)));
        }
        assert_eq!(told, closes + closes % 2, "each change is told");
    }
}

/// The broker restarts behind a forwarder that takes TCP and closes.
#[tokio::test(start_paused = true)]
async fn a_server_that_has_spoken_mqtt_5_is_never_asked_for_less() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let peer = server.online().await;
    soon(client.online()).await.unwrap();
    drop(peer);
    for round in 0..6 {
        let (_peer, connect) = server.connecting().await;
        assert_eq!(connect.version, Version::V5);
        if round % 2 == 0 {
            // Silence is no evidence either.
            tokio::time::sleep(secs(31)).await;
        }
    }
    let (mut peer, connect) = server.connecting().await;
    assert_eq!(connect.version, Version::V5);
    peer.send(Packet::ConnAck(accepted())).await;
    soon(client.online()).await.unwrap();
}
