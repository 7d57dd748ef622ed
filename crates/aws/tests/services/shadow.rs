//! Shadows: what is published, stored and answered.

use evenkeel_aws::{Limits, Note, ShadowLimits};
use serde_json::{Value, json};

use crate::bench::{Bench, START, topics};

const CLASSIC: &str = "$aws/things/lamp/shadow/";
const NAMED: &str = "$aws/things/lamp/shadow/name/night/";

fn update(bench: &mut Bench, prefix: &str, payload: &Value) -> Vec<Value> {
    let sent = bench.publish(&format!("{prefix}update"), payload.to_string());
    assert!(sent.iter().all(|one| one.to.is_none()), "answers go to all subscribers");
    sent.iter().map(crate::bench::Sent::json).collect()
}

fn get(bench: &mut Bench, prefix: &str) -> Value {
    bench.ask(&format!("{prefix}get"), "").json()
}

#[test]
fn an_update_is_accepted_with_delta_and_documents() {
    let mut bench = Bench::default();
    let first = json!({"state": {"desired": {"color": [255, 0]}, "reported": {"id": "L21"}}});
    update(&mut bench, NAMED, &first);

    bench.now = 5;
    let request = json!({
        "state": {"desired": {"on": true}},
        "clientToken": "t-1",
        "version": 1,
    });
    let sent = bench.publish(&format!("{NAMED}update"), request.to_string());
    assert_eq!(topics(&sent, NAMED), ["update/accepted", "update/delta", "update/documents"]);
    let (then, now) = (json!({"timestamp": START}), json!({"timestamp": START + 5}));
    assert_eq!(
        sent[0].json(),
        json!({
            "state": {"desired": {"on": true}},
            "metadata": {"desired": {"on": now}},
            "version": 2,
            "timestamp": START + 5,
            "clientToken": "t-1",
        })
    );
    assert_eq!(
        sent[1].json(),
        json!({
            "state": {"color": [255, 0], "on": true},
            "metadata": {"color": [then, then], "on": now},
            "version": 2,
            "timestamp": START + 5,
            "clientToken": "t-1",
        })
    );
    assert_eq!(
        sent[2].json(),
        json!({
            "previous": {
                "state": {"desired": {"color": [255, 0]}, "reported": {"id": "L21"}},
                "metadata": {"desired": {"color": [then, then]}, "reported": {"id": then}},
                "version": 1,
            },
            "current": {
                "state": {"desired": {"color": [255, 0], "on": true}, "reported": {"id": "L21"}},
                "metadata": {"desired": {"color": [then, then], "on": now}, "reported": {"id": then}},
                "version": 2,
            },
            "timestamp": START + 5,
            "clientToken": "t-1",
        })
    );
}

#[test]
fn get_shows_all_sections_and_the_delta_only_if_there_is_one() {
    let mut bench = Bench::default();
    update(&mut bench, CLASSIC, &json!({"state": {"desired": {"a": 1, "b": 2}}}));
    bench.now = 7;
    update(&mut bench, CLASSIC, &json!({"state": {"reported": {"a": 1, "b": 3}}}));
    bench.now = 9;
    let answer = bench.ask(&format!("{CLASSIC}get"), r#"{"clientToken": "t"}"#);
    assert_eq!(answer.topic, format!("{CLASSIC}get/accepted"));
    let (then, later) = (json!({"timestamp": START}), json!({"timestamp": START + 7}));
    assert_eq!(
        answer.json(),
        json!({
            "state": {
                "desired": {"a": 1, "b": 2},
                "reported": {"a": 1, "b": 3},
                "delta": {"b": 2},
            },
            "metadata": {
                "desired": {"a": then, "b": then},
                "reported": {"a": later, "b": later},
            },
            "version": 2,
            "timestamp": START + 9,
            "clientToken": "t",
        })
    );
    let sent = update(&mut bench, CLASSIC, &json!({"state": {"reported": {"b": 2}}}));
    assert_eq!(sent.len(), 2, "no delta is published when nothing differs");
    assert!(get(&mut bench, CLASSIC)["state"].get("delta").is_none());
}

#[test]
fn the_delta_keeps_paths_and_takes_arrays_whole() {
    let mut bench = Bench::default();
    let sent = update(
        &mut bench,
        CLASSIC,
        &json!({"state": {
            "desired": {"net": {"wifi": {"ssid": "a", "channel": 1}}, "list": [1, 2], "only": 1},
            "reported": {"net": {"wifi": {"ssid": "a", "channel": 6}}, "list": [1], "mine": 2},
        }}),
    );
    let time = json!({"timestamp": START});
    assert_eq!(
        sent[1]["state"],
        json!({"net": {"wifi": {"channel": 1}}, "list": [1, 2], "only": 1})
    );
    assert_eq!(
        sent[1]["metadata"],
        json!({"net": {"wifi": {"channel": time}}, "list": [time, time], "only": time})
    );
}

#[test]
fn null_removes_keys_and_sections_and_the_rest_keeps_its_time() {
    let mut bench = Bench::default();
    update(
        &mut bench,
        CLASSIC,
        &json!({"state": {
            "desired": {"a": {"b": 1, "c": 2}, "d": 3},
            "reported": {"x": 1},
        }}),
    );
    bench.now = 4;
    let sent = update(&mut bench, CLASSIC, &json!({"state": {"desired": {"a": {"b": null}}}}));
    assert_eq!(sent[0]["state"], json!({"desired": {"a": {"b": null}}}), "as it was asked");
    let answer = get(&mut bench, CLASSIC);
    assert_eq!(answer["state"]["desired"], json!({"a": {"c": 2}, "d": 3}));
    assert_eq!(answer["metadata"]["desired"]["a"], json!({"c": {"timestamp": START}}));

    // The last key of an object takes the object with it.
    update(&mut bench, CLASSIC, &json!({"state": {"desired": {"a": {"c": null}}}}));
    assert_eq!(get(&mut bench, CLASSIC)["state"]["desired"], json!({"d": 3}));

    let sent = update(&mut bench, CLASSIC, &json!({"state": {"desired": null}}));
    assert_eq!(sent.len(), 2, "without a desired section nothing differs");
    let answer = get(&mut bench, CLASSIC);
    assert_eq!(answer["state"], json!({"reported": {"x": 1}}));
    assert_eq!(answer["metadata"], json!({"reported": {"x": {"timestamp": START}}}));
}

#[test]
fn an_empty_document_is_valid() {
    let mut bench = Bench::default();
    let sent = update(&mut bench, CLASSIC, &json!({"state": {}}));
    assert_eq!(sent[0]["version"], 1);
    let answer = get(&mut bench, CLASSIC);
    assert_eq!(answer["state"], json!({}));
    assert_eq!(answer["metadata"], json!({}));
}

#[test]
fn a_value_may_change_its_kind() {
    let mut bench = Bench::default();
    for (value, metadata) in [
        (json!({"b": 1}), json!({"b": {"timestamp": START}})),
        (json!([1, {"c": 2}]), json!([{"timestamp": START}, {"c": {"timestamp": START}}])),
        (json!(5), json!({"timestamp": START})),
        (json!({"timestamp": 1}), json!({"timestamp": {"timestamp": START}})),
    ] {
        update(&mut bench, CLASSIC, &json!({"state": {"reported": {"a": value}}}));
        let answer = get(&mut bench, CLASSIC);
        assert_eq!(answer["state"]["reported"]["a"], value);
        assert_eq!(answer["metadata"]["reported"]["a"], metadata);
    }
}

#[test]
fn deleting_keeps_the_version() {
    let mut bench = Bench::default();
    update(&mut bench, CLASSIC, &json!({"state": {"reported": {"a": 1}}}));
    update(&mut bench, CLASSIC, &json!({"state": {"reported": {"a": 2}}}));
    bench.now = 3;
    // What the message holds is ignored, except for its token.
    let answer = bench.ask(&format!("{CLASSIC}delete"), "whatever");
    assert_eq!(answer.topic, format!("{CLASSIC}delete/accepted"));
    assert_eq!(answer.json(), json!({"version": 2, "timestamp": START + 3}));
    assert_eq!(get(&mut bench, CLASSIC)["code"], 404);
    let again = bench.ask(&format!("{CLASSIC}delete"), r#"{"clientToken": "t"}"#);
    assert_eq!(again.topic, format!("{CLASSIC}delete/rejected"));
    assert_eq!((&again.json()["code"], &again.json()["clientToken"]), (&json!(404), &json!("t")));

    let sent = update(&mut bench, CLASSIC, &json!({"state": {"reported": {"b": 1}}, "version": 2}));
    assert_eq!(sent[0]["version"], 3);
    assert_eq!(get(&mut bench, CLASSIC)["state"], json!({"reported": {"b": 1}}));
}

#[test]
fn shadows_of_a_thing_are_apart_and_listed_by_name() {
    let mut bench = Bench::default();
    let reported = |value: u64| json!({"state": {"reported": {"a": value}}});
    update(&mut bench, CLASSIC, &reported(1));
    update(&mut bench, NAMED, &reported(2));
    update(&mut bench, "$aws/things/lamp/shadow/name/day/", &reported(3));
    update(&mut bench, "$aws/things/fan/shadow/name/other/", &reported(4));
    assert_eq!(get(&mut bench, CLASSIC)["state"]["reported"]["a"], 1);
    assert_eq!(get(&mut bench, NAMED)["state"]["reported"]["a"], 2);
    let names: Vec<&str> = bench.services.shadows().names("lamp").collect();
    assert_eq!(names, ["day", "night"], "the classic shadow has no name");
    bench.publish(&format!("{NAMED}delete"), "");
    let names: Vec<&str> = bench.services.shadows().names("lamp").collect();
    assert_eq!(names, ["day"]);
    assert_eq!(bench.services.shadows().names("nobody").count(), 0);
}

#[test]
fn shadows_are_bounded_and_a_deleted_one_counts() {
    let shadow = ShadowLimits { shadows: 2, ..ShadowLimits::AWS };
    let mut bench = Bench::new(Limits { shadow, ..Limits::AWS });
    update(&mut bench, CLASSIC, &json!({"state": {}}));
    bench.publish(&format!("{CLASSIC}delete"), "");
    update(&mut bench, NAMED, &json!({"state": {}}));
    assert!(bench.notes.is_empty());
    let refused = bench.ask("$aws/things/fan/shadow/update", r#"{"state": {}}"#);
    assert_eq!(refused.json()["message"], "Internal service failure");
    assert_eq!(bench.notes, [Note::LimitReached { limit: "shadow.shadows", value: 2 }]);
    assert_eq!(update(&mut bench, CLASSIC, &json!({"state": {}}))[0]["version"], 2);
}
