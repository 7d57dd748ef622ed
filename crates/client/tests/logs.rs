//! What `tracing` is told: who, when and why, and never a secret.
//!
//! In a binary of its own, as subscribers and their interest are the thread's
//! or the process's.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use evenkeel::transport::{Endpoint, MemoryListener};
use evenkeel::{
    Authenticator, Bytes, Client, ClientBuilder, Clock, Credentials, HookFuture, QoS, ReasonCode,
    Reconnect, Version, Will,
};
use evenkeel_codec::{Ack, Auth, ConnAck, Decoder, Packet, Properties, Property, SubAck};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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
    client.shutdown(std::time::Duration::from_secs(1)).await;
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
