//! Topic names and filters: which are valid, and which match.

use bytes::BytesMut;
use evenkeel_codec::{
    DecodeError, Decoder, Packet, Text, TextError, TopicError, TopicFilter, TopicName, Version,
};

fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn name(text: &str) -> TopicName {
    TopicName::try_from(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn assert_matches(filter_text: &str, matching: &[&str], others: &[&str]) {
    let filter = filter(filter_text);
    for topic in matching {
        assert!(filter.matches_name(&name(topic)), "{filter_text} must match {topic}");
    }
    for topic in others {
        assert!(!filter.matches_name(&name(topic)), "{filter_text} must not match {topic}");
    }
}

//= [MQTT-4.7.3-4] test
#[test]
fn without_wildcards_the_whole_topic_is_compared() {
    assert_matches("a", &["a"], &["A", "/a", "a/", "aa", "b", "ä"]);
    assert_matches("a/b/c", &["a/b/c"], &["a/b", "a/b/cc", "a/b/c/", "a//b/c", "A/b/c"]);
    assert_matches("/", &["/"], &["//", "a/", "/a", "a"]);
    assert_matches("/a", &["/a"], &["a", "//a", "/a/"]);
    assert_matches("a//b", &["a//b"], &["a/b", "a///b"]);
    assert_matches("Grüße/Ω", &["Grüße/Ω"], &["Gruße/Ω", "Grüße/ω"]);
    // No normalisation: é in one code point and in two are two topics.
    assert_matches("\u{e9}", &["\u{e9}"], &["e\u{301}"]);
    assert_matches(" ", &[" "], &["  ", "a"]);
}

//= [MQTT-4.7.1-1] test
#[test]
fn hash_matches_the_parent_and_all_below() {
    assert_matches("#", &["a", "/", "a/b/c", "/a", "//"], &["$SYS", "$", "$SYS/a"]);
    assert_matches(
        "sport/tennis/player1/#",
        &[
            "sport/tennis/player1",
            "sport/tennis/player1/",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
        ],
        &["sport/tennis", "sport/tennis/player10", "sport/tennis/player2/x", "sport"],
    );
    assert_matches("sport/#", &["sport", "sport/", "sport//"], &["sports", "spor", "/sport"]);
    assert_matches("/#", &["/", "/a", "//"], &["a", "a/b"]);
    assert_matches("a//#", &["a/", "a//", "a//b"], &["a", "a/b"]);
}

//= [MQTT-4.7.1-2] test
#[test]
fn plus_matches_exactly_one_level_even_an_empty_one() {
    assert_matches("+", &["a", "sport"], &["/", "a/b", "/a", "a/", "$SYS"]);
    assert_matches("/+", &["/finance", "/"], &["finance", "/finance/x", "//x"]);
    assert_matches("+/+", &["/finance", "a/b", "/", "a/"], &["a", "a/b/c", "$SYS/a"]);
    assert_matches("sport/+", &["sport/", "sport/tennis"], &["sport", "sport/tennis/x", "sports/"]);
    assert_matches(
        "sport/+/player1",
        &["sport/tennis/player1", "sport//player1"],
        &["sport/player1", "sport/a/b/player1", "sport/tennis/player2"],
    );
    assert_matches("+/b/+", &["a/b/c", "/b/"], &["a/b", "a/c/b", "a/b/c/d"]);
    assert_matches("a/+/#", &["a/b", "a/", "a/b/c/d"], &["a", "b/b"]);
    assert_matches("+/#", &["a", "a/", "a/b", "/"], &["$SYS", "$SYS/x"]);
    assert_matches("+/tennis/#", &["sport/tennis", "sport/tennis/x", "/tennis"], &["tennis/x"]);
}

//= [MQTT-4.7.2-1] test
#[test]
fn a_leading_wildcard_never_matches_a_leading_dollar() {
    assert_matches("$SYS/#", &["$SYS", "$SYS/", "$SYS/monitor/Clients"], &["SYS/a", "$SYSTEM"]);
    assert_matches("$SYS/monitor/+", &["$SYS/monitor/Clients"], &["$SYS/monitor"]);
    assert_matches("+/monitor/Clients", &["x/monitor/Clients"], &["$SYS/monitor/Clients"]);
    // The dollar means something at the very beginning only.
    assert_matches("#", &["a/$SYS", "/$SYS"], &[]);
    assert_matches("a/+", &["a/$SYS"], &[]);
    assert_matches("/+", &["/$SYS"], &[]);
    assert_matches("$share/g/#", &["a", "a/b"], &["$SYS/a"]);
    assert_matches("$share/g/$SYS/#", &["$SYS/a"], &["a"]);
}

//= [MQTT-4.8.2-1] test
//= [MQTT-4.8.2-2] test
#[test]
fn a_shared_filter_matches_by_the_part_behind_the_share_name() {
    let shared = filter("$share/consumer one/site/+/alarm");
    assert!(shared.is_shared());
    assert_eq!(shared.share_name(), Some("consumer one"));
    assert_eq!(shared.pattern(), "site/+/alarm");
    assert_eq!(shared.as_str(), "$share/consumer one/site/+/alarm");
    assert!(shared.has_wildcard());
    assert_matches(
        "$share/consumer one/site/+/alarm",
        &["site/7/alarm"],
        &["$share/consumer one/site/7/alarm", "site/alarm"],
    );
    assert_matches("$share/g//finance", &["/finance"], &["finance"]);
    assert_matches("$share/g//", &["/"], &["a"]);
    assert_eq!(filter("$share/g//finance").pattern(), "/finance");
}

#[test]
fn what_only_looks_shared_is_plain() {
    for text in ["$share", "$shared/a/b", "share/a/b", "/$share/g/a", "$SHARE/g/a"] {
        let plain = filter(text);
        assert!(!plain.is_shared(), "{text}");
        assert_eq!(plain.share_name(), None, "{text}");
        assert_eq!(plain.pattern(), text);
        assert!(!plain.has_wildcard(), "{text}");
    }
}

//= [MQTT-4.8.2-1] test
//= [MQTT-4.8.2-2] test
#[test]
fn bad_shares_are_refused() {
    for text in [
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//",
        "$share//a",
        "$share/+/a",
        "$share/#/a",
        "$share/g+/a",
        "$share/#",
    ] {
        assert_eq!(TopicFilter::try_from(text), Err(TopicError::BadShare), "{text}");
    }
    let error = TopicFilter::try_from("$share/g/a#").unwrap_err();
    assert_eq!(error, TopicError::MisplacedHash);
}

//= [MQTT-4.7.1-1] test
//= [MQTT-4.7.1-2] test
//= [MQTT-4.7.3-1] test
#[test]
fn wildcards_stand_alone_in_their_level() {
    for text in ["#", "+", "a/#", "+/#", "/#", "/+", "+/+/+", "a/+/b", "+/", "/", "//", "$SYS/#"] {
        assert_eq!(filter(text).as_str(), text);
    }
    for text in ["a#", "#a", "#/", "#/a", "a/#/b", "a/b#", "##", "+#", "/a#/", "#/#", "a/#/"] {
        assert_eq!(TopicFilter::try_from(text), Err(TopicError::MisplacedHash), "{text}");
    }
    for text in ["a+", "+a", "++", "a/+b", "a+/b", "/++/", "sport+"] {
        assert_eq!(TopicFilter::try_from(text), Err(TopicError::MisplacedPlus), "{text}");
    }
    assert_eq!(TopicFilter::try_from(""), Err(TopicError::Empty));
}

//= [MQTT-3.3.2-2] test
//= [MQTT-4.7.0-1] test
//= [MQTT-4.7.3-1] test
#[test]
fn names_hold_no_wildcard_and_are_not_empty() {
    for text in ["a", "/", "//", "a b", "$SYS/x", "$share/g/a", "ä/ö", "*", "a/%/b"] {
        assert_eq!(name(text).as_str(), text);
    }
    for text in ["#", "+", "a/#", "a+b", "a#b", "/+"] {
        assert_eq!(TopicName::try_from(text), Err(TopicError::WildcardInName), "{text}");
    }
    assert_eq!(TopicName::try_from(""), Err(TopicError::Empty));
}

/// The PUBLISH of QoS 0 with these bytes for a topic, decoded.
fn decoded(topic: &[u8]) -> Result<Text, DecodeError> {
    let mut packet = BytesMut::from(&[0x30, 3 + topic.len() as u8, 0, topic.len() as u8][..]);
    packet.extend_from_slice(topic);
    packet.extend_from_slice(&[0]);
    match Decoder::new(Version::V5, 1024).decode(&mut packet)? {
        Some(Packet::Publish(publish)) => Ok(publish.topic),
        other => panic!("{other:?}"),
    }
}

//= [MQTT-1.5.4-1] test
//= [MQTT-1.5.4-2] test
//= [MQTT-3.3.2-2] test
#[test]
fn a_bad_byte_of_a_topic_is_found_wherever_it_stands() {
    for len in 1..=20 {
        for at in 0..len {
            let with = |byte: u8| {
                let mut topic = vec![b'a'; len];
                topic[at] = byte;
                topic
            };
            for good in [1, b' ', b'"', b'$', b'*', b',', b'/', 0x7f] {
                assert_eq!(decoded(&with(good)).unwrap().as_bytes(), with(good));
            }
            for wildcard in *b"+#" {
                let error = DecodeError::Topic { error: TopicError::WildcardInName };
                assert_eq!(decoded(&with(wildcard)), Err(error), "{at} of {len}");
            }
            let null = DecodeError::String { error: TextError::Null };
            assert_eq!(decoded(&with(0)), Err(null), "{at} of {len}");
            for high in [0x80, 0xff] {
                let error = TextError::NotUtf8 { valid_up_to: at };
                assert_eq!(decoded(&with(high)), Err(DecodeError::String { error }));
            }
        }
    }
}

#[test]
fn wildcards_are_told() {
    for (text, expected) in [("a/b", false), ("a/+", true), ("#", true), ("$share/g/a", false)] {
        assert_eq!(filter(text).has_wildcard(), expected, "{text}");
    }
}
