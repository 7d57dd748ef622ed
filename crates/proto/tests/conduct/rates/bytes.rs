//! Bytes on the wire.

use ::bytes::Bytes;
use evenkeel_proto::codec::{Property, Version};
use evenkeel_proto::{ConnectionId, RateLimit};

use super::*;

const NET: u32 = 10_000;

fn bytes_rate(version: Version, amount: u32) -> Config {
    let mut config = quiet(lasting(version));
    config.rates.bytes = Some(RateLimit::new("byte_rate", amount, secs(1)));
    config
}

fn of_size(payload: usize) -> evenkeel_proto::codec::Publish {
    let payload = Bytes::from(vec![7; payload]);
    evenkeel_proto::codec::Publish { payload, ..publish("a", "", AtMostOnce) }
}

/// The most bytes of packets that were written in any second.
fn most_bytes(rig: &Rig, version: Version) -> usize {
    let sizes: Vec<(Instant, ConnectionId, usize)> = rig
        .history
        .iter()
        .map(|(at, conn, packet)| (*at, *conn, packet.encoded_len(version).unwrap()))
        .collect();
    let from = |first: usize| {
        let end = sizes[first].0 + secs(1);
        let window = sizes[first..].iter().take_while(|(at, _, _)| *at < end);
        window.map(|(_, _, size)| size).sum()
    };
    (0..sizes.len()).map(from).max().unwrap_or(0)
}

/// P2.
#[test]
fn no_second_holds_more_bytes() {
    each_version(|version| {
        let mut config = bytes_rate(version, NET);
        config.bounds.packet_size = Some(1020);
        let mut rig = Rig::online(config);
        for number in 0..400 {
            rig.try_publish(of_size(number * 37 % 980), number as u64).unwrap();
        }
        for round in 0..20 {
            rig.advance(millis(350));
            rig.writable = round % 4 != 0;
            rig.advance(millis(150));
            rig.unblock();
        }
        let most = most_bytes(&rig, version);
        assert!(most <= NET as usize, "{most}");
        assert!(most > 80 * NET as usize / 100, "{most} is far below");
    });
}

/// The bucket holds a packet of the largest size, if that is known.
#[test]
fn the_largest_packet_fits_into_the_rate() {
    each_version(|version| {
        let mut config = bytes_rate(version, 16 * NET);
        config.bounds.packet_size = Some(4 * NET);
        let mut rig = Rig::online(config);
        for number in 0..40 {
            let payload = if number % 2 == 0 { 4 * NET as usize - 50 } else { 500 };
            rig.try_publish(of_size(payload), number).unwrap();
        }
        rig.advance(secs(10));
        assert_eq!(rig.published().len(), 40);
        let most = most_bytes(&rig, version);
        assert!(most <= 16 * NET as usize, "{most}");
    });
}

/// It waits until nothing else is owed, and is paid for before the next.
#[test]
fn a_packet_larger_than_the_rate_goes_alone() {
    let mut rig = Rig::online(bytes_rate(Version::V5, NET));
    rig.try_publish(of_size(100), 1).unwrap();
    rig.try_publish(of_size(3 * NET as usize), 2).unwrap();
    rig.try_publish(of_size(100), 3).unwrap();
    rig.advance(secs(10));
    let sent = rig.published();
    assert_eq!(sent.len(), 3);
    assert!(sent[1].since(sent[0]) > millis(10), "{sent:?}");
    // Of 10,000 bytes 5,001 come in a second, and 5,000 are owed at most.
    assert!(sent[2].since(sent[1]) > secs(5), "{sent:?}");
}

/// Acknowledgements go at once, and count.
#[test]
fn what_never_waits_is_paid_for_by_what_does() {
    each_version(|version| {
        let mut config = bytes_rate(version, 1000);
        config.bounds.packet_size = Some(100);
        let mut rig = Rig::online(config);
        rig.advance(secs(1));
        rig.forget_wire();
        // 100 acknowledgements of 4 bytes, of a bucket of 125.
        for number in 1..=100 {
            rig.send(&Packet::Publish(delivery("in", AtLeastOnce, number)));
            rig.handle_message();
        }
        assert_eq!(rig.wire.len(), 100, "each at once");
        rig.try_publish(of_size(10), 1).unwrap();
        rig.advance(millis(300));
        assert!(rig.published().is_empty(), "275 bytes are owed, of 876 in a second");
        rig.advance(millis(100));
        assert_eq!(rig.published().len(), 1);
    });
}

/// Messages do not keep an operation from its turn.
#[test]
fn a_subscribe_that_waits_for_bytes_is_not_starved() {
    each_version(|version| {
        let mut rig = Rig::online(bytes_rate(version, 1000));
        for number in 0..200 {
            rig.try_publish(of_size(40), number).unwrap();
        }
        rig.advance(secs(2));
        let filters: Vec<String> = (0..8).map(|number| format!("filter/{number}")).collect();
        let filters: Vec<_> = filters.iter().map(|filter| (filter.as_str(), AtMostOnce)).collect();
        let before = rig.published().len();
        rig.subscribe(&filters, 300);
        rig.advance(millis(300));
        let subscribed = rig.written(|packet| matches!(packet, Packet::Subscribe(_)));
        assert_eq!(subscribed.len(), 1, "it had its turn before {before} others");
        let most = most_bytes(&rig, version);
        assert!(most <= 1000, "{most}");
    });
}

/// The server's own bound counts as well.
#[test]
fn a_smaller_packet_of_the_server_makes_a_smaller_bucket() {
    let mut rig = Rig::online_with(
        bytes_rate(Version::V5, 16 * NET),
        &with([Property::MaximumPacketSize(2 * NET)]),
    );
    rig.advance(secs(10));
    for number in 0..4 {
        rig.try_publish(of_size(NET as usize), number).unwrap();
    }
    assert_eq!(rig.published().len(), 1, "one of 20,000 bytes at most");
}
