//! Acknowledgements that a server withholds (R17).

use std::time::Duration;

use evenkeel_proto::codec::{Packet, PacketId, Version};
use evenkeel_proto::{Config, DisconnectCause, Event};

use crate::support::*;

fn withholding() -> Config {
    let mut config = quiet(lasting(Version::V311));
    config.rates.withheld = true;
    config
}

/// What was told since the last call.
fn found(rig: &mut Rig) -> Vec<(Vec<PacketId>, Duration)> {
    let events = rig.take_events().into_iter();
    let found = events.filter_map(|event| match event {
        Event::AcknowledgementsWithheld { packet_ids, after } => Some((packet_ids, after)),
        _ => None,
    });
    found.collect()
}

/// Publishes so many messages; returns their identifiers.
fn send(rig: &mut Rig, count: u64) -> Vec<PacketId> {
    let mut ids = Vec::new();
    for number in 0..count {
        rig.advance(millis(1));
        rig.publish("t", AtLeastOnce, number);
        ids.push(rig.expect_publish().packet_id.unwrap());
    }
    ids
}

#[test]
fn identifiers_that_were_passed_over_are_recovered_by_one_renewed_connection() {
    let mut rig = Rig::online(withholding());
    let ids = send(&mut rig, 4);
    rig.send_all(&[puback(ids[0]), puback(ids[3])]);
    rig.advance(secs(29));
    assert_eq!(found(&mut rig), []);
    rig.advance(secs(11));
    let told = found(&mut rig);
    let [(lost, after)] = &told[..] else { panic!("told once: {told:?}") };
    assert_eq!(lost, &ids[1..3], "the oldest first");
    assert!((secs(30)..=secs(40)).contains(after), "{after:?}");
    rig.expect_renewal();
    rig.accept_with(&resumed());
    rig.show_life();
    for id in &lost[..] {
        let again = rig.expect_publish();
        assert_eq!((again.dup, again.packet_id), (true, Some(*id)));
        rig.send(&puback(*id));
    }
    rig.advance(secs(600));
    assert_eq!((rig.opens.len(), found(&mut rig)), (2, vec![]), "once");
}

#[test]
fn pings_that_are_answered_are_evidence_too() {
    let mut config = withholding();
    config.connect.keep_alive = 20;
    for answers in [true, false] {
        let mut rig = Rig::online(config.clone());
        let ids = send(&mut rig, 1);
        for _ in 0..4 {
            rig.advance(secs(10));
            if rig.wire.pop_front() == Some(Packet::PingReq) && answers {
                rig.send(&Packet::PingResp);
            }
        }
        let told: Vec<_> = found(&mut rig).into_iter().map(|(ids, _)| ids).collect();
        assert_eq!(told, if answers { vec![ids] } else { vec![] });
    }
}

/// A server that is slow, and answers in order, withholds nothing.
#[test]
fn slow_answers_are_not_withheld_ones() {
    let mut rig = Rig::online(withholding());
    for _ in 0..20 {
        let ids = send(&mut rig, 3);
        rig.advance(secs(300));
        for id in ids {
            rig.send(&puback(id));
            rig.advance(secs(25));
        }
    }
    assert_eq!((rig.opens.len(), found(&mut rig)), (1, vec![]));
}

#[test]
fn only_servers_that_are_known_to_withhold_are_suspected() {
    let mut without = withholding();
    without.rates.withheld = false;
    let mut newer = withholding();
    newer.version = Version::V5;
    for config in [without, newer] {
        let mut rig = Rig::online(config);
        let ids = send(&mut rig, 2);
        rig.send(&puback(ids[1]));
        assert_eq!(rig.deadline, None, "not even looked at");
        rig.advance(secs(3600));
        assert_eq!((rig.opens.len(), found(&mut rig)), (1, vec![]));
    }
}

#[test]
fn renewals_for_this_are_five_minutes_apart_and_ever_more() {
    let mut rig = Rig::online(withholding());
    let mut ends = Vec::new();
    for _ in 0..5 {
        let ids = send(&mut rig, 2);
        rig.send(&puback(ids[1]));
        while rig.causes().is_empty() {
            rig.advance(secs(1));
        }
        ends.push(rig.now);
        rig.forget_wire();
        // The session is lost, so that each connection begins anew.
        rig.accept_with(&accepted());
        let again = rig.expect_publish();
        rig.send(&puback(again.packet_id.unwrap()));
    }
    let gaps: Vec<_> = ends.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert_eq!(gaps, [300, 600, 1200, 2400]);
    // After an hour without need the next one comes at once.
    rig.advance(secs(2 * 3600 + 2400));
    let ids = send(&mut rig, 2);
    rig.send(&puback(ids[1]));
    rig.advance(secs(40));
    assert_eq!(rig.causes(), [DisconnectCause::Renewal]);
}
