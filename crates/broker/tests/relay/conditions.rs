//! Whom a rule is for.

use evenkeel_broker::relay::Side;

use crate::world::*;

#[test]
fn a_client_by_its_identifier_and_the_number_of_its_connection() {
    let rule = "received = \"PINGREQ\"\nclient = \"pu*\"\nconnection = 2\naction = \"drop\"";
    let mut world = World::new(&[rule]);
    // The connection of another client is none of its own.
    let other = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x";
    world.client(other);
    assert_eq!(world.client(PINGREQ), PINGREQ);
    for passes in [true, false, true] {
        world.again();
        world.client(CONNECT);
        assert_eq!(!world.client(PINGREQ).is_empty(), passes);
    }
}

#[test]
fn each_connection_counts_anew() {
    let rule = "received = \"PINGREQ\"\nper = \"connection\"\nnth = 2\naction = \"drop\"";
    let mut world = World::new(&[rule]);
    for _ in 0..2 {
        world.client(CONNECT);
        assert_eq!(world.client(&PINGREQ.repeat(3)), PINGREQ.repeat(2));
        world.again();
    }
}

#[test]
fn a_topic_and_a_size() {
    let mut world = World::connected(&[
        "received = \"PUBLISH\"\ntopic = \"poison/#\"\naction = \"drop\"",
        "sent = \"PUBLISH\"\nlarger_than = 10\naction = \"drop\"",
    ]);
    assert_eq!(world.client(&publish("poison/1", b"")), b"");
    assert_eq!(world.client(&publish("poisons", b"")), publish("poisons", b""));
    assert_eq!(world.server(&publish("t", &[0; 11])), b"");
    assert_eq!(world.server(&publish("t", &[0; 10])), publish("t", &[0; 10]));
}

/// MQTT 5: the second message names its topic by an alias.
#[test]
fn a_topic_behind_its_alias() {
    let connect = b"\x10\x11\0\x04MQTT\x05\x02\0\x3c\0\0\x04pump";
    let named = b"\x30\x08\0\x01t\x03\x23\0\x01x";
    let by_alias = b"\x30\x07\0\0\x03\x23\0\x01y";
    let rule = "[PACKET] = \"PUBLISH\"\ntopic = \"t\"\nnth = 2\naction = \"drop\"";
    for (from, word) in [(Side::Client, "received"), (Side::Server, "sent")] {
        let mut world = World::new(&[&rule.replace("[PACKET]", word)]);
        assert_eq!(world.client(connect), connect);
        for (packet, passes) in [(&named[..], true), (&by_alias[..], false)] {
            let got = match from {
                Side::Client => world.client(packet),
                Side::Server => world.server(packet),
            };
            assert_eq!(!got.is_empty(), passes);
        }
    }
}

#[test]
fn a_rule_begins_and_ends() {
    let rule = "received = \"PINGREQ\"\nstarting = \"1s\"\nlasting = \"1s\"\naction = \"drop\"";
    let mut world = World::connected(&[rule]);
    for (span, passes) in [(999, true), (1, false), (999, false), (1, true)] {
        world.wait(ms(span));
        assert_eq!(!world.client(PINGREQ).is_empty(), passes);
    }
}

#[test]
fn who_was_hit_is_told() {
    let mut world = World::connected(&["name = \"lost\"\nsent = \"PINGRESP\"\naction = \"drop\""]);
    world.server(PINGRESP);
    let [applied] = &world.relay.applied()[..] else { panic!() };
    assert_eq!((&*applied.rule, applied.action), ("lost", "drop"));
    assert_eq!(applied.packet.map(|kind| kind.to_string()), Some("PINGRESP".into()));
    assert_eq!(applied.client.as_deref(), Some("pump"));
    assert!(world.relay.applied().is_empty(), "each is told once");
}
