//! `%j` and `%J`: the JSON objects of mosquitto's tools, keys in their order.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use evenkeel::Property;
use serde::ser::{SerializeMap, Serializer};

use super::render::{NotJson, time};
use super::{View, json_text};

/// `%j`: the payload as a string; `null` if it is empty. A payload that is
/// no UTF-8 goes to `payload_base64`, where mosquitto's tools would cut it.
pub(super) fn quoted(view: &View<'_>, pretty: bool) -> String {
    let payload = match std::str::from_utf8(view.payload) {
        Ok("") => "\"payload\":null".to_owned(),
        Ok(text) => format!("\"payload\":{}", quote(text)),
        Err(_) => format!("\"payload_base64\":{}", quote(&BASE64_STANDARD.encode(view.payload))),
    };
    object(view, &payload, pretty)
}

/// `%J`: the payload itself, which must be JSON; `null` if it is empty.
pub(super) fn embedded(view: &View<'_>, pretty: bool) -> Result<String, NotJson> {
    let json = if view.payload.is_empty() {
        "null"
    } else {
        json_text::check(view.payload).ok_or(NotJson)?
    };
    Ok(object(view, &format!("\"payload\":{}", json_text::minify(json)), pretty))
}

fn object(view: &View<'_>, payload: &str, pretty: bool) -> String {
    let mut out = format!(
        "{{\"tst\":{},\"topic\":{},\"qos\":{},\"retain\":{},\"payloadlen\":{}",
        quote(&time(view, "%Y-%m-%dT%H:%M:%S%.6f%z")),
        quote(view.topic),
        view.qos.level(),
        u8::from(view.retain),
        view.payload.len()
    );
    if let Some(id) = view.packet_id {
        out.push_str(&format!(",\"mid\":{id}"));
    }
    if !view.properties.is_empty() {
        out.push_str(&format!(",\"properties\":{}", properties(view)));
    }
    out.push_str(&format!(",{payload}}}"));
    if pretty { json_text::pretty(&out) } else { out }
}

/// The properties in wire order, all user properties at the place of the first.
fn properties(view: &View<'_>) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    // Strings and numbers serialize into memory without a way to fail.
    let _ = serialize_properties(view, &mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

fn serialize_properties<S: Serializer>(view: &View<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let mut user_done = false;
    for property in view.properties {
        match property {
            Property::UserProperty(..) if user_done => {}
            Property::UserProperty(..) => {
                user_done = true;
                map.serialize_entry("user-properties", &UserProperties(view))?;
            }
            Property::TopicAlias(alias) => map.serialize_entry("topic-alias", alias)?,
            Property::ContentType(text) => map.serialize_entry("content-type", text.as_str())?,
            Property::ResponseTopic(text) => {
                map.serialize_entry("response-topic", text.as_str())?
            }
            Property::CorrelationData(data) => {
                map.serialize_entry("correlation-data", &String::from_utf8_lossy(data))?;
            }
            Property::PayloadFormatIndicator(value) => {
                map.serialize_entry("payload-format-indicator", value)?;
            }
            Property::MessageExpiryInterval(seconds) => {
                map.serialize_entry("message-expiry-interval", seconds)?;
            }
            Property::SubscriptionIdentifier(id) => {
                map.serialize_entry("subscription-identifier", id)?
            }
            _ => {}
        }
    }
    map.end()
}

/// The user properties as an object, the way mosquitto prints them.
struct UserProperties<'a>(&'a View<'a>);

impl serde::Serialize for UserProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.properties.user_properties())
    }
}

/// A JSON string.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
