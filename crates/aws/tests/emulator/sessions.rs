//! Sessions that outlive their connections: for how long, and what waits in them.

use std::time::Duration;

use evenkeel_aws::Services;
use evenkeel_aws::emulator::settings::{Settings, read};
use evenkeel_aws::gate::Gate;
use evenkeel_broker::Quota;
use evenkeel_codec::{
    ConnAck, Connect, Disconnect, Packet, Properties, Property, QoS, ReasonCode, SubscribeOptions,
    Version,
};
use evenkeel_profile::aws_iot_core;

use crate::world::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// The least that a clock can tell.
const LEAST: Duration = Duration::from_micros(1);

/// A client that keeps its session: of MQTT 3.1.1 if it says for how many seconds it is
/// to be kept, which only MQTT 5 can.
fn enter(world: &mut World, asked: Option<u32>) -> (Peer, ConnAck) {
    let (peer, connack, _) = resume(world, asked);
    (peer, connack)
}

/// The same, with the topics of what has come behind CONNACK.
fn resume(world: &mut World, asked: Option<u32>) -> (Peer, ConnAck, Vec<String>) {
    let version = asked.map_or(Version::V311, |_| Version::V5);
    let properties: Properties = asked.map(Property::SessionExpiryInterval).into_iter().collect();
    let peer = world.open("tcp", version);
    let login = Connect { clean_start: false, properties, ..connect(version, "pump") };
    world.send(peer, Packet::Connect(login));
    let mut packets = world.recv(peer).into_iter();
    let Some(Packet::ConnAck(connack)) = packets.next() else { panic!("no CONNACK") };
    assert_eq!(connack.reason, ReasonCode::SUCCESS);
    let topics = packets.map(|packet| match packet {
        Packet::Publish(publish) => publish.topic.as_str().to_owned(),
        other => panic!("{other:?}"),
    });
    (peer, connack, topics.collect())
}

fn subscribe_to_all(world: &mut World, peer: Peer) {
    let Packet::Subscribe(mut packet) = subscribe("site/#") else { unreachable!() };
    packet.filters[0].options =
        SubscribeOptions { qos: QoS::AtLeastOnce, ..packet.filters[0].options };
    world.send(peer, Packet::Subscribe(packet));
    world.recv(peer);
}

fn world(settings: &str) -> World {
    Setup::new(&format!("{settings}{OPEN}")).world()
}

#[test]
fn a_session_ends_with_what_the_account_gives_or_the_client_asks_for() {
    let minute = 60 * SECOND;
    for (settings, asked, lasts) in [
        ("", None, HOUR),
        ("", Some(u32::MAX), HOUR),
        ("", Some(3601), HOUR),
        ("", Some(60), minute),
        ("session_expiry = 60\n", None, minute),
        ("session_expiry = 60\n", Some(3600), minute),
        ("session_expiry = 604800\n", None, 7 * 24 * HOUR),
        ("session_expiry = 604800\n", Some(604_800), 7 * 24 * HOUR),
    ] {
        let what = format!("{settings:?} {asked:?}");
        let mut world = world(settings);
        let (peer, connack) = enter(&mut world, asked);
        assert!(!connack.session_present, "{what}");
        let announced = connack.properties.session_expiry_interval();
        let granted = u32::try_from(lasts.as_secs()).unwrap();
        // Only what differs from the client's wish is announced, and by MQTT 5 alone.
        assert_eq!(announced, asked.filter(|asked| *asked != granted).map(|_| granted), "{what}");
        world.cut(peer);
        world.wait(lasts.checked_sub(LEAST).unwrap());
        let (peer, connack) = enter(&mut world, asked);
        assert!(connack.session_present, "{what}");
        world.cut(peer);
        world.wait(lasts);
        assert!(!enter(&mut world, asked).1.session_present, "{what}");
    }
}

#[test]
fn disconnect_asks_for_no_more_either() {
    let mut world = world("");
    let (peer, _) = enter(&mut world, Some(60));
    let properties = [Property::SessionExpiryInterval(u32::MAX)].into_iter().collect();
    let end = Disconnect { reason: ReasonCode::SUCCESS, properties };
    world.send(peer, Packet::Disconnect(end));
    world.wait(HOUR.checked_sub(LEAST).unwrap());
    let (peer, connack) = enter(&mut world, Some(60));
    assert!(connack.session_present);
    let properties = [Property::SessionExpiryInterval(u32::MAX)].into_iter().collect();
    world.send(peer, Packet::Disconnect(Disconnect { reason: ReasonCode::SUCCESS, properties }));
    world.wait(HOUR);
    assert!(!enter(&mut world, Some(60)).1.session_present);
}

/// A client with a subscription goes, and so many messages wait for it.
fn stored(count: usize, asked: Option<u32>) -> World {
    let quota = Some(Quota::new(aws_iot_core()));
    let mut world = World::with_quota(Setup::new(OPEN).emulator(), quota);
    let (peer, _) = enter(&mut world, asked);
    subscribe_to_all(&mut world, peer);
    world.cut(peer);
    let publisher = world.connect("publisher");
    for number in 0..count {
        let sent = world.publish(publisher, &format!("site/{number}"), "{}");
        assert!(matches!(&sent[..], [Packet::PubAck(ack)] if !ack.reason.is_error()));
    }
    world
}

#[test]
fn stored_messages_come_ten_a_second() {
    for asked in [None, Some(3600)] {
        let mut world = stored(25, asked);
        // AWS was seen to space short connections of one client.
        world.wait(12 * SECOND);
        let (peer, connack, first) = resume(&mut world, asked);
        assert!(connack.session_present);
        assert_eq!(first.len(), 10, "at once");
        // In steps that are no part of a second: when each has come, to a step.
        let step = Duration::from_millis(30);
        let mut came: Vec<(Duration, String)> =
            first.into_iter().map(|topic| (Duration::ZERO, topic)).collect();
        for number in 0..100 {
            came.extend(world.messages(peer).into_iter().map(|(topic, _)| (number * step, topic)));
            world.wait(step);
        }
        let topics: Vec<String> = came.iter().map(|(_, topic)| topic.clone()).collect();
        let expected: Vec<String> = (0..25).map(|number| format!("site/{number}")).collect();
        assert_eq!(topics, expected, "all, in their order");
        for (later, earlier) in came.iter().skip(10).zip(&came) {
            assert!(later.0 + step > earlier.0 + SECOND, "{earlier:?} and {later:?}");
        }
        let last = came.last().unwrap().0;
        assert!((SECOND..3 * SECOND).contains(&last), "{last:?}");
    }
}

#[test]
fn stored_messages_go_with_their_session() {
    for asked in [None, Some(600)] {
        let lasts = asked.map_or(HOUR, |seconds| Duration::from_secs(seconds.into()));
        for (away, is_kept) in [(lasts.checked_sub(LEAST).unwrap(), true), (lasts, false)] {
            let mut world = stored(3, asked);
            world.wait(away);
            let (peer, connack, came) = resume(&mut world, asked);
            assert_eq!(connack.session_present, is_kept, "{asked:?} {away:?}");
            assert_eq!(came.len(), if is_kept { 3 } else { 0 }, "{asked:?}");
            world.wait(10 * SECOND);
            assert_eq!(world.messages(peer), [], "{asked:?}");
        }
    }
}

#[test]
fn an_expiry_that_aws_has_not_is_refused() {
    for (text, is_good) in [
        ("session_expiry = 0", false),
        ("session_expiry = 1", true),
        ("session_expiry = 604800", true),
        ("session_expiry = 604801", false),
    ] {
        let settings: Settings = read(text).unwrap();
        let applied = settings.apply(&mut Gate::default(), &mut Services::default());
        assert_eq!(applied.is_ok(), is_good, "{text}");
        if let Err(error) = applied {
            let error = error.to_string();
            assert!(error.starts_with("session_expiry: "), "{error}");
            assert!(error.contains("hint: 1 to 604800 s"), "{error}");
        }
    }
    assert!(read::<Settings>("session_expiry = -1").is_err());
}
