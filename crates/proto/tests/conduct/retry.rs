//! What has no answer is sent again on its connection, before MQTT 5 and if it is
//! wanted (D6).

use std::collections::VecDeque;

use evenkeel_proto::codec::{Packet, PacketId, Version};
use evenkeel_proto::{Client, Completion, Config, ConfigError, Delivered, Instant};

use crate::support::*;

/// Sends again after 5, 10 and 20 more seconds.
fn retrying() -> Config {
    let mut config = quiet(lasting(Version::V311));
    config.bounds.retry_unacked = Some(secs(5));
    config
}

fn send(rig: &mut Rig, qos: evenkeel_proto::codec::QoS, number: u64) -> PacketId {
    rig.publish("t", qos, number);
    let sent = rig.expect_publish();
    assert!(!sent.dup);
    sent.packet_id.unwrap()
}

#[track_caller]
fn expect_copy(rig: &mut Rig, id: PacketId) {
    let copy = rig.expect_publish();
    assert_eq!((copy.dup, copy.packet_id), (true, Some(id)));
}

#[test]
fn a_publish_without_answer_is_sent_again_three_times_at_distances_that_double() {
    for qos in [AtLeastOnce, ExactlyOnce] {
        let mut rig = Rig::online(retrying());
        let id = send(&mut rig, qos, 1);
        for wait in [5, 10, 20] {
            rig.advance(secs(wait) - MICRO);
            rig.expect_nothing();
            rig.advance(MICRO);
            expect_copy(&mut rig, id);
        }
        rig.advance(secs(3600));
        rig.expect_nothing();
        assert_eq!(rig.opens.len(), 1, "all on one connection");
        assert_eq!(rig.stats().publishes_resent, 3);
        let answers =
            if qos == AtLeastOnce { vec![puback(id)] } else { vec![pubrec(id), pubcomp(id)] };
        rig.send_all(&answers);
        let Delivered { attempts, .. } = rig.outcome(1).unwrap();
        assert_eq!(attempts, 4);
    }
}

//= [MQTT311-2.3.1-3]
#[test]
fn subscribe_and_unsubscribe_are_sent_again_with_their_identifiers() {
    let mut rig = Rig::online(retrying());
    rig.subscribe(&[("a", AtLeastOnce), ("b", AtMostOnce)], 1);
    let first = rig.expect_subscribe();
    rig.advance(secs(5));
    assert_eq!(rig.expect_subscribe(), first);
    rig.send(&suback(first.packet_id, &[1, 0]));
    assert_eq!(rig.answer(1).unwrap(), [1, 0]);
    rig.unsubscribe(&["a"], 2);
    let first = rig.expect_unsubscribe();
    rig.advance(secs(5));
    assert_eq!(rig.expect_unsubscribe(), first);
    rig.send(&unsuback(first.packet_id, &[]));
    rig.answer(2).unwrap();
    rig.advance(secs(100));
    rig.expect_nothing();
}

//= [MQTT-4.6.0-1]
#[test]
fn copies_keep_their_order_and_each_has_a_time_of_its_own() {
    let mut rig = Rig::online(retrying());
    let first = send(&mut rig, AtLeastOnce, 1);
    rig.advance(secs(2));
    let second = send(&mut rig, AtLeastOnce, 2);
    rig.advance(secs(3));
    expect_copy(&mut rig, first);
    rig.advance(secs(2));
    expect_copy(&mut rig, second);
    let third = send(&mut rig, AtLeastOnce, 3);
    rig.send(&puback(second));
    rig.advance(secs(5));
    expect_copy(&mut rig, third);
    rig.advance(secs(3));
    expect_copy(&mut rig, first);
    rig.expect_nothing();
}

/// The answer to a copy would be taken for that of another message.
#[test]
fn an_identifier_is_not_used_again_while_a_copy_may_be_answered() {
    let mut config = retrying();
    config.bounds.in_flight = 1;
    let mut rig = Rig::online(config);
    let id = send(&mut rig, AtLeastOnce, 0);
    rig.advance(secs(5));
    expect_copy(&mut rig, id);
    rig.send(&puback(id));
    rig.outcome(0).unwrap();
    for number in 1..200 {
        let other = send(&mut rig, AtLeastOnce, number);
        assert_ne!(other, id, "its second PUBACK is due");
        rig.send(&puback(other));
        rig.outcome(number).unwrap();
    }
    rig.send(&puback(id));
    assert_eq!(rig.stats().unknown_acknowledgements, 0, "it was due");
    let again = (200..400).any(|number| {
        let other = send(&mut rig, AtLeastOnce, number);
        rig.send(&puback(other));
        other == id
    });
    assert!(again, "and free from then on");
    rig.send(&puback(id));
    assert_eq!(rig.stats().unknown_acknowledgements, 1);
}

#[test]
fn a_second_suback_is_due_and_a_third_is_not() {
    let mut rig = Rig::online(retrying());
    rig.subscribe(&[("a", AtLeastOnce)], 1);
    let id = rig.expect_subscribe().packet_id;
    rig.advance(secs(5));
    rig.expect_subscribe();
    rig.send_all(&[suback(id, &[1]), suback(id, &[1])]);
    assert_eq!(rig.stats().unknown_acknowledgements, 0);
    rig.send(&suback(id, &[1]));
    assert_eq!(rig.stats().unknown_acknowledgements, 1);
}

#[test]
fn copies_of_qos_2_bring_a_second_pubrec_and_nothing_else() {
    let mut rig = Rig::online(retrying());
    let id = send(&mut rig, ExactlyOnce, 1);
    rig.advance(secs(5));
    expect_copy(&mut rig, id);
    rig.send_all(&[pubrec(id), pubrec(id)]);
    assert_eq!(rig.expect(), pubrel(id));
    assert_eq!(rig.expect(), pubrel(id), "as specified");
    rig.send_all(&[pubcomp(id), pubcomp(id)]);
    rig.outcome(1).unwrap();
    rig.advance(secs(100));
    rig.expect_nothing();
}

#[test]
fn the_next_connection_begins_anew() {
    let mut rig = Rig::online(retrying());
    let id = send(&mut rig, AtLeastOnce, 1);
    for wait in [5, 10, 20] {
        rig.advance(secs(wait));
        expect_copy(&mut rig, id);
    }
    rig.drop_link(evenkeel_proto::TransportFailure::TimedOut);
    rig.reconnect_with(&resumed());
    expect_copy(&mut rig, id);
    rig.advance(secs(5));
    expect_copy(&mut rig, id);
}

/// What waits in our own buffers is not sent twice.
#[test]
fn nothing_is_sent_again_that_is_not_written_yet() {
    let mut rig = Rig::online(retrying());
    rig.writable = false;
    rig.publish("t", AtLeastOnce, 1);
    rig.advance(secs(60));
    assert_eq!(rig.stats().publishes_resent, 0);
    rig.writable = true;
    rig.advance(secs(2));
    let first = rig.expect_publish();
    assert!(!first.dup);
    expect_copy(&mut rig, first.packet_id.unwrap());
}

//= [MQTT-4.4.0-1]
#[test]
fn it_is_for_mqtt_3_1_1_alone_and_for_a_second_at_least() {
    let build = |version, after| {
        let mut config = quiet(config(version));
        config.bounds.retry_unacked = Some(after);
        Client::new(config, 7, Instant::from_micros(0)).err()
    };
    for version in [Version::V31, Version::V5] {
        assert_eq!(build(version, secs(5)), Some(ConfigError::RetryVersion));
    }
    assert_eq!(build(Version::V311, secs(1) - MICRO), Some(ConfigError::RetryTime));
    assert_eq!(build(Version::V311, secs(1)), None);
    let mut rig = Rig::online(quiet(lasting(Version::V311)));
    let id = send(&mut rig, AtLeastOnce, 1);
    rig.advance(secs(3600));
    rig.expect_nothing();
    rig.send(&puback(id));
}

/// Copies count for the rates of a profile as any packet does.
#[test]
fn copies_wait_for_the_rate_of_the_profile() {
    let mut config = retrying();
    let profile = "name = 'x'\nbased_on = 'none'\n\
        publish.publish_rate.value = { amount = 1, period = 30 }";
    config.obey(&evenkeel_proto::profile::Profile::from_toml(profile).unwrap()).unwrap();
    let mut rig = Rig::online(config);
    rig.publish("t", AtLeastOnce, 1);
    rig.advance(secs(31));
    let packets: Vec<Packet> = std::iter::from_fn(|| rig.wire.pop_front()).collect();
    assert_eq!(packets.len(), 1, "{packets:?}");
    rig.advance(secs(31));
    assert_eq!(rig.wire.len(), 1);
}

/// D1, D4: a slow server answers each copy, in order. No answer ends another message
/// than the one it is for, and each message ends once.
#[test]
fn no_answer_to_a_copy_is_taken_for_that_of_another_message() {
    for seed in 1..200_u64 {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut config = retrying();
        config.bounds.retry_unacked = Some(secs(1));
        config.bounds.in_flight = 3;
        let mut rig = Rig::online(config);
        let (mut published, mut ended) = (0, Vec::new());
        // What the server has got and has not answered, with the message's number.
        let mut unanswered: VecDeque<(PacketId, u64)> = VecDeque::new();
        while ended.len() < 100 {
            if published < 100 {
                let body = published.to_string();
                rig.try_publish(publish("t", &body, AtLeastOnce), published).unwrap();
                published += 1;
            }
            rig.advance(millis(random(1500)));
            while let Some(packet) = rig.wire.pop_front() {
                let Packet::Publish(publish) = packet else { panic!("{packet:?}") };
                let number = std::str::from_utf8(&publish.payload).unwrap().parse().unwrap();
                unanswered.push_back((publish.packet_id.unwrap(), number));
            }
            for _ in 0..random(4) {
                let Some((id, number)) = unanswered.pop_front() else { break };
                rig.send(&puback(id));
                for completion in rig.outcomes() {
                    let Completion::Publish { token: of, result: Ok(_) } = completion else {
                        panic!("{completion:?}")
                    };
                    assert_eq!(of, token(number), "seed {seed}: by the answer to {id:?}");
                    ended.push(number);
                }
            }
        }
        ended.sort_unstable();
        assert_eq!(ended, (0..100).collect::<Vec<_>>(), "seed {seed}");
        assert!(rig.stats().publishes_resent > 10, "seed {seed} has copies");
    }
}
