//! Arguments that are wrong.

use evenkeel_wasm::*;

use crate::world::{NONE, World, error, input, output};

#[test]
fn no_function_takes_a_handle_that_was_not_given() {
    let world = World::new(|| {});
    let unknown = [0, world.client + 1, NONE];
    for client in unknown {
        let results = [
            ek_config_of(client),
            ek_destroy(client),
            ek_phase(client, 0.0, 1, 420),
            ek_alternatives(client, 0.0, 1, 0),
            ek_fresh_credentials(client, 0.0, 1),
            ek_opened(client, 0.0, 1, 0, NONE, NONE),
            ek_received(client, 0.0, 1, 0),
            ek_skipped(client, 0.0, 1, 0),
            ek_heard(client, 0.0, 1),
            ek_written(client, 0.0, 1, 0),
            ek_closed(client, 0.0, 1, 320, 0.0, 0.0),
            ek_begin_authentication(client, 0.0, 1, 0),
            ek_authenticate(client, 0.0, 1, NONE),
            ek_start(client, 0.0),
            ek_reconnect(client, 0.0),
            ek_publish(client, 0.0, NONE, 0, 0, 0, 0),
            ek_acknowledge(client, 0.0, 1, 0, 0, 0),
            ek_acknowledge_all(client, 0.0, 0),
            ek_give_back(client, 1),
            ek_subscribe(client, 0.0, NONE, 0, 0, 0),
            ek_unsubscribe(client, 0.0, NONE, 0, 0, 0),
            ek_abandon(client, 0.0, 1),
            ek_probe(client, 0.0),
            ek_reauthenticate(client, 0.0, 0),
            ek_trace(client, 1),
            ek_shutdown(client, 0.0, 0.0, NONE, 0),
            ek_drain(client, 0.0, 0, 0),
            ek_state(client),
            ek_packet_id(client, 1),
            ek_reconfigure(client),
        ];
        assert!(results.iter().all(|result| *result == -1), "{client}: {results:?}");
        assert_eq!(error(), format!("no client has the handle {client}"));
        assert!(ek_reserve(client, 1).is_null());
        assert!(ek_number(client, 0).is_nan());
    }
}

#[test]
fn a_handle_is_used_again_after_its_client() {
    let first = World::new(|| {});
    let handle = first.client;
    drop(first);
    assert_eq!(ek_state(handle), -1);
    let next = World::new(|| {});
    assert_eq!((next.client, ek_state(handle)), (handle, 200));
}

#[test]
fn lengths_beyond_the_area_are_refused() {
    let world = World::online(|| {});
    let client = world.client;
    input(&[b"abc"]);
    let area = 3;
    for (topic, properties, payload) in
        [(area + 1, 0, 0), (0, area + 1, 0), (0, 0, area + 1), (2, 0, 2), (NONE - 1, 0, 0)]
    {
        let result = ek_publish(client, 0.0, NONE, 0, topic, properties, payload);
        assert_eq!(result, -2, "{topic} {properties} {payload}: {}", error());
    }
    assert_eq!(ek_opened(client, 0.0, 1, 1, area + 1, NONE), -2);
    assert_eq!(ek_opened(client, 0.0, 1, 1, NONE, area + 1), -2);
    assert_eq!(ek_begin_authentication(client, 0.0, 1, area + 1), -2);
    assert_eq!(ek_authenticate(client, 0.0, 1, area + 1), -2);
    assert_eq!(ek_reauthenticate(client, 0.0, area + 1), -2);
    assert_eq!(ek_acknowledge(client, 0.0, 1, 0, 1, area + 1), -2);
    assert_eq!(ek_acknowledge_all(client, 0.0, 1), -2);
    assert_eq!(ek_acknowledge_all(client, 0.0, NONE), -2);
    assert_eq!(ek_subscribe(client, 0.0, NONE, 1, area + 1, 0), -2);
    assert_eq!(ek_shutdown(client, 0.0, 0.0, 0, area + 1), -2);
    assert!(ek_input(NONE).is_null());
    assert!(ek_reserve(client, NONE).is_null());
    assert!(!ek_reserve(client, 10).is_null());
    assert_eq!(ek_received(client, 0.0, 1, 11), -2);
    assert_eq!(ek_received(client, 0.0, 1, 1), -2, "the room is to be asked for again");
}

#[test]
fn empty_arguments_and_numbers_that_are_none_do_no_harm() {
    let world = World::online(|| {});
    let client = world.client;
    assert!(!ek_input(0).is_null());
    assert!(!ek_reserve(client, 0).is_null());
    assert_eq!(ek_received(client, 0.0, 1, 0), 0);
    assert_eq!(ek_publish(client, 0.0, NONE, 0, 0, 0, 0), -533, "no topic, no alias");
    assert_eq!(ek_publish(client, 0.0, NONE, 3, 0, 0, 0), -8, "QoS 3");
    assert_eq!(ek_publish(client, 0.0, NONE, 32, 0, 0, 0), -8, "an unknown flag");
    assert_eq!(ek_drain(client, 0.0, 0, 2), -8);
    for now in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        assert!(ek_drain(client, now, NONE, 1) > 0, "{now}");
    }
    for which in [6, 19, 31, 39, 58, 69, 70, 74, NONE] {
        assert!(ek_number(client, which).is_nan(), "{which}");
    }
    for failure in [0, 319, 340, NONE] {
        assert_eq!(ek_closed(client, 0.0, 1, failure, 0.0, 0.0), -8);
    }
    input(&[b"a\0b"]);
    assert_eq!(ek_publish(client, 0.0, NONE, 0, 3, 0, 0), -4);
    input(&[b"a/+"]);
    assert_eq!(ek_publish(client, 0.0, NONE, 0, 3, 0, 0), -5);
    input(&[b"t\x23\0"]);
    assert_eq!(ek_publish(client, 0.0, NONE, 0, 1, 2, 0), -7);
}

#[test]
fn the_last_failure_is_told_again_and_again() {
    assert_eq!((ek_abi(), ek_error(), output(0)), (1, 0, vec![]));
    assert_eq!(ek_state(7), -1);
    assert_eq!((error(), error()), ("no client has the handle 7".into(), error()));
}
