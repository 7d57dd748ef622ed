//! For each limit what keeps to it and what is one too much, made from its value.

use std::time::Duration;

use evenkeel_codec::{
    Connect, Packet, Properties, Property, Publish, QoS, Subscribe, SubscribeFilter,
    SubscribeOptions, Unsubscribe, Version,
};
use evenkeel_profile::{Profile, ProtocolVersion};

use super::{connect, lasting};
use crate::world::*;

/// A limit met and broken.
pub(crate) struct Scene {
    /// Before anything: how the client connects.
    pub(crate) connect: Connect,
    /// What keeps to the limit.
    pub(crate) inside: Vec<Step>,
    /// What does not.
    pub(crate) beyond: Step,
}

pub(crate) enum Step {
    Send(Packet),
    /// A connection of its own.
    Connect(Connect),
    Wait(Duration),
}

use Step::{Send, Wait};

/// Limits that no packet of a client can break, whatever their value.
pub(crate) const NOT_OF_PACKETS: [(&str, &str); 10] = [
    ("authentication", "the broker asks for what its settings say, and checks no tokens"),
    ("uncounted_topic_prefixes", "a part of the two limits of topics; see inside their scenes"),
    ("retained_on_wildcard", "how the broker answers; its own test in service.rs"),
    ("hash_matches_parent", "how the broker routes; its own test in service.rs"),
    ("expected_connects", "packets that do not come; the advisor's cases judge them"),
    ("keep_alive_grace", "silence is no packet; its own test in service.rs"),
    ("maximum_connection_age", "age is no packet; its own test in service.rs"),
    ("delivery_rate", "the service's packets; its own test in service.rs"),
    ("replay_rate", "the service's packets; its own test in service.rs"),
    ("delivery_receive_maximum", "the service's packets; its own test in service.rs"),
];

fn hello(version: Version) -> Connect {
    Connect { keep_alive: 60, ..connect(version, "client") }
}

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn message(payload: usize) -> Packet {
    publish_1("t", &long(payload), 1).to_packet()
}

fn to(topic: &str) -> Packet {
    publish_1(topic, "x", 1).to_packet()
}

fn with(property: Property) -> Packet {
    Publish { properties: Properties::new().with(property), ..publish_1("t", "x", 1) }.to_packet()
}

fn filters(count: usize, first: usize) -> Packet {
    let filter = |number: usize| SubscribeFilter {
        filter: format!("f/{}", first + number).as_str().try_into().unwrap(),
        options: SubscribeOptions::default(),
    };
    Packet::Subscribe(Subscribe {
        packet_id: pid(1),
        filters: (0..count).map(filter).collect(),
        properties: Properties::new(),
    })
}

fn gives_up(count: usize) -> Packet {
    let filter = |number: usize| format!("f/{number}").as_str().try_into().unwrap();
    Packet::Unsubscribe(Unsubscribe {
        packet_id: pid(1),
        filters: (0..count).map(filter).collect(),
        properties: Properties::new(),
    })
}

/// A text that fits a pattern of the profile.
fn fitting(pattern: &str) -> String {
    pattern.replace("{client_id}", "client").replace('+', "any").replace('#', "more")
}

/// The scene of a limit; `Err` says why no packet of this version can break it.
pub(crate) fn of(limit: &str, profile: &Profile, version: Version) -> Result<Scene, &'static str> {
    const V5_ONLY: &str = "what it limits came with MQTT 5";
    const UNBOUNDED: &str = "no packet can hold more";
    let connection = &profile.connection;
    let (publish, subscribe) = (&profile.publish, &profile.subscribe);
    let is_v5 = version == Version::V5;
    let start = hello(version);
    let asks = |inside: Connect, beyond: Connect| {
        Ok(Scene { connect: inside, inside: Vec::new(), beyond: Step::Connect(beyond) })
    };
    let sends = |inside: Vec<Packet>, beyond: Packet| {
        let inside = inside.into_iter().map(Send).collect();
        Ok(Scene { connect: hello(version), inside, beyond: Send(beyond) })
    };
    macro_rules! of {
        ($section:ident.$field:ident) => {
            $section.$field.clone().expect("the limit is there").value
        };
    }
    match limit {
        "versions" => {
            let known = of!(connection.versions).0;
            let odd = [
                (ProtocolVersion::V31, Version::V31),
                (ProtocolVersion::V311, Version::V311),
                (ProtocolVersion::V5, Version::V5),
            ];
            let find = |is_known: bool| odd.iter().find(|(one, _)| known.contains(one) == is_known);
            let (_, inside) = find(true).ok_or("no version at all")?;
            let (_, beyond) = find(false).ok_or("it speaks all versions")?;
            if *beyond != version {
                return Err("another version is the one it does not speak");
            }
            asks(hello(*inside), hello(*beyond))
        }
        "keep_alive" => {
            let range = of!(connection.keep_alive);
            let inside = Connect { keep_alive: range.maximum, ..start.clone() };
            let more = range.maximum.checked_add(1);
            let keep_alive = match (more, range.zero_means) {
                (Some(more), _) => more,
                (None, 1..) => 0,
                (None, 0) => return Err(UNBOUNDED),
            };
            asks(inside, Connect { keep_alive, ..start })
        }
        "min_ping_spacing" => {
            let spacing = of!(connection.min_ping_spacing);
            let least = spacing - (spacing / 50).min(ms(500));
            let inside = vec![
                Send(Packet::PingReq),
                Wait(least),
                Send(Packet::PingReq),
                Wait(least - ms(1)),
            ];
            Ok(Scene { connect: start, inside, beyond: Send(Packet::PingReq) })
        }
        "connect_floor" => {
            let floor = of!(connection.connect_floor);
            let least = floor.spacing.max(floor.spacing_after_short);
            let least = least - (least / 50).min(ms(500));
            let inside = vec![Wait(least), Step::Connect(start.clone()), Wait(least - ms(1))];
            Ok(Scene { connect: start.clone(), inside, beyond: Step::Connect(start) })
        }
        "ban" => Err("kept out for the sake of another limit; its own test in connect.rs"),
        "account_connect_rate" => {
            let rate = of!(connection.account_connect_rate);
            let named = |number| connect(version, &format!("c{number}"));
            let inside = (1..rate.amount).map(|number| Step::Connect(named(number))).collect();
            Ok(Scene { connect: start, inside, beyond: Step::Connect(named(0)) })
        }
        "client_id_length" => {
            let length = of!(connection.client_id_length);
            let most = usize::from(length.maximum);
            let inside = Connect { client_id: text(&long(most)), ..start.clone() };
            if length.maximum < u16::MAX {
                return asks(inside, Connect { client_id: text(&long(most + 1)), ..start });
            }
            match length.minimum {
                0 => Err(UNBOUNDED),
                _ => asks(inside, Connect { client_id: text(""), ..start }),
            }
        }
        "client_id_reserved_prefix" => {
            let prefix = of!(connection.client_id_reserved_prefix);
            let named = |name: String| Connect { client_id: text(&name), ..hello(version) };
            asks(named(format!("a{prefix}")), named(format!("{prefix}a")))
        }
        "assigned_client_id_reusable" => {
            if of!(connection.assigned_client_id_reusable) {
                return Err("identifiers may be used again");
            }
            asks(start.clone(), Connect { client_id: text("$GEN/1"), ..start })
        }
        "kept_sessions_available" => Err("all that speak of it keep sessions"),
        "maximum_session_expiry" => {
            if !is_v5 {
                return Err(V5_ONLY);
            }
            let longest = of!(connection.maximum_session_expiry).as_secs();
            let Ok(more) = u32::try_from(longest + 1) else { return Err(UNBOUNDED) };
            asks(lasting("client", more - 1), lasting("client", more))
        }
        "maximum_packet_size" | "maximum_packet_size_v5" => {
            let most = if limit.ends_with("v5") {
                of!(connection.maximum_packet_size_v5)
            } else {
                of!(connection.maximum_packet_size)
            } as usize;
            if limit.ends_with("v5") && !is_v5 {
                return Err(V5_ONLY);
            }
            if most > 16 * 1024 * 1024 {
                return Err("more than this broker takes");
            }
            // First byte, three of length, topic, identifier, properties.
            let overhead = 4 + 3 + 2 + usize::from(is_v5);
            sends(vec![message(most - overhead)], message(most - overhead + 1))
        }
        "byte_rate" => {
            let rate = of!(connection.byte_rate);
            let overhead = 4 + 3 + 2 + usize::from(is_v5);
            sends(vec![message(rate.amount as usize - overhead)], Packet::PingReq)
        }
        "will_available" => {
            if of!(connection.will_available) {
                return Err("it can");
            }
            asks(start.clone(), Connect { will: will("w", "x", 0), ..start })
        }
        "enhanced_authentication_available" => {
            if of!(connection.enhanced_authentication_available) || !is_v5 {
                return Err("it can, or the version cannot");
            }
            let method = Property::AuthenticationMethod(text("m"));
            let properties = Properties::new().with(method);
            asks(start.clone(), Connect { properties, ..start })
        }
        "forbidden_properties" => {
            if !is_v5 {
                return Err(V5_ONLY);
            }
            let listed = of!(connection.forbidden_properties).0;
            assert!(listed.contains(&"subscribe user-property".into()), "{listed:?}");
            let user = Property::UserProperty(text("a"), text("b"));
            let properties = Properties::new().with(user.clone());
            let mut beyond = subscribe_with(&["t"], SubscribeOptions::default(), None);
            if let Packet::Subscribe(packet) = &mut beyond {
                packet.properties = properties;
            }
            sends(vec![with(user)], beyond)
        }
        "maximum_qos" => match of!(publish.maximum_qos) {
            0 => sends(vec![crate::world::publish("t", "x").to_packet()], to("t")),
            1 => sends(vec![to("t")], publish_2("t", "x", 2).to_packet()),
            _ => Err("it takes all"),
        },
        "retain_available" => {
            if of!(publish.retain_available) {
                return Err("it can");
            }
            let beyond = Publish { retain: true, ..publish_1("t", "x", 2) };
            sends(vec![to("t")], beyond.to_packet())
        }
        "maximum_payload_size" => {
            let most = of!(publish.maximum_payload_size) as usize;
            sends(vec![message(most)], message(most + 1))
        }
        "publish_rate" | "publish_rates" => {
            let rate = match limit {
                "publish_rate" => of!(publish.publish_rate),
                _ => of!(publish.publish_rates).0[0],
            };
            let inside = (0..rate.amount).map(|_| to("t")).collect();
            sends(inside, to("t"))
        }
        "publish_rate_per_topic" => {
            let rate = of!(publish.publish_rate_per_topic);
            let inside = (0..rate.amount).flat_map(|_| [to("t"), to("u")]).collect();
            sends(inside, to("t"))
        }
        "receive_maximum" => Err("its own test in flow.rs"),
        "maximum_topic_length" => match usize::from(of!(publish.maximum_topic_length)) {
            65_535 => Err(UNBOUNDED),
            most => {
                let mut inside = vec![to(&long(most))];
                if publish.uncounted_topic_prefixes.is_some() {
                    inside.push(to(&format!("$aws/rules/r/{}", long(most))));
                }
                sends(inside, to(&long(most + 1)))
            }
        },
        "maximum_topic_levels" => {
            let most = usize::from(of!(publish.maximum_topic_levels));
            let deep = |levels: usize| vec!["a"; levels].join("/");
            sends(vec![to(&deep(most))], to(&deep(most + 1)))
        }
        "publish_topics" => {
            let known = of!(publish.publish_topics).0;
            let inside = known.iter().map(|pattern| to(&fitting(&pattern.0))).collect();
            sends(inside, to("nobody/knows/this"))
        }
        "topic_alias_maximum" => {
            if !is_v5 {
                return Err(V5_ONLY);
            }
            let most = of!(publish.topic_alias_maximum);
            sends(vec![with(Property::TopicAlias(most))], with(Property::TopicAlias(most + 1)))
        }
        "user_properties_size"
        | "correlation_data_size"
        | "response_topic_length"
        | "content_type_length"
        | "maximum_message_expiry"
            if !is_v5 =>
        {
            Err(V5_ONLY)
        }
        "user_properties_size" => {
            let most = of!(publish.user_properties_size) as usize;
            let user = |size: usize| Property::UserProperty(text("name"), text(&long(size - 4)));
            sends(vec![with(user(most))], with(user(most + 1)))
        }
        "correlation_data_size" => {
            let most = of!(publish.correlation_data_size) as usize;
            let data = |size: usize| Property::CorrelationData(long(size).into());
            sends(vec![with(data(most))], with(data(most + 1)))
        }
        "response_topic_length" => {
            let most = usize::from(of!(publish.response_topic_length));
            let topic = |size: usize| Property::ResponseTopic(text(&long(size)));
            sends(vec![with(topic(most))], with(topic(most + 1)))
        }
        "content_type_length" => {
            let most = usize::from(of!(publish.content_type_length));
            let kind = |size: usize| Property::ContentType(text(&long(size)));
            sends(vec![with(kind(most))], with(kind(most + 1)))
        }
        "maximum_message_expiry" => {
            let most = of!(publish.maximum_message_expiry).as_secs() as u32;
            let expiry = |seconds| with(Property::MessageExpiryInterval(seconds));
            sends(vec![expiry(most)], expiry(most + 1))
        }
        "filters_per_subscribe" => {
            let most = usize::from(of!(subscribe.filters_per_subscribe));
            sends(vec![filters(most, 0)], filters(most + 1, 0))
        }
        "filters_per_unsubscribe" => {
            let most = usize::from(of!(subscribe.filters_per_unsubscribe));
            sends(vec![gives_up(most)], gives_up(most + 1))
        }
        "subscriptions_per_connection" => {
            let most = of!(subscribe.subscriptions_per_connection) as usize;
            sends(vec![filters(most, 0), filters(most, 0)], filters(1, most))
        }
        "subscribe_packet_rate" => {
            let rate = of!(subscribe.subscribe_packet_rate);
            let mut inside: Vec<Packet> = (1..rate.amount).map(|_| filters(1, 0)).collect();
            inside.push(gives_up(1));
            sends(inside, filters(1, 0))
        }
        "account_subscribe_rate" => {
            let rate = of!(subscribe.account_subscribe_rate).amount as usize;
            sends(vec![filters(rate, 0)], filters(1, 0))
        }
        "filters" => {
            let known = of!(subscribe.filters).0;
            let ask = |filter: &str| crate::world::subscribe(filter, QoS::AtMostOnce);
            let inside = known.iter().map(|pattern| ask(&fitting(&pattern.0))).collect();
            sends(inside, ask("nobody/knows/this"))
        }
        "wildcards_available" | "shared_available" | "identifiers_available" => {
            let (is_there, beyond) = match limit {
                "wildcards_available" => (of!(subscribe.wildcards_available), "a/+"),
                "shared_available" => (of!(subscribe.shared_available), "$share/g/a"),
                _ => (of!(subscribe.identifiers_available), "a"),
            };
            let by_identifier = limit == "identifiers_available";
            if is_there || (by_identifier && !is_v5) {
                return Err("it can, or the version cannot");
            }
            let identifier = by_identifier.then_some(7);
            let inside = crate::world::subscribe("a", QoS::AtMostOnce);
            let beyond = subscribe_with(&[beyond], SubscribeOptions::default(), identifier);
            sends(vec![inside], beyond)
        }
        "maximum_share_name_length" => {
            let most = usize::from(of!(subscribe.maximum_share_name_length));
            let shared = |size: usize| format!("$share/{}/a", long(size));
            let ask = |filter: String| crate::world::subscribe(&filter, QoS::AtMostOnce);
            sends(vec![ask(shared(most))], ask(shared(most + 1)))
        }
        other => panic!("{other} is enforced by nobody: give it a scene, or a reason"),
    }
}
