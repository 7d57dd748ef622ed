//! What CONNECT says changes between connections.

use bytes::Bytes;
use evenkeel_proto::codec::{Packet, Properties, Property, PropertyId, TopicName, Version, Will};
use evenkeel_proto::{ConfigError, DeliveryError};

use crate::support::*;

fn will(payload: &'static str) -> Will {
    Will {
        qos: AtLeastOnce,
        retain: false,
        topic: TopicName::try_from("gone").unwrap(),
        payload: Bytes::from_static(payload.as_bytes()),
        properties: Properties::new(),
    }
}

#[test]
fn what_connect_says_can_change_and_counts_from_the_next_attempt_on() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let mut next = rig.client.connect_config();
        assert_eq!(next.client_id, "boat");
        next.will = Some(Box::new(will("later")));
        next.keep_alive = 17;
        if version == Version::V5 {
            next.receive_maximum = 3;
            next.properties.push(Property::UserProperty(text("run"), text("2")));
        }
        rig.client.set_connect(next).unwrap();
        rig.settle();
        rig.expect_nothing();
        assert!(rig.client.state().is_online(), "the connection goes on");
        assert_eq!(rig.client.connect_config().keep_alive, 17);
        let connect = rig.reconnect_with(&accepted());
        assert_eq!(connect.will.as_deref(), Some(&will("later")));
        assert_eq!(connect.keep_alive, 17);
        if version == Version::V5 {
            assert_eq!(connect.properties.receive_maximum(), Some(3));
            let user: Vec<_> = connect.properties.user_properties().collect();
            assert_eq!(user, [("run", "2")]);
        }
        let again = rig.reconnect_with(&accepted());
        assert_eq!(again.keep_alive, 17, "and for all that follow");
    });
}

/// The attempt under way has begun with what was said before.
#[test]
fn an_attempt_under_way_says_what_it_began_with() {
    let mut rig = Rig::started(config(Version::V5));
    let mut next = rig.client.connect_config();
    next.keep_alive = 5;
    rig.client.set_connect(next).unwrap();
    rig.settle();
    assert_eq!(rig.accept_with(&accepted()).keep_alive, 60);
    assert_eq!(rig.reconnect_with(&accepted()).keep_alive, 5);
}

#[test]
fn what_the_configuration_refuses_is_refused_later_too() {
    let mut rig = Rig::online(config(Version::V311));
    let before = rig.client.connect_config();
    let mut next = before.clone();
    next.properties.push(Property::UserProperty(text("a"), text("b")));
    let needs_v5 = ConfigError::NeedsV5(PropertyId::USER_PROPERTY);
    assert_eq!(rig.client.set_connect(next), Err(needs_v5), "D15");
    let mut next = before.clone();
    next.receive_maximum = 0;
    assert_eq!(rig.client.set_connect(next), Err(ConfigError::ReceiveMaximum));
    let mut next = before;
    (next.client_id, next.clean_start) = (text(""), false);
    assert_eq!(rig.client.set_connect(next), Err(ConfigError::ClientIdRequired));
    assert_eq!(rig.reconnect_with(&accepted()).client_id, "boat", "nothing has changed");
}

/// The identifier that the server chose stays, unless another one is wanted.
#[test]
fn an_assigned_identifier_survives_a_change_of_the_will() {
    let mut settings = lasting(Version::V5);
    settings.connect.client_id = text("");
    let mut rig = Rig::started(settings);
    rig.accept_with(&with([Property::AssignedClientIdentifier(text("srv-1"))]));
    let mut next = rig.client.connect_config();
    assert_eq!(next.client_id, "srv-1");
    next.will = Some(Box::new(will("now")));
    rig.client.set_connect(next).unwrap();
    let connect = rig.reconnect_with(&resumed());
    assert_eq!((connect.client_id.as_str(), connect.clean_start), ("srv-1", false));
}

#[test]
fn another_identifier_is_another_session() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.connect.clean_start = true;
        let mut rig = Rig::online(settings);
        rig.subscribe(&[("a", AtLeastOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1]));
        assert_eq!(rig.answer(1), Ok(vec![1]));
        rig.publish("b", AtLeastOnce, 2);
        let first = rig.expect_publish();
        rig.send(&Packet::Publish(delivery("news", ExactlyOnce, 9)));
        rig.handle_message();
        assert_eq!(rig.expect(), pubrec(id(9)));
        let mut next = rig.client.connect_config();
        next.client_id = text("ship");
        rig.client.set_connect(next).unwrap();
        let connect = rig.reconnect_with(&accepted());
        assert_eq!(connect.client_id, "ship");
        if version == Version::V5 {
            assert!(connect.clean_start, "the first CONNECT of that session");
        }
        let restored = rig.expect_subscribe();
        assert_eq!(restored.filters, [subscribe_to("a", AtLeastOnce)]);
        rig.send(&suback(restored.packet_id, &[1]));
        let again = rig.expect_publish();
        assert_eq!((again.packet_id, again.dup), (first.packet_id, false));
        rig.send(&puback(again.packet_id.unwrap()));
        assert!(rig.outcome(2).is_ok());
        // The identifier means another message there.
        rig.send(&Packet::Publish(delivery("news", ExactlyOnce, 9)));
        assert_eq!(rig.handle_message(), "news");
    });
}

/// D13: the server may hold the identifier for a message of that session.
#[test]
fn a_qos_2_message_that_moves_into_a_session_that_exists_is_uncertain() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    rig.publish("b", ExactlyOnce, 2);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    let mut next = rig.client.connect_config();
    next.client_id = text("ship");
    rig.client.set_connect(next).unwrap();
    rig.reconnect_with(&resumed());
    assert_eq!(rig.expect_publish().packet_id, Some(packet_id));
    rig.send(&pubrec(packet_id));
    assert_eq!(rig.expect(), pubrel(packet_id));
    rig.send(&pubcomp(packet_id));
    assert!(matches!(rig.outcome(2), Err(DeliveryError::Uncertain { .. })));
}

#[test]
fn a_store_goes_on_with_the_identifier_that_was_set() {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V5)));
    let mut next = rig.client.connect_config();
    next.client_id = text("ship");
    rig.client.set_connect(next).unwrap();
    rig.reconnect_with(&accepted());
    rig.advance(secs(1));
    assert_eq!(rig.store.recovered().client_id, Some(text("ship")));
}
