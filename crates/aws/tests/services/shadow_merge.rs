//! Laws of merging, over random updates.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::bench::Bench;

const TOPIC: &str = "$aws/things/lamp/shadow/";

/// A random object of few keys, so that updates meet; null is part of updates
/// alone.
fn object(with_null: bool) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(if with_null { Value::Null } else { json!(7) }),
        3 => (0..3_u8).prop_map(Value::from),
        1 => vec(0..2_u8, 0..3).prop_map(Value::from),
        1 => Just(json!("text")),
    ];
    let object = leaf.prop_recursive(3, 12, 3, |inner| {
        btree_map("[a-c]", inner, 0..4).prop_map(|members| members.into_iter().collect())
    });
    btree_map("[a-c]", object, 0..4).prop_map(|members| members.into_iter().collect())
}

/// The effect of two updates as one, if one can say it: null and then an
/// object is more than an update can express.
fn compose(first: &Value, second: &Value) -> Option<Value> {
    let (Some(first), Some(second)) = (first.as_object(), second.as_object()) else {
        // An object is merged into what it finds.
        return (!second.is_object()).then(|| second.clone());
    };
    let mut both: Map<String, Value> = first.clone();
    for (key, value) in second {
        let value = match first.get(key) {
            None => value.clone(),
            Some(earlier) => compose(earlier, value)?,
        };
        both.insert(key.clone(), value);
    }
    Some(Value::Object(both))
}

/// True if each leaf of the one is in the other; arrays are leaves.
fn is_within(desired: &Value, reported: &Value) -> bool {
    match (desired, reported) {
        (Value::Object(desired), Value::Object(reported)) => desired
            .iter()
            .all(|(key, value)| reported.get(key).is_some_and(|is| is_within(value, is))),
        (desired, reported) => desired == reported,
    }
}

fn update(bench: &mut Bench, section: &str, value: &Value) -> Vec<Value> {
    let payload = json!({"state": {section: value}}).to_string();
    let sent = bench.publish(&format!("{TOPIC}update"), payload);
    sent.iter().map(crate::bench::Sent::json).collect()
}

fn state(bench: &mut Bench) -> Value {
    bench.ask(&format!("{TOPIC}get"), "").json()["state"].clone()
}

/// The shape of a state, as its metadata must have it.
fn shape(value: &Value, time: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), shape(value, time))).collect()
        }
        Value::Array(items) => items.iter().map(|item| shape(item, time)).collect(),
        _ => json!({"timestamp": time}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_delta_is_empty_if_and_only_if_desired_is_within_reported(
        desired in object(false),
        reported in object(false),
        equal in any::<bool>(),
    ) {
        let mut bench = Bench::default();
        update(&mut bench, "desired", &desired);
        if equal {
            update(&mut bench, "reported", &desired);
        }
        let sent = update(&mut bench, "reported", &reported);
        let state = state(&mut bench);
        let none = json!({});
        let (desired, reported) =
            (state.get("desired").unwrap_or(&none), state.get("reported").unwrap_or(&none));
        let within = is_within(desired, reported);
        prop_assert_eq!(state.get("delta").is_none(), within);
        prop_assert_eq!(sent.len(), if within { 2 } else { 3 });

        // A device that reports the delta has nothing left to do.
        if let Some(delta) = state.get("delta") {
            prop_assert_eq!(&sent[1]["state"], delta);
            let sent = update(&mut bench, "reported", delta);
            prop_assert_eq!(sent.len(), 2);
        }
    }

    #[test]
    fn updates_in_order_are_their_composition(
        document in object(false),
        first in object(true),
        second in object(true),
    ) {
        let Some(both) = compose(&first, &second) else { return Ok(()) };
        let mut by_two = Bench::default();
        let mut by_one = Bench::default();
        update(&mut by_two, "desired", &document);
        update(&mut by_one, "desired", &document);
        update(&mut by_two, "desired", &first);
        update(&mut by_two, "desired", &second);
        update(&mut by_one, "desired", &both);
        prop_assert_eq!(state(&mut by_two), state(&mut by_one));
    }

    #[test]
    fn the_version_grows_by_one_and_metadata_has_the_shape_of_the_state(
        updates in vec((any::<bool>(), object(true)), 1..6),
    ) {
        let mut bench = Bench::default();
        for (number, (is_desired, value)) in updates.iter().enumerate() {
            let section = if *is_desired { "desired" } else { "reported" };
            let sent = update(&mut bench, section, value);
            let last = sent.last().expect("documents");
            prop_assert_eq!(&last["previous"]["version"], &json!(number));
            prop_assert_eq!(&last["current"]["version"], &json!(number + 1));
            let current = &last["current"];
            let time = &last["timestamp"];
            prop_assert_eq!(&current["metadata"], &shape(&current["state"], time));
        }
    }
}
