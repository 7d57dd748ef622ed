//! Basic ingest and rules that republish.

use evenkeel_aws::rules::{Rule, RuleError, TopicProblem};
use evenkeel_aws::{Connected, Limits, Note, QoS, RuleLimits};
use serde_json::json;

use crate::bench::{Bench, CLIENT};

fn set(bench: &mut Bench, name: &str, sql: &str, topic: &str) {
    let rule = Rule::new(sql, topic, QoS::AtLeastOnce).expect("a rule");
    bench.services.rules().set(name, rule).expect("room");
}

/// Topics and payloads of what goes out.
fn publish(bench: &mut Bench, topic: &str, payload: &str) -> Vec<(String, String)> {
    let sent = bench.publish(topic, payload);
    let text = |payload| String::from_utf8(payload).expect("UTF-8");
    sent.into_iter().map(|one| (one.topic, text(one.payload))).collect()
}

#[test]
fn a_rule_republishes_what_its_filter_selects() {
    let mut bench = Bench::default();
    set(&mut bench, "copy", "SELECT * FROM 'in/+/x'", "out/${topic(2)}/${clientid()}/${topic()}");
    let out = format!("out/7/{CLIENT}/in/7/x");
    assert_eq!(publish(&mut bench, "in/7/x", "hello"), [(out, "hello".to_owned())]);
    assert_eq!(publish(&mut bench, "in/7/y", "hello"), []);
}

#[test]
fn basic_ingest_goes_to_its_rule_alone() {
    let mut bench = Bench::default();
    set(&mut bench, "store", "select * from 'never/matches'", "stored/${topic(1)}");
    set(&mut bench, "other", "SELECT * FROM 'a/#'", "other");
    let stored = ("stored/a".to_owned(), "1".to_owned());
    assert_eq!(publish(&mut bench, "$aws/rules/store/a/b", "1"), [stored]);
    let bare = ("stored/".to_owned(), "1".to_owned());
    assert_eq!(publish(&mut bench, "$aws/rules/store", "1"), [bare]);
    assert!(bench.notes.is_empty());
    assert_eq!(publish(&mut bench, "$aws/rules/none/a/b", "1"), []);
    assert_eq!(bench.notes, [Note::RuleNotFound { rule: "none".to_owned() }]);
}

#[test]
fn filters_select_as_awss_do() {
    for (filter, topic, selects) in [
        ("a/#", "a/b", true),
        ("a/#", "a/", true),
        ("a/#", "a", false),
        ("#", "a/b", true),
        ("#", "$aws/events/presence/connected/x", false),
        ("+/b", "a/b", true),
        ("+/b", "a/b/c", false),
        ("a", "a", true),
        ("a", "A", false),
    ] {
        let mut bench = Bench::default();
        set(&mut bench, "r", &format!("SELECT * FROM '{filter}'"), "out");
        let message = json!({}).to_string();
        let found = publish(&mut bench, topic, &message).iter().any(|(topic, _)| topic == "out");
        assert_eq!(found, selects, "{filter} {topic}");
    }
}

#[test]
fn rules_see_what_services_publish_and_may_ask_services() {
    let mut bench = Bench::default();
    let presence = "SELECT * FROM '$aws/events/presence/connected/+'";
    set(&mut bench, "presence", presence, "came/${topic(5)}");
    set(&mut bench, "mirror", "SELECT * FROM 'raw/+'", "$$aws/things/${topic(2)}/shadow/update");
    set(&mut bench, "delta", "SELECT * FROM '$aws/things/+/shadow/update/delta'", "deltas");

    let sent = bench.with(|services, time, out| {
        let (session, client, principal, ip_address) = ("s", "lamp-1", "cert", "::1");
        let connected = Connected { session, client, principal, ip_address, thing: None };
        services.on_connected(time, &connected, out);
    });
    assert_eq!(sent[1].topic, "came/lamp-1");

    let sent = publish(&mut bench, "raw/lamp", r#"{"state": {"desired": {"on": true}}}"#);
    let topics: Vec<&str> = sent.iter().map(|(topic, _)| topic.as_str()).collect();
    let shadow = "$aws/things/lamp/shadow/update";
    assert_eq!(
        topics,
        [
            &format!("{shadow}/accepted"),
            &format!("{shadow}/delta"),
            &format!("{shadow}/documents"),
            "deltas",
        ]
    );
}

#[test]
fn rules_that_feed_each_other_end_at_the_limit() {
    let rules = RuleLimits { republished: 5, ..RuleLimits::AWS };
    let mut bench = Bench::new(Limits { rules, ..Limits::AWS });
    set(&mut bench, "ping", "SELECT * FROM 'a'", "b");
    set(&mut bench, "pong", "SELECT * FROM 'b'", "a");
    let sent = publish(&mut bench, "a", "x");
    let topics: Vec<&str> = sent.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["b", "a", "b", "a", "b"]);
    assert_eq!(bench.notes, [Note::LimitReached { limit: "rules.republished", value: 5 }]);
}

#[test]
fn a_rule_may_not_publish_what_no_client_may() {
    let mut bench = Bench::default();
    set(&mut bench, "r", "SELECT * FROM 'a/#'", "${topic(2)}${topic(3)}/x");
    assert_eq!(publish(&mut bench, "a/$aws", "x"), []);
    let (rule, topic) = ("r".to_owned(), "$aws/x".to_owned());
    let problem = TopicProblem::Reserved;
    assert_eq!(bench.notes, [Note::RuleTopicRefused { rule, topic, problem }]);
}

/// The topic that a rule makes of this one, or why it is none.
fn made(template: &str, topic: &str) -> Result<String, (String, TopicProblem)> {
    let mut bench = Bench::default();
    set(&mut bench, "r", "SELECT * FROM 'in/#'", template);
    let sent = bench.publish(topic, "x");
    match (&sent[..], &bench.notes[..]) {
        ([sent], []) => Ok(sent.topic.clone()),
        ([], [Note::RuleTopicRefused { rule, topic, problem }]) if rule == "r" => {
            Err((topic.clone(), *problem))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_topic_that_a_rule_makes_is_one_to_publish_on_or_is_told() {
    let long = |length: usize| format!("in/{}", "x".repeat(length - 3));
    let out = |length: usize| format!("o{}", long(length - 1));
    assert_eq!(made("o${topic()}", &long(255)), Ok(out(256)));
    let too_long = TopicProblem::TooLong { limit: 256 };
    assert_eq!(made("o${topic()}", &long(256)), Err((out(256), too_long)));
    assert_eq!(made(&"o${topic()}".repeat(1000), &long(60_000)), Err((out(256), too_long)));

    assert_eq!(made("o/${topic(2)}/5/6/7/8/9/0", "in/a"), Ok("o/a/5/6/7/8/9/0".to_owned()));
    let deep = "o/a/5/6/7/8/9/0/1".to_owned();
    let too_deep = TopicProblem::TooDeep { limit: 8 };
    assert_eq!(made("o/${topic(2)}/5/6/7/8/9/0/1", "in/a"), Err((deep, too_deep)));

    assert_eq!(made("${topic(2)}", "in/"), Err((String::new(), TopicProblem::Empty)));
    let reserved = |topic: &str| Err((topic.to_owned(), TopicProblem::Reserved));
    for topic in [
        "$aws/things/a/shadow/update/accepted",
        "$aws/events/presence/connected/a",
        "$aws/rules/r/in",
        "$aws/certificates/create/json",
        "$SYS/x",
        "$",
    ] {
        assert_eq!(made(&format!("${topic}"), "in/a"), reserved(topic));
    }
    for problem in [TopicProblem::Empty, too_long, too_deep, TopicProblem::Wildcard] {
        let note = Note::RuleTopicRefused { rule: "r".into(), topic: "t".into(), problem };
        assert!(note.to_string().starts_with("rule \"r\" cannot publish on \"t\": it "), "{note}");
    }
}

/// A client identifier may have what a topic may not.
#[test]
fn a_client_makes_no_wildcard_of_a_topic() {
    let mut bench = Bench::default();
    set(&mut bench, "r", "SELECT * FROM '$aws/events/presence/connected/#'", "came/${clientid()}");
    set(&mut bench, "s", "SELECT * FROM 'in'", "of/${clientid()}");
    bench.client = "a/#".to_owned();
    assert_eq!(bench.publish("in", "x"), []);
    let (rule, topic) = ("s".to_owned(), "of/a/#".to_owned());
    let problem = TopicProblem::Wildcard;
    assert_eq!(bench.notes, [Note::RuleTopicRefused { rule, topic, problem }]);
}

/// A thousand rules for each message of a thousand: no more is made than may go out.
#[test]
fn many_rules_that_feed_each_other_make_no_more_than_the_limit() {
    let mut bench = Bench::default();
    for number in 0..1000 {
        set(&mut bench, &format!("r{number}"), "SELECT * FROM '#'", &format!("out/{number}"));
    }
    let payload = "x".repeat(100_000);
    let sent = publish(&mut bench, "in", &payload);
    assert_eq!(sent.len(), RuleLimits::AWS.republished);
    assert!(sent.iter().all(|(_, sent)| *sent == payload));
    assert_eq!(bench.notes, [Note::LimitReached { limit: "rules.republished", value: 100 }]);
}

#[test]
fn more_than_is_emulated_is_refused_with_a_hint() {
    let rule = |sql: &str, topic: &str| Rule::new(sql, topic, QoS::AtMostOnce);
    for sql in [
        "",
        "SELECT temperature FROM 'a'",
        "SELECT * FROM 'a' WHERE b > 1",
        "SELECT * FROM a",
        "SELECT *",
        "SELECT * FROM 'a''b'",
        "é",
    ] {
        let error = rule(sql, "out").expect_err(sql);
        assert!(matches!(error, RuleError::Sql { .. }), "{sql}");
        assert!(error.to_string().contains("hint"), "{error}");
    }
    for filter in ["", "a/#/b", "a+", "$aws/rules/x/#"] {
        let error = rule(&format!("SELECT * FROM '{filter}'"), "out").expect_err(filter);
        assert!(matches!(error, RuleError::Filter { .. }), "{filter}");
    }
    let bad = ["", "a/+", "#", "${topic(0)}", "${topic(257)}", "${now()}", "${topic(", "$aws/x"];
    for topic in bad {
        let error = rule("SELECT * FROM 'a'", topic).expect_err(topic);
        assert!(matches!(error, RuleError::Topic { .. }), "{topic}");
    }
    assert!(rule("  select  *  from  'a/+/#'  ", "x").is_ok());
}

#[test]
fn rules_have_names_and_a_limit() {
    let rules = RuleLimits { rules: 1, ..RuleLimits::AWS };
    let mut bench = Bench::new(Limits { rules, ..Limits::AWS });
    let rule = Rule::new("SELECT * FROM 'a'", "b", QoS::AtMostOnce).expect("a rule");
    let rules = bench.services.rules();
    let name = "no-hyphen".to_owned();
    assert_eq!(rules.set("no-hyphen", rule.clone()), Err(RuleError::Name { name }));
    assert_eq!(rules.set("a", rule.clone()), Ok(()));
    assert_eq!(rules.set("a", rule.clone()), Ok(()), "replaced");
    assert_eq!(rules.set("b", rule), Err(RuleError::TooMany { limit: 1 }));
}
