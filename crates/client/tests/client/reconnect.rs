//! Opening connections again.

use evenkeel::{Event, Property, Reconnect};
use tokio::net::TcpListener;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn servers_are_tried_in_turn() {
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let url = |listener: &TcpListener| format!("mqtt://{}", listener.local_addr().unwrap());
    let client = Client::builder(url(&listeners[0])).server(url(&listeners[1]));
    let client = client.clock(Clock::tokio()).keep_alive(secs(0)).start().unwrap();
    let mut events = client.events();
    for (attempt, listener) in [0, 1, 0, 1].into_iter().enumerate() {
        let (stream, _) = soon(listeners[listener].accept()).await.unwrap();
        let mut peer = Peer::new(stream);
        peer.expect_connect().await;
        if attempt == 3 {
            peer.send(evenkeel_codec::Packet::ConnAck(accepted())).await;
            soon(client.online()).await.unwrap();
        }
    }
    let mut servers = Vec::new();
    while let Some(report) = events.try_next() {
        if let Event::Connecting { server, .. } = report.event {
            servers.push(server);
        }
    }
    assert_eq!(servers, [0, 1, 0, 1]);
}

/// With real sockets and the real clock: a reference needs a URL.
#[tokio::test]
async fn a_server_that_refers_to_another_is_left_for_it() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("mqtt://{}", first.local_addr().unwrap()));
    let client = client.start().unwrap();
    let mut peer = Peer::new(within_20_s(first.accept()).await.unwrap().0);
    peer.expect_connect().await;
    let mut moved = refused(ReasonCode::USE_ANOTHER_SERVER);
    let reference = second.local_addr().unwrap().to_string();
    moved.properties.push(Property::ServerReference(text(&reference)));
    peer.send(evenkeel_codec::Packet::ConnAck(moved)).await;
    let mut peer = Peer::new(within_20_s(second.accept()).await.unwrap().0);
    peer.expect_connect().await;
    peer.send(evenkeel_codec::Packet::ConnAck(accepted())).await;
    within_20_s(client.online()).await.unwrap();
}

/// A reference that names nothing is an attempt that fails, not the end.
#[tokio::test]
async fn a_reference_to_nowhere_leads_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut policy = Reconnect::default();
    policy.base = millis(10);
    let client = Client::builder(format!("mqtt://{}", listener.local_addr().unwrap()));
    let client = client.reconnect(policy).start().unwrap();
    let mut peer = Peer::new(within_20_s(listener.accept()).await.unwrap().0);
    peer.expect_connect().await;
    let mut moved = refused(ReasonCode::USE_ANOTHER_SERVER);
    moved.properties.push(Property::ServerReference(text("::nonsense:: //")));
    peer.send(evenkeel_codec::Packet::ConnAck(moved)).await;
    let mut peer = Peer::new(within_20_s(listener.accept()).await.unwrap().0);
    peer.expect_connect().await;
    peer.send(evenkeel_codec::Packet::ConnAck(accepted())).await;
    within_20_s(client.online()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_found_again() {
    let (client, mut server, peer) = online_v5().await;
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    settle().await;
    drop(peer);
    for _ in 0..3 {
        drop(server.connecting().await);
    }
    let mut peer = server.online().await;
    let again = peer.expect_publish().await;
    // The session was lost, so this is no repetition within one.
    assert!(!again.dup);
    peer.send(puback(again.packet_id, ReasonCode::SUCCESS)).await;
    assert_eq!(soon(receipt).await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn asking_for_a_new_connection_disconnects_the_old_one() {
    let (client, mut server, mut peer) = online_v5().await;
    client.reconnect();
    peer.expect_disconnect().await;
    let _peer = server.online().await;
    let state = state_of(&client, State::is_online).await;
    assert!(state.is_online());
    assert_eq!(client.stats().connects, 2);
}

#[tokio::test(start_paused = true)]
async fn it_leaves_a_halt_and_its_streams_go_on() {
    let mut server = Server::new();
    let client = server.client().reconnect(Reconnect::never()).start().unwrap();
    let mut peer = server.online().await;
    let mut messages = peer.grant(&client, "a", AtMostOnce).await;
    drop(peer);
    state_of(&client, |state| matches!(state, State::Halted { .. })).await;
    assert!(soon(messages.next()).await.is_none());
    client.reconnect();
    let mut peer = server.online().await;
    let restored = peer.expect_subscribe().await;
    peer.send(suback(&restored, &[0])).await;
    peer.publish(message("a", "back", AtMostOnce, 0)).await;
    assert_eq!(soon(messages.next()).await.unwrap().payload(), "back");
}

/// A server that never hangs up by itself: every close lasts a second. The
/// client is told to reconnect at any moment of that, up to its budget and
/// beyond, and has to come online in the end.
#[tokio::test(start_paused = true)]
async fn asking_at_any_moment_leads_online_in_the_end() {
    for step in [0, 1, 7, 90, 400, 999, 1000, 1001, 1700, 5000] {
        let mut server = Server::new();
        let client = server.client().connect_timeout(secs(3)).start().unwrap();
        let serving = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut peer, _) = server.connecting().await;
                tokio::time::sleep(millis(5)).await;
                peer.try_send(evenkeel_codec::Packet::ConnAck(accepted())).await;
                open.push(peer);
            }
        });
        for _ in 0..20 {
            tokio::time::sleep(millis(step)).await;
            client.reconnect();
        }
        let online = tokio::time::timeout(secs(180), client.online()).await;
        assert_eq!(online, Ok(Ok(())), "every {step} ms: {:?}", client.state());
        tokio::time::sleep(secs(10)).await;
        assert!(client.state().is_online(), "every {step} ms: {:?}", client.state());
        client.shutdown(secs(1)).await;
        serving.abort();
    }
}

/// R1: the connection before is closed before the next is opened.
#[tokio::test(start_paused = true)]
async fn there_is_one_connection_at_a_time() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let mut peer = server.online().await;
    soon(client.online()).await.unwrap();
    client.reconnect();
    assert!(matches!(peer.expect().await, evenkeel_codec::Packet::Disconnect(_)));
    assert!(server.is_left_alone_for(millis(900)).await, "the first is not closed yet");
    assert!(!server.is_left_alone_for(millis(200)).await);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_given_up_leaves_no_connection_behind() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let (mut peer, _) = server.connecting().await;
    client.reconnect();
    assert_eq!(peer.receive().await, None, "no CONNACK, no DISCONNECT");
    let _peer = server.online().await;
    soon(client.online()).await.unwrap();
}
