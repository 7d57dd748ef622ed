//! Every action, on both sides of its bounds.

use evenkeel_broker::relay::{FaultsError, Side};

use crate::world::*;

const BOTH: [Side; 2] = [Side::Client, Side::Server];

#[test]
fn drop_loses_one_packet_and_no_other() {
    let mut world = World::connected(&[
        "sent = \"PINGRESP\"\nnth = 1\naction = \"drop\"",
        "received = \"PUBLISH\"\nnth = 2\naction = \"drop\"",
    ]);
    let both = [PINGRESP, PUBACK, PINGRESP].concat();
    assert_eq!(world.server(&both), [PUBACK, PINGRESP].concat());
    let all = ["1", "2", "3"].map(|payload| publish("t", payload.as_bytes()));
    assert_eq!(world.client(&all.concat()), [&all[0][..], &all[2]].concat());
    assert_eq!(world.applied(), ["drop", "drop"]);
}

#[test]
fn delay_lets_others_pass_both_ways() {
    let mut world = World::connected(&[
        "sent = \"PUBACK\"\naction = { delay = \"600ms\" }",
        "received = \"PINGREQ\"\naction = { delay = \"700ms\" }",
    ]);
    assert_eq!(world.server(&[PUBACK, PINGRESP].concat()), PINGRESP);
    assert_eq!(world.client(PINGREQ), b"");
    assert_eq!(world.due(), Some(ms(600)));
    world.wait(ms(599));
    assert_eq!(world.to(Side::Client), b"");
    world.wait(ms(1));
    assert_eq!(world.to(Side::Client), PUBACK);
    assert_eq!(world.to(Side::Server), b"");
    world.wait(ms(100));
    assert_eq!(world.to(Side::Server), PINGREQ);
    assert_eq!(world.due(), None);
}

#[test]
fn two_rules_add_up() {
    let mut world = World::connected(&[
        "sent = \"PINGRESP\"\naction = { delay = \"100ms\" }",
        "sent = \"PINGRESP\"\naction = { delay = \"100ms\" }",
        "sent = \"PINGRESP\"\naction = \"duplicate\"",
    ]);
    assert_eq!(world.server(PINGRESP), b"");
    world.wait(ms(199));
    assert_eq!(world.to(Side::Client), b"");
    world.wait(ms(1));
    assert_eq!(world.to(Side::Client), [PINGRESP, PINGRESP].concat());
}

#[test]
fn duplicate_both_ways_and_no_more_than_sixteen() {
    let twice = "received = \"any\"\naction = \"duplicate\"";
    let mut world = World::connected(&["sent = \"PUBACK\"\naction = \"duplicate\""]);
    assert_eq!(world.server(PUBACK), [PUBACK, PUBACK].concat());
    world = World::new(&[twice; 6]);
    assert_eq!(world.client(CONNECT), CONNECT.repeat(16));
}

#[test]
fn corrupt_flips_bits_of_one_byte() {
    let mut world = World::connected(&[
        "sent = \"PUBACK\"\nnth = 1\naction = { corrupt = { offset = 3, mask = 0x80 } }",
        "sent = \"PUBACK\"\nnth = 2\naction = { corrupt = { offset = 99, mask = 1 } }",
    ]);
    assert_eq!(world.server(PUBACK), b"\x40\x02\0\x87");
    assert_eq!(world.server(PUBACK), b"\x40\x02\0\x06");
    assert_eq!(world.server(PUBACK), PUBACK);
}

#[test]
fn inject_comes_before_the_packet() {
    let mut world = World::connected(&["sent = \"PUBACK\"\naction = { inject = \"d0 00\" }"]);
    assert_eq!(world.server(PUBACK), [PINGRESP, PUBACK].concat());
    // On a packet of the client, it goes to the client as well.
    world = World::connected(&["received = \"PINGREQ\"\naction = { inject = \"d0 00\" }"]);
    assert_eq!(world.client(PINGREQ), PINGREQ);
    assert_eq!(world.to(Side::Client), PINGRESP);
}

#[test]
fn one_per_lets_one_pass_in_its_time() {
    let mut world = World::connected(&["sent = \"PINGRESP\"\naction = { one_per = \"1s\" }"]);
    assert_eq!(world.server(&PINGRESP.repeat(3)), PINGRESP);
    world.wait(ms(999));
    assert_eq!(world.server(PINGRESP), b"");
    world.wait(ms(1));
    assert_eq!(world.server(PINGRESP), PINGRESP);
}

#[test]
fn close_sends_what_was_ready_and_nothing_more() {
    let mut world = World::connected(&["sent = \"PINGRESP\"\naction = \"close\""]);
    assert_eq!(world.server(&[PUBACK, PINGRESP, PUBACK].concat()), PUBACK);
    assert!(world.relay.is_closed());
    assert_eq!(BOTH.map(|side| world.is_over(side)), [true, true]);
    assert_eq!(BOTH.map(|side| world.relay.wants(world.now, side)), [false, false]);
    assert_eq!(world.client(PINGREQ), b"");
}

#[test]
fn close_after_sends_the_packet_first() {
    let mut world = World::connected(&["sent = \"PINGRESP\"\naction = \"close_after\""]);
    assert_eq!(world.server(&[PINGRESP, PUBACK].concat()), PINGRESP);
    assert!(world.is_over(Side::Client) && world.is_over(Side::Server));
    // What the client sent goes on to the server, which is not waited for.
    world = World::connected(&["received = \"PINGREQ\"\naction = \"close_after\""]);
    assert_eq!(world.client(&PINGREQ.repeat(2)), PINGREQ);
    assert!(world.is_over(Side::Client) && world.is_over(Side::Server));
}

#[test]
fn an_action_can_wait() {
    let mut world = World::connected(&["sent = \"PINGRESP\"\nwait = \"5s\"\naction = \"close\""]);
    assert_eq!(world.server(PINGRESP), PINGRESP);
    assert_eq!(world.due(), Some(ms(5000)));
    world.wait(ms(4999));
    assert!(!world.relay.is_closed());
    world.wait(ms(1));
    assert!(world.relay.is_closed());
}

#[test]
fn opened_is_before_everything() {
    let world = World::new(&["opened = true\naction = \"close\""]);
    assert!(world.relay.is_closed() && world.is_over(Side::Client));
    let mut world = World::new(&["opened = true\naction = { inject = \"d0 00\" }"]);
    assert_eq!(world.to(Side::Client), PINGRESP);
    assert_eq!(world.relay.applied()[0].packet, None);
}

#[test]
fn silence_passes_its_packet_and_holds_back_all_that_follows() {
    let mut world = World::connected(&[
        "received = \"PINGREQ\"\nnth = 1\naction = { silence = { lasts = \"5s\" } }",
    ]);
    assert_eq!(world.client(&[PINGREQ, PUBACK].concat()), PINGREQ);
    assert_eq!(world.server(PINGRESP), b"");
    world.ends(Side::Client);
    world.ends(Side::Server);
    // The ends are held back, too: nobody learns of anything.
    assert_eq!(BOTH.map(|side| world.is_over(side)), [false, false]);
    assert_eq!(world.due(), Some(ms(5000)));
    world.wait(ms(4999));
    assert_eq!(BOTH.map(|side| world.to(side).len()), [0, 0]);
    world.wait(ms(1));
    assert_eq!(world.to(Side::Client), PINGRESP);
    assert_eq!(world.to(Side::Server), PUBACK);
    assert_eq!(BOTH.map(|side| world.is_over(side)), [true, true]);
}

#[test]
fn silence_of_one_half() {
    let rule =
        |half: &str| format!("sent = \"PUBACK\"\naction = {{ silence = {{ stop = \"{half}\" }} }}");
    let mut world = World::connected(&[&rule("reading")]);
    assert_eq!(world.server(PUBACK), PUBACK);
    assert_eq!(world.client(PINGREQ), b"");
    assert_eq!(world.server(PINGRESP), PINGRESP);
    let mut world = World::connected(&[&rule("sending")]);
    // It waits itself.
    assert_eq!(world.server(PUBACK), b"");
    assert_eq!(world.client(PINGREQ), PINGREQ);
    world.ends(Side::Client);
    assert!(world.is_over(Side::Server) && !world.is_over(Side::Client));
    assert_eq!(world.due(), None, "it does not end");
}

#[test]
fn a_close_in_silence_waits_for_two_seconds() {
    let mut world = World::connected(&[
        "sent = \"PUBACK\"\naction = { silence = {} }",
        "sent = \"PINGRESP\"\naction = \"close\"",
    ]);
    assert_eq!(world.server(&[PUBACK, PINGRESP].concat()), b"");
    assert_eq!(world.due(), Some(ms(2000)));
    world.wait(ms(1999));
    assert!(!world.is_over(Side::Client) && !world.relay.is_overdue(world.now));
    world.wait(ms(1));
    assert!(world.is_over(Side::Client) && world.relay.is_overdue(world.now));
}

#[test]
fn dribble_lets_bytes_leave_in_small_pieces() {
    let mut world = World::connected(&[
        "sent = \"PUBLISH\"\naction = { dribble = { bytes = 3, every = \"50ms\" } }",
    ]);
    let message = publish("t", b"abc");
    let mut got = world.server(&message);
    assert_eq!(got, message[..3]);
    while got.len() < message.len() {
        assert_eq!(world.due(), Some(ms(50)));
        world.wait(ms(49));
        assert_eq!(world.to(Side::Client), b"");
        world.wait(ms(1));
        let piece = world.to(Side::Client);
        assert!((1..=3).contains(&piece.len()));
        got.extend(piece);
    }
    assert_eq!(got, message);
}

#[test]
fn an_end_comes_behind_what_is_delayed() {
    let mut world = World::connected(&["sent = \"PUBACK\"\naction = { delay = \"1s\" }"]);
    world.server(PUBACK);
    world.ends(Side::Server);
    world.wait(ms(999));
    assert!(!world.is_over(Side::Client));
    world.wait(ms(1));
    assert!(!world.is_over(Side::Client));
    assert_eq!(world.to(Side::Client), PUBACK);
    assert!(world.is_over(Side::Client) && !world.is_over(Side::Server));
}

#[test]
fn what_needs_a_broker_is_refused() {
    let action = |text: &str| faults(&format!("[[rule]]\nname = \"x\"\n{text}")).unwrap_err();
    for (name, text) in [
        ("refuse", "received = \"CONNECT\"\naction = { refuse = { code = 5 } }"),
        ("disconnect", "sent = \"PUBACK\"\naction = { disconnect = { reason = 0x89 } }"),
        ("announce", "sent = \"CONNACK\"\naction = { announce = { server_keep_alive = 5 } }"),
    ] {
        let error = action(text);
        let expected = FaultsError::Action { number: 1, name: Some("x".into()), action: name };
        assert_eq!(error, expected);
        assert!(error.to_string().contains(&format!("rule 1 (\"x\") does not work: {name}")));
    }
    let step = "[[step]]\nat = \"1s\"\naction = { black_hole = \"1s\" }";
    assert_eq!(faults(step).unwrap_err(), FaultsError::Steps);
    assert_eq!(faults("[offer]\nmaximum_qos = 1").unwrap_err(), FaultsError::Settings);
    assert!(faults("").is_ok());
}
