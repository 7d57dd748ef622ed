//! `-D COMMAND PROPERTY VALUE`: MQTT 5 properties by packet.

use evenkeel::{Bytes, Properties, Property, PropertyId, Text};

use crate::args::Session;
use crate::error::Failure;

/// The properties of each packet the program sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PacketProperties {
    pub(crate) connect: Properties,
    pub(crate) will: Properties,
    pub(crate) publish: Properties,
    pub(crate) subscribe: Properties,
    pub(crate) unsubscribe: Properties,
    pub(crate) disconnect: Properties,
}

/// A packet that `-D` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packet {
    Connect,
    Will,
    Publish,
    Subscribe,
    Unsubscribe,
    Disconnect,
}

/// A property as `-D` names it, with the packets it may be in.
struct Known {
    name: &'static str,
    make: fn(&str) -> Result<Property, &'static str>,
    packets: &'static [Packet],
}

use Packet::{Connect, Disconnect, Publish, Subscribe, Will};

const KNOWN: &[Known] = &[
    known("authentication-data", |v| Ok(Property::AuthenticationData(bytes(v))), &[Connect]),
    known("authentication-method", |v| text(v).map(Property::AuthenticationMethod), &[Connect]),
    known("content-type", |v| text(v).map(Property::ContentType), &[Publish, Will]),
    known("correlation-data", |v| Ok(Property::CorrelationData(bytes(v))), &[Publish, Will]),
    known("maximum-packet-size", |v| above_zero(v).map(Property::MaximumPacketSize), &[Connect]),
    known(
        "message-expiry-interval",
        |v| number(v).map(Property::MessageExpiryInterval),
        &[Publish, Will],
    ),
    known(
        "payload-format-indicator",
        |v| flag(v).map(Property::PayloadFormatIndicator),
        &[Publish, Will],
    ),
    known("reason-string", |v| text(v).map(Property::ReasonString), &[Disconnect]),
    known("receive-maximum", |v| above_zero_16(v).map(Property::ReceiveMaximum), &[Connect]),
    known(
        "request-problem-information",
        |v| flag(v).map(Property::RequestProblemInformation),
        &[Connect],
    ),
    known(
        "request-response-information",
        |v| flag(v).map(Property::RequestResponseInformation),
        &[Connect],
    ),
    known("response-topic", |v| text(v).map(Property::ResponseTopic), &[Publish, Will]),
    known(
        "session-expiry-interval",
        |v| number(v).map(Property::SessionExpiryInterval),
        &[Connect, Disconnect],
    ),
    known(
        "subscription-identifier",
        |v| identifier(v).map(Property::SubscriptionIdentifier),
        &[Subscribe],
    ),
    known("topic-alias", |v| above_zero_16(v).map(Property::TopicAlias), &[Publish]),
    known("topic-alias-maximum", |v| number_16(v).map(Property::TopicAliasMaximum), &[Connect]),
    known("will-delay-interval", |v| number(v).map(Property::WillDelayInterval), &[Will]),
];

const fn known(
    name: &'static str,
    make: fn(&str) -> Result<Property, &'static str>,
    packets: &'static [Packet],
) -> Known {
    Known { name, make, packets }
}

/// True if the command line has `-D` at all, which only MQTT 5 can send.
pub(super) fn are_given(session: &Session) -> bool {
    !session.property.is_empty() || !session.user_property.is_empty()
}

/// Reads every `-D` of the command line.
pub(super) fn collect(session: &Session) -> Result<PacketProperties, Failure> {
    let mut all = PacketProperties::default();
    for triple in session.property.chunks_exact(3) {
        if let [packet, name, value] = triple {
            let packet = packet_named(packet)?;
            let property = make(packet, name, value)?;
            push(&mut all, packet, property, name)?;
        }
    }
    for triple in session.user_property.chunks_exact(3) {
        if let [packet, name, value] = triple {
            let (name, value) = (user_text(name)?, user_text(value)?);
            push(
                &mut all,
                packet_named(packet)?,
                Property::UserProperty(name, value),
                "user-property",
            )?;
        }
    }
    // The client assigns topic aliases by itself.
    all.publish.remove(PropertyId::TOPIC_ALIAS);
    Ok(all)
}

fn push(
    all: &mut PacketProperties,
    packet: Packet,
    property: Property,
    name: &str,
) -> Result<(), Failure> {
    let list = match packet {
        Connect => &mut all.connect,
        Will => &mut all.will,
        Publish => &mut all.publish,
        Subscribe => &mut all.subscribe,
        Packet::Unsubscribe => &mut all.unsubscribe,
        Disconnect => &mut all.disconnect,
    };
    let again = list.iter().any(|other| other.id() == property.id());
    if again && property.id() != PropertyId::USER_PROPERTY {
        return Err(Failure::usage(format!("-D gives {name} twice for the same packet"))
            .hint("only user-property may be repeated"));
    }
    list.push(property);
    Ok(())
}

fn packet_named(name: &str) -> Result<Packet, Failure> {
    match name.to_ascii_lowercase().as_str() {
        "connect" => Ok(Connect),
        "will" => Ok(Will),
        "publish" => Ok(Publish),
        "subscribe" => Ok(Subscribe),
        "unsubscribe" => Ok(Packet::Unsubscribe),
        "disconnect" => Ok(Disconnect),
        "auth" | "puback" | "pubrec" | "pubrel" | "pubcomp" => Err(Failure::usage(format!(
            "-D cannot set properties of {}",
            name.to_ascii_uppercase()
        ))
        .why("the client library makes these packets by itself")
        .hint("-D knows connect, will, publish, subscribe, unsubscribe and disconnect")),
        _ => Err(Failure::usage(format!("-D does not know the packet '{name}'"))
            .hint("use connect, will, publish, subscribe, unsubscribe or disconnect")),
    }
}

fn make(packet: Packet, name: &str, value: &str) -> Result<Property, Failure> {
    let Some(known) = KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name)) else {
        return Err(Failure::usage(format!("MQTT 5 has no property '{name}'"))
            .hint(format!("{packet:?} takes {}", names_for(packet))));
    };
    if !known.packets.contains(&packet) {
        return Err(Failure::usage(format!("{packet:?} cannot carry the property {name}"))
            .hint(format!("{packet:?} takes {}", names_for(packet))));
    }
    (known.make)(value).map_err(|why| {
        Failure::usage(format!("'{value}' is no value for the property {name}")).why(why)
    })
}

fn names_for(packet: Packet) -> String {
    let mut names: Vec<&str> = KNOWN
        .iter()
        .filter(|known| known.packets.contains(&packet))
        .map(|known| known.name)
        .collect();
    names.push("user-property");
    names.join(", ")
}

fn bytes(value: &str) -> Bytes {
    Bytes::copy_from_slice(value.as_bytes())
}

fn text(value: &str) -> Result<Text, &'static str> {
    Text::try_from(value).map_err(|_| "it is longer than 65,535 bytes or has a null character")
}

fn user_text(value: &str) -> Result<Text, Failure> {
    text(value).map_err(|why| Failure::usage("a user property cannot be sent").why(why))
}

fn number(value: &str) -> Result<u32, &'static str> {
    value.parse().map_err(|_| "it is a number from 0 to 4294967295")
}

fn above_zero(value: &str) -> Result<u32, &'static str> {
    number(value).ok().filter(|value| *value > 0).ok_or("it is a number from 1 to 4294967295")
}

fn number_16(value: &str) -> Result<u16, &'static str> {
    value.parse().map_err(|_| "it is a number from 0 to 65535")
}

fn above_zero_16(value: &str) -> Result<u16, &'static str> {
    number_16(value).ok().filter(|value| *value > 0).ok_or("it is a number from 1 to 65535")
}

fn identifier(value: &str) -> Result<u32, &'static str> {
    let in_range = |value: &u32| (1..=268_435_455).contains(value);
    number(value).ok().filter(in_range).ok_or("it is a number from 1 to 268435455")
}

fn flag(value: &str) -> Result<u8, &'static str> {
    match value {
        "0" => Ok(0),
        "1" => Ok(1),
        _ => Err("it is 0 or 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(property: &[&str], user: &[&str]) -> Result<PacketProperties, Failure> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        collect(&Session {
            property: own(property),
            user_property: own(user),
            ..Session::default()
        })
    }

    fn said(property: &[&str], user: &[&str]) -> String {
        of(property, user)
            .unwrap_err()
            .render(crate::personality::Personality::Evenkeel, str::to_owned)
    }

    #[test]
    fn each_property_goes_to_its_packet() {
        let all = of(
            &[
                "connect",
                "receive-maximum",
                "7",
                "PUBLISH",
                "content-type",
                "t",
                "will",
                "will-delay-interval",
                "3",
            ],
            &["publish", "a", "b", "publish", "a", "c", "unsubscribe", "x", "y"],
        )
        .unwrap();
        assert_eq!(all.connect.receive_maximum(), Some(7));
        assert_eq!(all.will.will_delay_interval(), Some(3));
        assert_eq!(all.publish.content_type().as_deref(), Some("t"));
        assert_eq!(all.publish.user_properties().collect::<Vec<_>>(), [("a", "b"), ("a", "c")]);
        assert_eq!(all.unsubscribe.user_properties().count(), 1);
        assert!(all.subscribe.is_empty() && all.disconnect.is_empty());
        let all = of(&["disconnect", "session-expiry-interval", "0"], &["disconnect", "a", "b"]);
        assert_eq!(all.unwrap().disconnect.iter().count(), 2);
    }

    #[test]
    fn a_topic_alias_is_checked_and_left_to_the_client() {
        assert!(of(&["publish", "topic-alias", "5"], &[]).unwrap().publish.is_empty());
        assert!(said(&["publish", "topic-alias", "0"], &[]).contains("from 1 to 65535"));
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(
            said(&["nope", "content-type", "x"], &[])
                .starts_with("error: -D does not know the packet 'nope'\nhint: ")
        );
        assert!(said(&["puback", "reason-string", "x"], &[]).contains("properties of PUBACK"));
        assert!(
            said(&["connect", "nope", "x"], &[])
                .contains("no property 'nope'\nhint: Connect takes ")
        );
        assert!(
            said(&["connect", "content-type", "x"], &[])
                .contains("Connect cannot carry the property content-type")
        );
        assert!(
            said(&["publish", "message-expiry-interval", "soon"], &[])
                .contains("from 0 to 4294967295")
        );
        assert!(said(&["publish", "payload-format-indicator", "2"], &[]).contains("0 or 1"));
        assert!(
            said(&["subscribe", "subscription-identifier", "0"], &[])
                .contains("from 1 to 268435455")
        );
        assert!(
            said(&["publish", "content-type", "a", "publish", "content-type", "b"], &[])
                .contains("twice")
        );
        assert!(said(&[], &["publish", "k", "v\0"]).contains("null character"));
    }
}
