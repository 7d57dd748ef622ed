//! What `tracing` is told: who, when and why, and never a secret.
//!
//! In a binary of its own, as subscribers and their interest are the thread's
//! or the process's.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel::store::record::{Accepted, Record as Stored, UnixMillis};
use evenkeel::store::{Bound, Store, StoreError};
use evenkeel::transport::{Endpoint, MemoryListener};
use evenkeel::{
    Authenticator, Bytes, Client, ClientBuilder, Clock, Credentials, HookFuture, Priority, QoS,
    ReasonCode, Reconnect, Serial, Version, Will,
};
use evenkeel_codec::{Ack, Auth, ConnAck, Decoder, Packet, Properties, Property, Publish, SubAck};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[expect(dead_code, reason = "what is listed is the affair of other tests")]
#[path = "client/support/store.rs"]
mod store;

use store::{Call, Faulty};

/// Keeps every span and event as a line, whatever its level.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    lines: Vec<String>,
    spans: u64,
    entered: Vec<u64>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Capture {
    fn line(&self, begin: String, record: impl FnOnce(&mut Line)) {
        let mut line = Line(begin);
        record(&mut line);
        self.0.lock().unwrap().lines.push(line.0);
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().lines.join("\n")
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("evenkeel")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(format!("span {}", span.metadata().name()), |line| span.record(line));
        let mut captured = self.0.lock().unwrap();
        captured.spans += 1;
        Id::from_u64(captured.spans)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.line(format!("record {}", span.into_u64()), |line| values.record(line));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let entered = self.0.lock().unwrap().entered.last().copied();
        let parent = event.parent().map(Id::into_u64).or(entered).unwrap_or(0);
        let level = event.metadata().level();
        self.line(format!("[{parent}] {level}"), |line| event.record(line));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _span: &Id) {
        self.0.lock().unwrap().entered.pop();
    }
}

/// A server that takes everything, challenges once, and sends each message back.
async fn serve(listener: &mut MemoryListener) -> std::convert::Infallible {
    let mut stream = listener.accept().await;
    let mut decoder = Decoder::for_server(u32::MAX);
    let mut buffer = bytes::BytesMut::new();
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        while let Some(packet) = decoder.decode(&mut buffer).unwrap() {
            for answer in answers(packet) {
                let mut bytes = Vec::new();
                answer.encode(Version::V5, &mut bytes).unwrap();
                stream.write_all(&bytes).await.unwrap();
            }
        }
    }
    drop(stream);
    std::future::pending().await
}

fn answers(packet: Packet) -> Vec<Packet> {
    match packet {
        Packet::Connect(_) => vec![Packet::Auth(Auth {
            reason: ReasonCode::CONTINUE_AUTHENTICATION,
            properties: authentication("challenge-secret"),
        })],
        Packet::Auth(_) => vec![Packet::ConnAck(ConnAck {
            properties: Properties::new()
                .with(Property::AssignedClientIdentifier("assigned-7".try_into().unwrap())),
            ..ConnAck::default()
        })],
        Packet::Subscribe(subscribe) => vec![Packet::SubAck(SubAck {
            packet_id: subscribe.packet_id,
            codes: vec![ReasonCode(1)],
            properties: Properties::new(),
        })],
        Packet::Publish(publish) => {
            let id = publish.packet_id.unwrap();
            vec![Packet::PubAck(Ack::new(id, ReasonCode::SUCCESS)), Packet::Publish(publish)]
        }
        _ => Vec::new(),
    }
}

fn authentication(data: &'static str) -> Properties {
    Properties::new()
        .with(Property::AuthenticationMethod("TEST-1".try_into().unwrap()))
        .with(Property::AuthenticationData(data.into()))
}

struct Secretive;

impl Authenticator for Secretive {
    fn method(&self) -> &str {
        "TEST-1"
    }

    fn start(&self) -> Bytes {
        "start-secret".into()
    }

    fn respond(&self, _challenge: Bytes) -> HookFuture<Option<Bytes>> {
        Box::pin(std::future::ready(Some("answer-secret".into())))
    }
}

/// Everything a client does that has a secret in it.
async fn live(builder: ClientBuilder) {
    let client = builder
        .client_id("")
        .credentials(|| std::future::ready(Ok(Credentials::new("anna", "password-secret"))))
        .authenticator(Secretive)
        .will(Will::new("gone", "will-secret"))
        .reconnect(Reconnect::never())
        .start()
        .unwrap();
    client.online().await.unwrap();
    let mut messages = client.subscribe("a/#").qos(QoS::AtLeastOnce).await.unwrap();
    let publish = client.publish("a/b", "payload-secret").qos(QoS::AtLeastOnce);
    let publish = publish.correlation_data("correlation-secret").user_property("k", "user-secret");
    publish.delivered().await.unwrap();
    drop(messages.next().await.unwrap());
    client.reauthenticate();
    client.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_story_is_told_without_secrets() {
    let capture = Capture::default();
    let guard = tracing::subscriber::set_default(capture.clone());
    let mut listener = MemoryListener::new(65_536, 1);
    let builder = ClientBuilder::for_endpoint(Endpoint::memory(listener.connector()));
    tokio::select! {
        () = live(builder.clock(Clock::tokio()).version(Version::V5)) => {}
        never = serve(&mut listener) => match never {},
    }
    drop(guard);
    let text = capture.text();
    println!("{text}");
    assert!(!text.contains("secret"), "{text}");
    for wanted in [
        "span evenkeel client_id=\n",
        "record 1 client_id=assigned-7",
        "[1] INFO message=connected connection=1",
        "[1] TRACE message=publish topic=\"a/b\" qos=1 retain=false payload_len=14",
        "[1] TRACE message=message topic=\"a/b\" qos=1 retain=false payload_len=14",
        "[1] INFO message=disconnected connection=1 cause=the client was shut down",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_halt_is_a_warning() {
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let nobody = MemoryListener::new(1, 1).connector();
    let builder = ClientBuilder::for_endpoint(Endpoint::memory(nobody)).client_id("pump-17");
    let client: Client = builder.reconnect(Reconnect::never()).start().unwrap();
    client.online().await.unwrap_err();
    let text = capture.text();
    assert!(text.contains("span evenkeel client_id=pump-17"), "{text}");
    assert!(text.contains("[1] WARN message=halted: no further attempt halt=Disabled"), "{text}");
    assert!(
        text.contains(
            "cause=the connection was refused while connecting error=cannot open in-memory server"
        ),
        "{text}"
    );
}

/// A store with one message of an earlier run, which is of no more use. It is
/// full when it is to take the next one, and has room again then.
fn full_for_once() -> impl Store + 'static {
    let accepted = Accepted {
        serial: Serial(1),
        publish: Publish { topic: "old".try_into().unwrap(), ..Publish::default() },
        accepted: UnixMillis(1),
        expires: Some(UnixMillis(2)),
        age: None,
        priority: Priority::Normal,
    };
    let client_id = "pump-17".try_into().unwrap();
    let is_new = |it: &Stored| matches!(it, Stored::Accepted(it) if it.publish.topic != "old");
    let mut refusals = 1;
    let mut store = Faulty::new(move |call: Call<'_>| match call {
        Call::Commit(records) if refusals > 0 && records.iter().any(is_new) => {
            refusals -= 1;
            Err(StoreError::Bound(Bound::Full { bytes: 0, limit: 0 }))
        }
        _ => Ok(()),
    });
    store.commit(&[Stored::Identity { client_id }, Stored::Accepted(accepted)]).unwrap();
    store
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_the_store_is_told() {
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let nobody = MemoryListener::new(1, 1).connector();
    let builder = ClientBuilder::for_endpoint(Endpoint::memory(nobody)).clock(Clock::tokio());
    let client = builder.store(full_for_once()).start().unwrap();
    let publish = || client.publish("t", "x").qos(QoS::AtLeastOnce);
    assert!(publish().await.is_err(), "the store is full");
    // It is tried again after one second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let receipt = publish().await.unwrap();
    client.shutdown(Duration::from_secs(1)).await;
    receipt.await.unwrap_err();
    let text = capture.text();
    for wanted in [
        "[1] INFO message=recovered exchanges=0 queued=1 quarantined=0 subscriptions=0",
        "[1] WARN message=stored message not delivered serial=1 error=it expired",
        "[1] WARN message=store failed error=the store is full retry=1s",
        "[1] INFO message=store works again",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
}
