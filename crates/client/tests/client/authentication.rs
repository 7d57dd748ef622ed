//! Enhanced authentication (MQTT 5).

use evenkeel::{
    Authenticator, Bytes, DisconnectCause, HookFuture, Properties, Property, Reconnect,
};
use evenkeel_codec::{Auth, ConnAck, Packet};

use crate::support::*;

const METHOD: &str = "TEST-1";

/// Answers a challenge by its text behind `re:`; gives up at `stop`.
struct Echo;

impl Authenticator for Echo {
    fn method(&self) -> &str {
        METHOD
    }

    fn start(&self) -> Bytes {
        Bytes::from_static(b"hello")
    }

    fn respond(&self, challenge: Bytes) -> HookFuture<Option<Bytes>> {
        Box::pin(async move {
            // An answer takes its time.
            tokio::time::sleep(millis(100)).await;
            (challenge != "stop").then(|| [b"re:", &*challenge].concat().into())
        })
    }

    fn finish(&self, data: Bytes) -> HookFuture<bool> {
        Box::pin(async move {
            tokio::time::sleep(millis(100)).await;
            data != "forged"
        })
    }
}

fn properties(data: &'static str) -> Properties {
    let data = Property::AuthenticationData(Bytes::from_static(data.as_bytes()));
    Properties::new().with(Property::AuthenticationMethod(text(METHOD))).with(data)
}

fn auth(reason: ReasonCode, data: &'static str) -> Packet {
    Packet::Auth(Auth { reason, properties: properties(data) })
}

async fn connecting(
    builder: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (Client, Server, Peer) {
    let mut server = Server::new();
    let client = builder(server.client().authenticator(Echo)).start().unwrap();
    let (peer, connect) = server.connecting().await;
    assert_eq!(connect.properties.authentication_method(), Some(text(METHOD)));
    assert_eq!(connect.properties.authentication_data(), Some("hello".into()));
    (client, server, peer)
}

//= [MQTT-4.12.0-3] test
#[tokio::test(start_paused = true)]
async fn challenges_are_answered_until_connack() {
    let (client, _server, mut peer) = connecting(|builder| builder).await;
    for challenge in ["one", "two"] {
        peer.send(auth(ReasonCode::CONTINUE_AUTHENTICATION, challenge)).await;
        let Packet::Auth(answer) = peer.expect().await else { panic!() };
        assert_eq!(answer.reason, ReasonCode::CONTINUE_AUTHENTICATION);
        let data = answer.properties.authentication_data().unwrap();
        assert_eq!(data, format!("re:{challenge}").as_bytes());
    }
    let connack = ConnAck { properties: properties("bye"), ..accepted() };
    peer.send(Packet::ConnAck(connack)).await;
    soon(client.online()).await.unwrap();
}

//= [MQTT-4.12.1-1] test
#[tokio::test(start_paused = true)]
async fn an_authenticated_client_can_do_it_again() {
    let (client, _server, mut peer) = connecting(|builder| builder).await;
    assert!(!client.reauthenticate(), "not online yet");
    peer.send(Packet::ConnAck(accepted())).await;
    soon(client.online()).await.unwrap();
    assert!(client.reauthenticate());
    assert!(!client.reauthenticate(), "one is under way");
    assert_eq!(peer.expect().await, auth(ReasonCode::REAUTHENTICATE, "hello"));
    peer.send(auth(ReasonCode::CONTINUE_AUTHENTICATION, "one")).await;
    assert_eq!(peer.expect().await, auth(ReasonCode::CONTINUE_AUTHENTICATION, "re:one"));
    let mut events = client.events();
    while events.try_next().is_some() {}
    peer.send(auth(ReasonCode::SUCCESS, "done")).await;
    let event = soon(events.next()).await.unwrap().event;
    assert!(matches!(event, evenkeel::Event::Reauthenticated { .. }), "{event:?}");
    assert!(client.reauthenticate(), "and again");
}

/// Not a word of the application's goes to a server that is not believed.
#[tokio::test(start_paused = true)]
async fn the_servers_last_data_is_judged() {
    let (client, _server, mut peer) = connecting(|b| b.reconnect(Reconnect::never())).await;
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    peer.send(Packet::ConnAck(ConnAck { properties: properties("forged"), ..accepted() })).await;
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "enhanced authentication was given up");
    soon(receipt).await.unwrap_err();
    let Some(Packet::Disconnect(disconnect)) = peer.receive().await else { panic!() };
    assert_eq!(disconnect.reason, ReasonCode::NOT_AUTHORIZED);
    assert_eq!((peer.receive().await, client.connected()), (None, None));

    let (client, _server, mut peer) = connecting(|b| b.reconnect(Reconnect::never())).await;
    peer.send(Packet::ConnAck(accepted())).await;
    soon(client.online()).await.unwrap();
    assert!(client.reauthenticate());
    peer.expect().await;
    peer.send(auth(ReasonCode::SUCCESS, "forged")).await;
    state_of(&client, |state| matches!(state, State::Halted { .. })).await;
    let Some(Packet::Disconnect(disconnect)) = peer.receive().await else { panic!() };
    assert_eq!(disconnect.reason, ReasonCode::NOT_AUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn giving_up_ends_the_connection() {
    let (client, _server, mut peer) = connecting(|b| b.reconnect(Reconnect::never())).await;
    peer.send(auth(ReasonCode::CONTINUE_AUTHENTICATION, "stop")).await;
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "enhanced authentication was given up");
    let State::Halted { cause, .. } = client.state() else { panic!() };
    assert_eq!(cause.as_deref(), Some(&DisconnectCause::Authentication));
    assert_eq!(peer.receive().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_a_connection_that_is_over_goes_nowhere() {
    let (client, mut server, mut peer) = connecting(|builder| builder).await;
    peer.send(auth(ReasonCode::CONTINUE_AUTHENTICATION, "late")).await;
    settle().await;
    drop(peer);
    let (mut peer, _) = server.connecting().await;
    peer.send(Packet::ConnAck(accepted())).await;
    soon(client.online()).await.unwrap();
    assert_eq!(peer.poll().await, None);
}

#[tokio::test(start_paused = true)]
async fn without_an_authenticator_there_is_nothing_to_repeat() {
    let (client, _server, _peer) = online_v5().await;
    assert!(!client.reauthenticate());
}
