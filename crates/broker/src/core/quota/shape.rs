//! Messages, topics, filters and properties held against a profile.

use evenkeel_codec::{Packet, Properties, Property, QoS};
use evenkeel_profile::{Limit, Profile, TopicPattern};

use super::verdict::Break;

/// The value of a limit, if there is one.
pub(crate) fn value<T: Clone>(limit: &Option<Limit<T>>) -> Option<T> {
    limit.as_ref().map(|limit| limit.value.clone())
}

/// A size beyond its limit.
pub(crate) fn larger(
    limit: &'static str,
    maximum: Option<impl Into<u64>>,
    seen: usize,
    unit: &str,
) -> Option<Break> {
    let maximum = maximum?.into();
    (seen as u64 > maximum).then(|| Break::new(limit, format!("{seen} {unit}")))
}

/// Length and levels of a topic or filter, without what the profile does not count.
pub(crate) fn topic(rules: &Profile, topic: &str, into: &mut Vec<Break>) {
    let limits = &rules.publish;
    let counted = match &limits.uncounted_topic_prefixes {
        Some(prefixes) => prefixes.value.counted(topic),
        None => topic,
    };
    let length = value(&limits.maximum_topic_length);
    into.extend(larger("maximum_topic_length", length, counted.len(), "B"));
    let levels = counted.split('/').count();
    let most = value(&limits.maximum_topic_levels);
    into.extend(larger("maximum_topic_levels", most, levels, "levels"));
}

/// A message of a client's, to be sent now or as its will.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) topic: &'a str,
    pub(crate) payload: usize,
    pub(crate) properties: &'a Properties,
    /// What is said behind QoS and RETAIN of it.
    pub(crate) of: &'static str,
}

/// A message, whatever packet it came in.
pub(crate) fn message(
    rules: &Profile,
    message: &Message<'_>,
    client_id: &str,
    into: &mut Vec<Break>,
) {
    let Message { qos, of, .. } = message;
    let limits = &rules.publish;
    if value(&limits.maximum_qos).is_some_and(|most| qos.level() > most) {
        into.push(Break::new("maximum_qos", format!("QoS {}{of}", qos.level())));
    }
    if message.retain && limits.retain_available.as_ref().is_some_and(|limit| !limit.value) {
        into.push(Break::new("retain_available", format!("RETAIN{of}")));
    }
    let most = value(&limits.maximum_payload_size);
    into.extend(larger("maximum_payload_size", most, message.payload, "B"));
    topic(rules, message.topic, into);
    if let Some(listed) = &limits.publish_topics
        && !is_listed(&listed.value.0, message.topic, client_id)
    {
        into.push(Break::new("publish_topics", message.topic));
    }
    message_properties(rules, message.properties, into);
}

/// True if one of the patterns has the topic or filter.
pub(crate) fn is_listed(patterns: &[TopicPattern], topic: &str, client_id: &str) -> bool {
    patterns.iter().any(|pattern| pattern.allows(topic, client_id))
}

/// Sizes of what a message, or a will, has in its properties.
fn message_properties(rules: &Profile, list: &Properties, into: &mut Vec<Break>) {
    let limits = &rules.publish;
    let user: usize = list.user_properties().map(|(name, value)| name.len() + value.len()).sum();
    into.extend(larger("user_properties_size", value(&limits.user_properties_size), user, "B"));
    for property in list {
        let broken = match property {
            Property::CorrelationData(data) => {
                let most = value(&limits.correlation_data_size);
                larger("correlation_data_size", most, data.len(), "B")
            }
            Property::ResponseTopic(text) => {
                let most = value(&limits.response_topic_length);
                larger("response_topic_length", most, text.len(), "B")
            }
            Property::ContentType(text) => {
                let most = value(&limits.content_type_length);
                larger("content_type_length", most, text.len(), "B")
            }
            Property::MessageExpiryInterval(seconds) => {
                let most =
                    limits.maximum_message_expiry.as_ref().map(|limit| limit.value.as_secs());
                larger("maximum_message_expiry", most, *seconds as usize, "s")
            }
            _ => None,
        };
        into.extend(broken);
    }
}

/// A property that this packet must not hold.
pub(crate) fn forbidden(rules: &Profile, packet: &Packet) -> Option<Break> {
    let listed = &rules.connection.forbidden_properties.as_ref()?.value.0;
    let kind = packet.packet_type().name().to_ascii_lowercase();
    let found = properties(packet)?.iter().find_map(|property| {
        let name = property.id().name()?;
        let wanted = format!("{kind} {}", in_words(name));
        listed.iter().any(|entry| *entry == wanted).then_some(wanted)
    });
    found.map(|name| Break::new("forbidden_properties", name))
}

/// `UserProperty` or `User Property` as `user-property`.
fn in_words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        match letter {
            ' ' => text.push('-'),
            _ if letter.is_ascii_uppercase() && !text.is_empty() && !text.ends_with('-') => {
                text.push('-');
                text.push(letter.to_ascii_lowercase());
            }
            _ => text.push(letter.to_ascii_lowercase()),
        }
    }
    text
}

/// The properties of what a client sends.
const fn properties(packet: &Packet) -> Option<&Properties> {
    match packet {
        Packet::Connect(packet) => Some(&packet.properties),
        Packet::Publish(packet) => Some(&packet.properties),
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => Some(&packet.properties),
        Packet::Subscribe(packet) => Some(&packet.properties),
        Packet::Unsubscribe(packet) => Some(&packet.properties),
        Packet::Disconnect(packet) => Some(&packet.properties),
        Packet::Auth(packet) => Some(&packet.properties),
        _ => None,
    }
}
