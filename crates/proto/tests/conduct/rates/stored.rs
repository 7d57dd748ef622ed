//! Rates with a store: what waits for a commit has its token already.

use evenkeel_proto::codec::{Packet, QoS, Version};
use evenkeel_proto::record::StorageFailure;

use super::*;

fn acknowledge_all(rig: &mut Rig) {
    while let Some(packet) = rig.wire.pop_front() {
        if let Packet::Publish(publish) = packet
            && let Some(id) = publish.packet_id
        {
            rig.send(&puback(id));
        }
    }
}

fn run(version: Version, qos: QoS, commit_every: u64) -> Vec<Instant> {
    let mut config = publishing(version, &[(100, secs(1))]);
    config.queue.store_qos0 = true;
    let mut rig = Rig::durable_online(config);
    for number in 0..900 {
        rig.publish("a", qos, number);
        rig.advance(MICRO);
    }
    rig.commits = Commits::Held;
    for step in 1..=3000 {
        rig.advance(millis(1));
        if step % commit_every == 0 {
            while !rig.batches.is_empty() {
                rig.commit();
            }
        }
        acknowledge_all(&mut rig);
    }
    rig.published()
}

/// P2: a slow disk does not save tokens up.
#[test]
fn no_second_holds_more_with_a_slow_store() {
    each_version(|version| {
        for qos in [AtMostOnce, AtLeastOnce] {
            for commit_every in [1, 7, 60, 400] {
                let sent = run(version, qos, commit_every);
                assert!(sent.len() > 10, "{qos:?} {commit_every}: {}", sent.len());
                assert!(most_in(secs(1), &sent) <= 100, "{qos:?} {commit_every}");
                assert!(most_in(MICRO, &sent) <= 10, "{qos:?} {commit_every}");
            }
            let fast = run(version, qos, 1).len();
            assert!(fast >= 3 * 97, "{qos:?}: {fast}");
        }
    });
}

/// A message whose commit failed gives its token back.
#[test]
fn a_store_that_fails_uses_up_no_tokens() {
    each_version(|version| {
        let mut rig = Rig::durable_online(publishing(version, &[(100, secs(1))]));
        for number in 0..400 {
            rig.publish("a", AtLeastOnce, number);
        }
        for _ in 0..3 {
            rig.advance(millis(300));
            acknowledge_all(&mut rig);
            rig.commits = Commits::Fail(StorageFailure::Full);
            rig.advance(secs(3));
            rig.commits = Commits::AtOnce;
            rig.advance(secs(70));
            acknowledge_all(&mut rig);
        }
        for _ in 0..6000 {
            rig.advance(millis(1));
            acknowledge_all(&mut rig);
        }
        assert_eq!(rig.client.queued(), 0, "all goes on");
        assert!(most_in(secs(1), &rig.published()) <= 100);
    });
}
