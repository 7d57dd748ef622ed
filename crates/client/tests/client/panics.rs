//! Panics of the application's code. Those of hooks are told, and retried like any
//! failure of theirs; whatever ends the client's task leaves nobody waiting.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use evenkeel::transport::Endpoint;
use evenkeel::transport::internals::{ConnectProgress, Opener};
use evenkeel::{
    Authenticator, Bytes, ConnectError, Credentials, DisconnectCause, Event, HookFuture,
    OperationError, PublishError, RejectReason, SubscribeError, TransportError, TransportFailure,
};
use evenkeel_codec::{Auth, Packet, Properties, Property};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::support::*;

/// Panics as often as told, and never again.
#[derive(Clone)]
struct Bomb(Arc<AtomicU32>);

impl Bomb {
    fn new(times: u32) -> Self {
        Self(Arc::new(AtomicU32::new(times)))
    }

    fn tick(&self) {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        assert!(left.is_err(), "a bug of the application's, with the password hunter2");
    }
}

/// What was told of each end of a connection before the first success.
async fn failures(client: &Client, mut server: Server) -> Vec<(TransportFailure, String)> {
    let mut events = client.events();
    let peer = tokio::spawn(async move { (server.online().await, server) });
    soon(client.online()).await.unwrap();
    let _peer = soon(peer).await.unwrap();
    let mut failures = Vec::new();
    while let Some(report) = events.try_next() {
        if let Event::Disconnected { cause, .. } = report.event {
            let DisconnectCause::Transport { failure, .. } = *cause else { panic!("{cause:?}") };
            failures.push((failure, report.error.unwrap().to_string()));
        }
    }
    failures
}

#[tokio::test(start_paused = true)]
async fn a_credentials_hook_that_panics_is_told_and_asked_again() {
    let server = Server::new();
    let (early, late) = (Bomb::new(1), Bomb::new(1));
    let hook = move || {
        early.tick();
        let late = late.clone();
        async move {
            tokio::time::sleep(millis(10)).await;
            late.tick();
            Ok(Credentials::new("boat", "secret"))
        }
    };
    let client = server.client().credentials(hook).start().unwrap();
    let told = (TransportFailure::Credentials, "no credentials: the hook panicked".to_owned());
    assert_eq!(failures(&client, server).await, [told.clone(), told]);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_hook_that_panics_is_told_and_asked_again() {
    let server = Server::new();
    let (early, late) = (Bomb::new(1), Bomb::new(1));
    let hook = move |endpoint: Endpoint| {
        early.tick();
        let late = late.clone();
        async move {
            late.tick();
            Ok(endpoint)
        }
    };
    let client = server.client().endpoint(hook).start().unwrap();
    let told = (TransportFailure::Endpoint, "no endpoint: the hook panicked".to_owned());
    assert_eq!(failures(&client, server).await, [told.clone(), told]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_is_told_and_asked_again() {
    let server = Server::new();
    let (endpoint, bomb) = (server.endpoint(), Bomb::new(2));
    let connect = move || {
        let (endpoint, bomb) = (endpoint.clone(), bomb.clone());
        async move {
            bomb.tick();
            let progress = ConnectProgress::new();
            Ok(Opener::default().open(&endpoint, &progress).await.unwrap())
        }
    };
    let client = ClientBuilder::for_endpoint(Endpoint::custom(connect)).clock(Clock::tokio());
    let client = client.start().unwrap();
    let told = (TransportFailure::Other(None), TransportError::Panicked.to_string());
    assert_eq!(failures(&client, server).await, [told.clone(), told]);
}

/// Panics once in each of its methods.
struct Explosive {
    start: Bomb,
    respond: Bomb,
    later: Bomb,
    finish: Bomb,
    /// Never answers if this is left.
    silent: Bomb,
}

impl Explosive {
    fn new(bombs: [u32; 5]) -> Self {
        let [start, respond, later, finish, silent] = bombs.map(Bomb::new);
        Self { start, respond, later, finish, silent }
    }
}

impl Authenticator for Explosive {
    fn method(&self) -> &str {
        "TEST-1"
    }

    fn start(&self) -> Bytes {
        self.start.tick();
        Bytes::from_static(b"hello")
    }

    fn respond(&self, challenge: Bytes) -> HookFuture<Option<Bytes>> {
        self.respond.tick();
        let (later, silent) = (self.later.clone(), self.silent.clone());
        Box::pin(async move {
            later.tick();
            if silent.0.load(Ordering::Relaxed) > 0 {
                silent.0.store(0, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            Some(challenge)
        })
    }

    fn finish(&self, _: Bytes) -> HookFuture<bool> {
        self.finish.tick();
        Box::pin(async { true })
    }
}

fn challenge() -> Packet {
    let method = Property::AuthenticationMethod(text("TEST-1"));
    let properties = Properties::new().with(method);
    Packet::Auth(Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties })
}

/// A server that asks once before it accepts.
async fn challenging(mut server: Server) -> Peer {
    loop {
        let mut peer = server.accept().await;
        let Some(Packet::Connect(_)) = peer.receive().await else { continue };
        peer.send(challenge()).await;
        if let Some(Packet::Auth(_)) = peer.receive().await {
            peer.send(Packet::ConnAck(accepted())).await;
            if settled(&mut peer).await {
                return peer;
            }
        }
    }
}

/// True if the client stays.
async fn settled(peer: &mut Peer) -> bool {
    tokio::time::timeout(millis(100), peer.receive()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_that_panics_is_told_and_asked_again() {
    let panicked = "no authentication: the hook panicked";
    let late = "no authentication: the hook gave no answer within 3s";
    for (bombs, words) in [
        ([1, 0, 0, 0, 0], panicked),
        ([0, 1, 0, 0, 0], panicked),
        ([0, 0, 1, 0, 0], panicked),
        ([0, 0, 0, 1, 0], panicked),
        ([0, 0, 0, 0, 1], late),
    ] {
        let server = Server::new();
        let client = server.client().authenticator(Explosive::new(bombs)).hook_timeout(secs(3));
        let client = client.start().unwrap();
        let mut events = client.events();
        let peer = tokio::spawn(challenging(server));
        soon(client.online()).await.unwrap();
        let _peer = soon(peer).await.unwrap();
        let mut told = Vec::new();
        while let Some(report) = events.try_next() {
            if matches!(report.event, Event::Disconnected { .. }) {
                told.push(report.error.unwrap().to_string());
            }
        }
        assert_eq!(told, [words], "{bombs:?}");
        assert!(client.state().is_online());
    }
}

/// A stream of the application's that panics when it is read behind CONNECT.
struct Rotten<S> {
    stream: S,
    written: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rotten<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(!self.written, "a bug of the application's");
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rotten<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A bug outside of hooks ends the client, which says so.
#[tokio::test(start_paused = true)]
async fn whatever_ends_the_task_leaves_nobody_waiting() {
    let connect = || async {
        let (stream, other) = tokio::io::duplex(1000);
        // Somebody has to be there.
        tokio::spawn(async move {
            tokio::time::sleep(secs(3600)).await;
            drop(other);
        });
        Ok(Rotten { stream, written: false })
    };
    let client = ClientBuilder::for_endpoint(Endpoint::custom(connect)).clock(Clock::tokio());
    let client = client.start().unwrap();
    let (mut events, mut watch) = (client.events(), client.watch_state());
    let unmatched = client.unmatched().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let subscribing = tokio::spawn(client.subscribe("a").into_future());
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drained().await }
    });
    assert_eq!(soon(client.online()).await, Err(ConnectError::Closed));
    assert_eq!(client.state(), State::Closed);
    soon(watch.wait_for(|state| *state == State::Closed)).await.unwrap();
    soon(receipt).await.unwrap_err();
    let error = soon(subscribing).await.unwrap().unwrap_err();
    assert_eq!(error, SubscribeError::Operation(OperationError::Abandoned));
    soon(draining).await.unwrap();
    let mut unmatched = unmatched;
    assert!(soon(unmatched.next()).await.is_none(), "streams end");
    soon(async { while events.next().await.is_some() {} }).await;
    let error = soon(client.publish("a", "2").into_future()).await.unwrap_err();
    assert_eq!(error, PublishError::Rejected(RejectReason::Closed));
    soon(client.subscribe("a").into_future()).await.unwrap_err();
    soon(client.shutdown(secs(5))).await;
}
