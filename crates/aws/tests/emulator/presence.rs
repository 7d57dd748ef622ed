//! Lifecycle events.

use evenkeel_codec::{Disconnect, Packet, ReasonCode, Version};
use serde_json::Value;

use crate::world::*;

fn events(world: &mut World, peer: Peer) -> Vec<(String, Value)> {
    world.messages(peer)
}

#[test]
fn who_comes_and_goes_is_published_with_the_reason() {
    let mut world = Setup::new(OPEN).world();
    let watcher = world.connect("watcher");
    world.subscribe(watcher, "$aws/events/#");
    events(&mut world, watcher);

    let first = world.connect("lamp");
    let came = events(&mut world, watcher);
    assert_eq!(came.len(), 1, "{came:?}");
    assert_eq!(came[0].0, "$aws/events/presence/connected/lamp");
    assert_eq!(came[0].1["ipAddress"], "192.0.2.7");
    assert_eq!(came[0].1["timestamp"], NOW * 1000);
    let session = came[0].1["sessionIdentifier"].as_str().unwrap();
    assert!(session.len() == 32 && session.chars().all(|c| c.is_ascii_hexdigit()), "{session}");

    world.subscribe(first, "site/#");
    let subscribed = events(&mut world, watcher);
    assert_eq!(subscribed[0].0, "$aws/events/subscriptions/subscribed/lamp");

    // Another connection takes the name over.
    let second = world.connect("lamp");
    let gone: Vec<_> = events(&mut world, watcher);
    assert_eq!(gone[0].1["disconnectReason"], "DUPLICATE_CLIENTID");
    assert_eq!(gone[1].0, "$aws/events/presence/connected/lamp");
    assert!(world.is_closed(first));

    let goodbye = Disconnect { reason: ReasonCode::SUCCESS, ..Disconnect::default() };
    world.send(second, Packet::Disconnect(goodbye));
    let gone = events(&mut world, watcher);
    assert_eq!(gone[0].1["disconnectReason"], "CLIENT_INITIATED_DISCONNECT");
    assert_eq!(gone[0].1["clientInitiatedDisconnect"], true);

    let third = world.connect("lamp");
    events(&mut world, watcher);
    world.cut(third);
    assert_eq!(events(&mut world, watcher)[0].1["disconnectReason"], "CONNECTION_LOST");

    let fourth = world.connect("lamp");
    events(&mut world, watcher);
    world.core.close_frame(world.now, fourth.id);
    world.wait(std::time::Duration::ZERO);
    let gone = events(&mut world, watcher);
    assert_eq!(gone[0].1["disconnectReason"], "CLIENT_INITIATED_DISCONNECT", "{gone:?}");
}

#[test]
fn who_lacks_rights_is_an_event_too() {
    let mut setup = Setup::new(OPEN);
    let der = setup.thing("lamp", evenkeel_aws::gate::CertificateStatus::Active);
    let mut world = setup.world();
    let watcher = world.connect("watcher");
    world.subscribe(watcher, "$aws/events/presence/connect_failed/+");
    let peer = world.open_tls(Version::V5, &der, Some("localhost"));
    world.login(peer, connect(Version::V5, "other"));
    let events = world.messages(watcher);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].1["connectFailureReason"], "AUTHORIZATION_FAILED");
    assert_eq!(events[0].1["principalIdentifier"].as_str().unwrap().len(), 64);
}
