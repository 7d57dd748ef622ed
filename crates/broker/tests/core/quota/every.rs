//! Every limit of every built-in profile, for each version, on both sides of its
//! bound: what follows is what the profile says.

use std::collections::BTreeSet;

use evenkeel_broker::{By, Config};
use evenkeel_codec::{Packet, PacketType, Version};
use evenkeel_profile::{BUILT_IN, OnBreak, Profile};

use super::scene::{self, NOT_OF_PACKETS, Scene, Step};
use super::{Told, enforcing};
use crate::world::*;

/// Plays a step on a connection that is there, or on one of its own.
fn play(world: &mut World, peer: Peer, step: Step) -> Peer {
    match step {
        Step::Wait(time) => world.wait(time),
        Step::Send(packet) => world.send(peer, packet),
        Step::Connect(connect) => {
            let peer = world.open(connect.version);
            world.send(peer, connect);
            return peer;
        }
    }
    peer
}

/// What the broker does, of what the profile says, for a packet of this version;
/// `None` if the profile says nothing certain.
fn expected(
    on_break: OnBreak,
    packet: PacketType,
    version: Version,
) -> Option<(&'static str, Option<u8>)> {
    use PacketType::{Connect, PingReq, Publish, Subscribe, Unsubscribe};
    let is_v5 = version == Version::V5;
    Some(match on_break {
        OnBreak::Clamps => ("clamps", None),
        OnBreak::Throttles => ("throttles", None),
        OnBreak::Ignores => ("ignores", None),
        OnBreak::Disconnects => ("disconnects", None),
        OnBreak::DisconnectsWith(code) if packet == Connect => ("rejects", Some(code)),
        OnBreak::DisconnectsWith(code) if is_v5 => ("disconnects-with", Some(code)),
        OnBreak::DisconnectsWith(_) => ("disconnects", None),
        OnBreak::Rejects(code) => match packet {
            Connect | Subscribe => ("rejects", Some(code)),
            Publish | Unsubscribe if is_v5 => ("rejects", Some(code)),
            Publish => ("disconnects", None),
            PingReq | Unsubscribe => ("ignores", None),
            _ => return None,
        },
        _ => return None,
    })
}

/// What came over the wire is what the event tells.
fn check_wire(world: &mut World, peer: Peer, told: &Told, name: &str) {
    let is_v5 = peer.version == Version::V5;
    let received = world.recv(peer);
    let is_closed = world.is_closed(peer);
    match told.action {
        "rejects" => {
            let code = told.code.unwrap();
            match received.as_slice() {
                [Packet::ConnAck(packet)] if is_v5 => assert_eq!(packet.reason.0, code, "{name}"),
                [Packet::ConnAck(packet)] => assert_ne!(packet.wire_code, 0, "{name}"),
                [Packet::PubAck(packet)] => assert_eq!(packet.reason.0, code, "{name}"),
                [Packet::UnsubAck(packet)] => assert_eq!(packet.codes[0].0, code, "{name}"),
                [Packet::SubAck(packet)] => {
                    let code = if is_v5 { code } else { 0x80 };
                    assert_eq!(packet.codes.last().unwrap().0, code, "{name}");
                }
                other => panic!("{name}: {other:?} in place of a refusal"),
            }
            assert_eq!(is_closed, matches!(received[0], Packet::ConnAck(_)), "{name}");
        }
        "disconnects-with" => match received.as_slice() {
            [Packet::Disconnect(packet)] => {
                assert_eq!(Some(packet.reason.0), told.code, "{name}");
                assert!(is_closed, "{name}");
            }
            other => panic!("{name}: {other:?} in place of DISCONNECT"),
        },
        "disconnects" => assert!(received.is_empty() && is_closed, "{name}: {received:?}"),
        "ignores" => assert!(received.is_empty() && !is_closed, "{name}: {received:?}"),
        "throttles" => {
            assert!(!is_closed, "{name}");
            world.wait(60 * SECOND);
            let later = world.recv(peer);
            assert!(!received.is_empty() || !later.is_empty(), "{name}: it is handled in the end");
        }
        "clamps" => assert!(!received.is_empty() && !is_closed, "{name}: it goes on"),
        other => panic!("{name}: {other} is no action"),
    }
}

/// Plays a limit alone; the reason if no packet of this version can break it.
fn judge(profile: &Profile, limit: &'static str, version: Version) -> Result<(), &'static str> {
    let mut alone = profile.clone();
    // Prefixes are a part of what the limits of topics count.
    alone.retain(|name, _| name == limit || name == "uncounted_topic_prefixes");
    let Scene { connect, inside, beyond } = scene::of(limit, &alone, version)?;
    let name = format!("{} {limit} {version:?}", profile.name);
    let info = alone.limits().into_iter().find(|info| info.name == limit).unwrap();
    let on_break = match version {
        Version::V5 => info.on_break,
        Version::V31 | Version::V311 => info.on_break_v3.unwrap_or(info.on_break),
    };
    let mut world = enforcing(alone.clone());
    let mut peer = world.connect(connect);
    for step in inside {
        peer = play(&mut world, peer, step);
        assert!(!world.is_closed(peer), "{name}: what keeps to the limit");
        if let Some(Packet::SubAck(packet)) = world.recv(peer).first() {
            assert!(packet.codes.iter().all(|code| !code.is_error()), "{name}: {packet:?}");
        }
    }
    assert_eq!(world.broken(), [""; 0], "{name}: what keeps to the limit");
    let kind = match &beyond {
        Step::Send(packet) => packet.packet_type(),
        Step::Connect(_) | Step::Wait(_) => PacketType::Connect,
    };
    let peer = play(&mut world, peer, beyond);
    let told: Vec<Told> = world.told();
    let [told] = told.as_slice() else { panic!("{name}: {told:?} in place of one break") };
    assert_eq!((told.limit, told.by), (limit, By::Client), "{name}");
    assert!(!told.texts.0.is_empty() && !told.texts.1.is_empty(), "{name}: {told:?}");
    if let Some(expected) = expected(on_break, kind, version) {
        assert_eq!((told.action, told.code), expected, "{name}");
    }
    check_wire(&mut world, peer, told, &name);
    Ok(())
}

#[test]
fn every_limit_is_enforced_as_its_profile_says() {
    let mut judged = BTreeSet::new();
    for name in BUILT_IN {
        let profile = Profile::built_in(name).unwrap();
        for info in profile.limits() {
            if NOT_OF_PACKETS.iter().any(|(limit, _)| *limit == info.name) {
                continue;
            }
            for version in [Version::V31, Version::V311, Version::V5] {
                if judge(&profile, info.name, version).is_ok() {
                    judged.insert(info.name);
                }
            }
        }
    }
    // A limit that no profile lets a packet break is played nowhere: only these.
    let unplayed = ["ban", "kept_sessions_available", "receive_maximum"];
    for name in BUILT_IN.iter().flat_map(|name| names(&Profile::built_in(name).unwrap())) {
        let is_apart = NOT_OF_PACKETS.iter().any(|(limit, _)| *limit == name);
        let is_true = ["wildcards_available"].contains(&name);
        assert!(
            judged.contains(name) || is_apart || is_true || unplayed.contains(&name),
            "{name} was played by no profile"
        );
    }
}

fn names(profile: &Profile) -> Vec<&'static str> {
    profile.limits().iter().map(|info| info.name).collect()
}

#[test]
fn a_broker_without_a_profile_breaks_none_of_the_scenes() {
    let config = Config::default();
    assert_eq!(config.quota, None);
    for name in BUILT_IN {
        let profile = Profile::built_in(name).unwrap();
        for info in profile.limits() {
            let apart = NOT_OF_PACKETS.iter().any(|(limit, _)| *limit == info.name);
            if apart {
                continue;
            }
            let Ok(scene) = scene::of(info.name, &profile, Version::V5) else { continue };
            let mut world = World::new();
            let peer = world.connect(scene.connect);
            play(&mut world, peer, scene.beyond);
            assert_eq!(world.told(), [], "{name} {}", info.name);
        }
    }
}
