//! Strings and topics at their limits.

use evenkeel_codec::{Text, TextError, TopicError, TopicFilter, TopicName};

//= [MQTT-1.5.4-1] test
//= [MQTT-1.5.4-2] test
#[test]
fn strings_are_utf8_without_null() {
    for (bytes, error, rule, text) in [
        (&b"a\0b"[..], TextError::Null, "MQTT-1.5.4-2", "string holds the null character U+0000"),
        (
            b"ab\xff",
            TextError::NotUtf8 { valid_up_to: 2 },
            "MQTT-1.5.4-1",
            "string is not UTF-8 from byte 2 on",
        ),
        // The surrogate U+D800, and U+0000 in two bytes.
        (
            b"\xed\xa0\x80",
            TextError::NotUtf8 { valid_up_to: 0 },
            "MQTT-1.5.4-1",
            "string is not UTF-8 from byte 0 on",
        ),
        (
            b"a\xc0\x80",
            TextError::NotUtf8 { valid_up_to: 1 },
            "MQTT-1.5.4-1",
            "string is not UTF-8 from byte 1 on",
        ),
        (
            b"a\xe2\x82",
            TextError::NotUtf8 { valid_up_to: 1 },
            "MQTT-1.5.4-1",
            "string is not UTF-8 from byte 1 on",
        ),
    ] {
        assert_eq!(Text::from_bytes(bytes.to_vec().into()), Err(error));
        assert_eq!(error.rule(), rule);
        assert_eq!(format!("{error:#}"), text);
    }
}

//= [MQTT-4.7.3-3] test
#[test]
fn strings_end_at_65535_bytes() {
    let longest = "x".repeat(65_535);
    assert_eq!(Text::try_from(longest.clone()).unwrap().len(), 65_535);
    assert!(TopicName::try_from(longest.clone()).is_ok());

    let error = Text::try_from(longest.clone() + "x").unwrap_err();
    assert_eq!(error, TextError::TooLong { len: 65_536 });
    assert_eq!(error.rule(), "section 1.5.4");
    assert_eq!(error.to_string(), "string of 65536 bytes is longer than the 65535 MQTT allows");
    assert_eq!(TopicName::try_from(longest + "x"), Err(TopicError::Text(error)));
}

//= [MQTT-1.5.4-3] test
#[test]
fn a_zero_width_no_break_space_is_kept() {
    let text = Text::from_static("\u{feff}a").unwrap();
    assert_eq!(text.as_bytes(), &b"\xef\xbb\xbfa"[..]);
}

#[test]
fn each_topic_error_names_its_rule_and_says_what_to_do() {
    let filter = |text: &str| TopicFilter::try_from(text).unwrap_err();
    let name = |text: &str| TopicName::try_from(text).unwrap_err();
    for (error, expected, rule, text) in [
        (name(""), TopicError::Empty, "MQTT-4.7.3-1", "topic is empty"),
        (filter(""), TopicError::Empty, "MQTT-4.7.3-1", "topic is empty"),
        (
            name("a/+"),
            TopicError::WildcardInName,
            "MQTT-3.3.2-2",
            "topic name holds a wildcard, + or #, which only filters may",
        ),
        (
            filter("a/#/b"),
            TopicError::MisplacedHash,
            "MQTT-4.7.1-1",
            "# must stand alone in the filter's last level",
        ),
        (
            filter("a+/b"),
            TopicError::MisplacedPlus,
            "MQTT-4.7.1-2",
            "+ must stand alone in its level",
        ),
        (
            filter("$share/g"),
            TopicError::BadShare,
            "MQTT-4.8.2-1",
            "shared filter must be $share/NAME/FILTER, with no wildcard in NAME and a FILTER",
        ),
        (
            filter("a\0"),
            TopicError::Text(TextError::Null),
            "MQTT-1.5.4-2",
            "string holds the null character U+0000",
        ),
    ] {
        assert_eq!(error, expected);
        assert_eq!(error.rule(), rule);
        assert_eq!(format!("{error:#}"), text);
    }
}
