//! SCRAM-SHA-256 by the example's authenticator: the server that knows the
//! password is believed, an impostor is not.

#[path = "../../examples/scram/authenticator.rs"]
mod authenticator;

use authenticator::Scram;
use evenkeel::{Bytes, DisconnectCause, Properties, Property, Reconnect};
use evenkeel_codec::{Auth, ConnAck, Connect, Packet};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{
    Mechname, SASLConfig, SASLServer, Session, SessionError, State as Sasl, Validation,
};
use rsasl::property::AuthId;

use crate::support::*;

const METHOD: &str = "SCRAM-SHA-256";
const SALT: &[u8] = b"bad salt no more";

/// Made of the password `pencil`, the salt and 4096 iterations (RFC 5802, section 3).
const STORED_KEY: [u8; 32] = [
    0x76, 0xcb, 0x24, 0x4c, 0xf2, 0x3a, 0x43, 0xd7, 0x02, 0x24, 0x69, 0x8c, 0x1b, 0x02, 0x4c, 0x07,
    0x58, 0xae, 0x83, 0x74, 0xc7, 0x69, 0xca, 0x19, 0x78, 0x67, 0x65, 0x0f, 0x5c, 0xc3, 0x4f, 0xea,
];
const SERVER_KEY: [u8; 32] = [
    0x14, 0xb8, 0x0c, 0x58, 0xf2, 0xf2, 0xf6, 0x60, 0x6f, 0x37, 0xa5, 0xfe, 0xf6, 0xd0, 0xaf, 0x1e,
    0x32, 0x4b, 0x05, 0xe3, 0x0e, 0x0d, 0xa8, 0x19, 0x0b, 0x12, 0xf0, 0x61, 0x11, 0xe4, 0x15, 0xf1,
];

/// What a server knows of its only user.
struct Keys {
    server_key: [u8; 32],
}

impl SessionCallback for Keys {
    fn callback(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if context.get_ref::<AuthId>() == Some("boat") {
            let stored = ScramStoredPassword::new(4096, SALT, &STORED_KEY, &self.server_key);
            request.satisfy::<ScramStoredPassword<'static>>(&stored)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        validate: &mut rsasl::validate::Validate<'_>,
    ) -> Result<(), rsasl::validate::ValidationError> {
        validate.with::<Nothing, _>(|| Ok(()))?;
        Ok(())
    }
}

struct Nothing;

impl Validation for Nothing {
    type Value = ();
}

/// The server's half of an exchange.
struct Exchange(Session<Nothing>);

impl Exchange {
    fn begin(server_key: [u8; 32]) -> Self {
        let config = SASLConfig::builder().with_defaults().with_callback(Keys { server_key });
        let method = Mechname::parse(METHOD.as_bytes()).unwrap();
        Self(SASLServer::new(config.unwrap()).start_suggested(method).unwrap())
    }

    /// The answer to the client's data, and whether it is the last one.
    fn step(&mut self, data: &[u8]) -> (Bytes, bool) {
        let mut answer = Vec::new();
        let state = self.0.step(Some(data), &mut answer).unwrap();
        (answer.into(), matches!(state, Sasl::Finished(_)))
    }
}

fn properties(data: Bytes) -> Properties {
    let method = Properties::new().with(Property::AuthenticationMethod(text(METHOD)));
    if data.is_empty() { method } else { method.with(Property::AuthenticationData(data)) }
}

fn auth(reason: ReasonCode, data: Bytes) -> Packet {
    Packet::Auth(Auth { reason, properties: properties(data) })
}

fn data(packet: &Packet) -> Bytes {
    let Packet::Auth(auth) = packet else { panic!("{packet:?}") };
    auth.properties.authentication_data().unwrap()
}

async fn connecting(server: &mut Server) -> (Client, Peer, Connect) {
    let scram = Scram::new("boat", "pencil").unwrap();
    let client = server.client().authenticator(scram).reconnect(Reconnect::never());
    let client = client.start().unwrap();
    let (peer, connect) = server.connecting().await;
    assert_eq!(connect.properties.authentication_method(), Some(text(METHOD)));
    (client, peer, connect)
}

/// The exchange up to the server's last word, which is not sent yet.
async fn last_word(peer: &mut Peer, first: &[u8], server_key: [u8; 32]) -> Bytes {
    let mut exchange = Exchange::begin(server_key);
    let (challenge, last) = exchange.step(first);
    assert!(!last);
    peer.send(auth(ReasonCode::CONTINUE_AUTHENTICATION, challenge)).await;
    let (word, last) = exchange.step(&data(&peer.expect().await));
    assert!(last && word.starts_with(b"v="), "the client has proven itself: {word:?}");
    word
}

fn accepted_by(word: Bytes) -> Packet {
    Packet::ConnAck(ConnAck { properties: properties(word), ..accepted() })
}

#[tokio::test(start_paused = true)]
async fn the_right_server_is_believed_and_gets_what_waits() {
    let mut server = Server::new();
    let (client, mut peer, connect) = connecting(&mut server).await;
    let _receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let first = connect.properties.authentication_data().unwrap();
    assert!(first.starts_with(b"n,,n=boat,r="), "{first:?}");
    let word = last_word(&mut peer, &first, SERVER_KEY).await;
    peer.send(accepted_by(word)).await;
    soon(client.online()).await.unwrap();
    assert_eq!(&peer.expect_publish().await.topic, "a");
    // Once more on the same connection, with the last word in AUTH.
    let mut events = client.events();
    assert!(client.reauthenticate());
    let again = data(&peer.expect().await);
    assert_ne!(again, first, "each exchange has a nonce of its own");
    let word = last_word(&mut peer, &again, SERVER_KEY).await;
    peer.send(auth(ReasonCode::SUCCESS, word)).await;
    loop {
        let event = soon(events.next()).await.unwrap().event;
        if matches!(event, evenkeel::Event::Reauthenticated { .. }) {
            break;
        }
    }
    assert!(client.state().is_online());
}

/// Its clients would hand it their messages.
#[tokio::test(start_paused = true)]
async fn an_impostor_is_left_without_a_message() {
    let mut wrong_key = SERVER_KEY;
    wrong_key[31] ^= 1;
    // A signature by another key; none at all; no exchange at all.
    for case in 0..3 {
        let mut server = Server::new();
        let (client, mut peer, connect) = connecting(&mut server).await;
        let _receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
        let first = connect.properties.authentication_data().unwrap();
        let word = match case {
            0 => last_word(&mut peer, &first, wrong_key).await,
            1 => {
                last_word(&mut peer, &first, wrong_key).await;
                Bytes::new()
            }
            _ => Bytes::new(),
        };
        peer.send(accepted_by(word)).await;
        let error = soon(client.online()).await.unwrap_err();
        assert_eq!(error.to_string(), "enhanced authentication was given up", "case {case}");
        let State::Halted { cause, .. } = client.state() else { panic!() };
        assert_eq!(cause.as_deref(), Some(&DisconnectCause::Authentication));
        assert!(matches!(peer.receive().await, Some(Packet::Disconnect(_))), "and no PUBLISH");
        assert_eq!(peer.receive().await, None);
        assert_eq!(client.connected(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_impostor_at_re_authentication_is_left() {
    let mut wrong_key = SERVER_KEY;
    wrong_key[0] ^= 1;
    let mut server = Server::new();
    let (client, mut peer, connect) = connecting(&mut server).await;
    let first = connect.properties.authentication_data().unwrap();
    let word = last_word(&mut peer, &first, SERVER_KEY).await;
    peer.send(accepted_by(word)).await;
    soon(client.online()).await.unwrap();
    assert!(client.reauthenticate());
    let again = data(&peer.expect().await);
    let word = last_word(&mut peer, &again, wrong_key).await;
    peer.send(auth(ReasonCode::SUCCESS, word)).await;
    let Packet::Disconnect(disconnect) = peer.expect().await else { panic!() };
    assert_eq!(disconnect.reason, ReasonCode::NOT_AUTHORIZED);
    assert_eq!(peer.receive().await, None);
}
