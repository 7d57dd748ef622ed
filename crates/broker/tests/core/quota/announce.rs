//! What CONNACK says is what the profile allows.

use evenkeel_codec::QoS;

use super::{aws, enforcing, v5};
use crate::world::*;

#[test]
fn connack_announces_what_aws_does() {
    let mut world = aws();
    let (_, connack) = world.try_connect(crate::world::v5("a"));
    let list = &connack.properties;
    assert_eq!(list.receive_maximum(), Some(100));
    assert_eq!(list.maximum_qos(), Some(1));
    assert_eq!(list.topic_alias_maximum(), Some(8));
    assert_eq!(list.maximum_packet_size(), Some(149_504));
    assert_eq!(list.subscription_identifier_available(), Some(0));
    assert_eq!(list.server_keep_alive(), Some(1200), "0 was asked for");
    assert_eq!(list.retain_available(), None, "it is");
    assert_eq!(list.wildcard_subscription_available(), None, "it is");
}

#[test]
fn connack_announces_what_event_grid_does() {
    let mut world = enforcing(evenkeel_profile::azure_event_grid());
    let (_, connack) = world.try_connect(v5("a"));
    let list = &connack.properties;
    assert_eq!(list.shared_subscription_available(), Some(0));
    assert_eq!(list.subscription_identifier_available(), Some(0));
    assert_eq!(list.topic_alias_maximum(), Some(10));
    assert_eq!(list.maximum_packet_size(), Some(512 * 1024));
}

/// What is clamped in silence is not announced.
#[test]
fn a_service_that_clamps_does_not_say_so() {
    let mut world = enforcing(evenkeel_profile::naver_iot_core());
    let (_, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.maximum_qos(), None);
}

/// The stricter of the two holds.
#[test]
fn settings_below_the_profile_stay() {
    let mut world = World::with(|config| {
        config.quota = Some(evenkeel_profile::aws_iot_core().into());
        config.offer.receive_maximum = 7;
        config.offer.maximum_qos = QoS::AtMostOnce;
        config.offer.maximum_packet_size = 1000;
    });
    let (_, connack) = world.try_connect(v5("a"));
    let list = &connack.properties;
    assert_eq!(list.receive_maximum(), Some(7));
    assert_eq!(list.maximum_qos(), Some(0));
    assert_eq!(list.maximum_packet_size(), Some(1000));
}
