//! Strings, topics and binary data as MQTT allows them.

use evenkeel_codec::{Bytes, PacketId, QoS, Text, TopicFilter, TopicName};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn text() -> impl Strategy<Value = Text> {
    // Mostly short; now and then long enough for a length of two bytes.
    prop_oneof![9 => "\\PC{0,12}".boxed(), 1 => "[a-zä]{120,200}".boxed()]
        .prop_map(|text| Text::try_from(text).unwrap())
}

pub(crate) fn binary() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

/// A topic name as a string.
pub(crate) fn topic() -> impl Strategy<Value = String> {
    "[$/ab]?[ab/ä ]{0,8}".prop_map(|topic| if topic.is_empty() { "x".into() } else { topic })
}

/// A pattern of a topic filter as a string, without a share.
pub(crate) fn pattern() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => "[ab ]{0,2}".boxed(), 1 => "\\+".boxed(), 1 => "\\$[ab]?".boxed()];
    (vec(level, 1..5), any::<bool>()).prop_map(|(levels, hash)| {
        let pattern = levels.join("/") + if hash { "/#" } else { "" };
        if pattern.is_empty() { "#".into() } else { pattern }
    })
}

pub(crate) fn topic_name() -> impl Strategy<Value = TopicName> {
    topic().prop_map(|topic| TopicName::try_from(topic).unwrap())
}

pub(crate) fn topic_filter() -> impl Strategy<Value = TopicFilter> {
    (pattern(), proptest::option::of("[a-c]{1,3}")).prop_map(|(pattern, share)| {
        let text = match share {
            Some(share) => format!("$share/{share}/{pattern}"),
            None => pattern,
        };
        TopicFilter::try_from(text).unwrap()
    })
}

pub(crate) fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).unwrap())
}

pub(crate) fn qos() -> impl Strategy<Value = QoS> {
    (0..3_u8).prop_map(|level| QoS::from_level(level).unwrap())
}
