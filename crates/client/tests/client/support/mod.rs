//! A server that does what the test says, and shorthands.

mod packets;
mod server;
mod store;
mod stream;

use std::future::Future;
use std::time::Duration;

use evenkeel::Reconnect;

pub(crate) use packets::*;
pub(crate) use server::{Peer, Server};
pub(crate) use store::{Call, Faulty};
pub(crate) use stream::{Behaviour, OddStream};

pub(crate) use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
pub(crate) use evenkeel::{
    Bounds, Client, ClientBuilder, Clock, QoS, QueueConfig, ReasonCode, State, Version,
};

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Delays fit for a test with the real clock.
pub(crate) fn hasty() -> Reconnect {
    let mut policy = Reconnect::default();
    policy.base = millis(20);
    policy.cap = millis(100);
    policy.budget = Some(1000);
    policy
}

/// Bounds what must happen, so that a hanging test fails. Less than the time
/// after which an idle driver looks around, which could hide a lost wake-up.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(secs(10), future).await.expect("nothing happened for 10 s")
}

/// The same if the clock is the real one.
pub(crate) async fn within_20_s<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(secs(20), future).await.expect("nothing happened for 20 s")
}

/// True if the future is still not ready after a while of (paused) time.
pub(crate) async fn stays_pending(future: impl Future) -> bool {
    tokio::time::timeout(millis(50), future).await.is_err()
}

/// Lets every task do what it can do now; for paused time.
pub(crate) async fn settle() {
    tokio::time::sleep(millis(1)).await;
}

/// Waits for a state.
pub(crate) async fn state_of(client: &Client, wanted: impl FnMut(&State) -> bool) -> State {
    let mut watch = client.watch_state();
    soon(watch.wait_for(wanted)).await.unwrap().clone()
}

/// A client that is online at a scripted server of this version.
pub(crate) async fn online(
    version: Version,
    settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (Client, Server, Peer) {
    let mut server = Server::new();
    let client = settings(server.client().version(version)).start().unwrap();
    let peer = server.online().await;
    soon(client.online()).await.unwrap();
    (client, server, peer)
}

/// The same with MQTT 5 and nothing set.
pub(crate) async fn online_v5() -> (Client, Server, Peer) {
    online(Version::V5, |builder| builder).await
}

pub(crate) fn small_write_buffer() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.write_buffer = 1000;
    bounds
}

pub(crate) fn small_inbox() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.inbox_messages = 10;
    bounds
}

/// Room for this many messages.
pub(crate) fn queue_of(messages: usize) -> QueueConfig {
    let mut queue = QueueConfig::default();
    queue.messages = messages;
    queue
}
