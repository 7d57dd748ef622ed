//! The message of `POST /topics/..`.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evenkeel_broker::core::HttpRequest;
use evenkeel_codec::{Bytes, Properties, Property, QoS, Text, TopicName, Will};
use serde_json::Value;

use super::parameters::invalid;
use super::{HttpError, Parameters};
use crate::json;

/// Bytes and slashes of a topic, without what is before the topic of basic ingest.
const TOPIC_BYTES: usize = 256;
const TOPIC_SLASHES: usize = 7;
/// Seconds that a message may live.
const EXPIRY: RangeInclusive<u64> = 1..=604_800;

/// Reads a message, and refuses what no client could publish.
pub(crate) fn message(
    topic: &str,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<Will, HttpError> {
    check_length(topic)?;
    let qos = match parameters.number("qos", 0..=1)? {
        Some(1) => QoS::AtLeastOnce,
        _ => QoS::AtMostOnce,
    };
    let retain = parameters.flag("retain")?;
    if retain && topic.starts_with('$') {
        return Err(HttpError::invalid("Topics that begin with $ have no retained messages"));
    }
    Ok(Will {
        qos,
        retain,
        topic: TopicName::try_from(topic).map_err(|_error| invalid("topic"))?,
        payload: request.body.clone(),
        properties: properties(request, parameters)?,
    })
}

fn check_length(topic: &str) -> Result<(), HttpError> {
    let counted = match topic.strip_prefix("$aws/rules/") {
        Some(rest) => rest.split_once('/').map_or("", |(_, topic)| topic),
        None => topic,
    };
    let slashes = counted.bytes().filter(|byte| *byte == b'/').count();
    if counted.len() > TOPIC_BYTES || slashes > TOPIC_SLASHES {
        return Err(HttpError::invalid(format!(
            "A topic has at most {TOPIC_BYTES} bytes and {TOPIC_SLASHES} slashes"
        )));
    }
    Ok(())
}

/// The properties of MQTT 5: some in the query, some in headers.
fn properties(request: &HttpRequest, parameters: &Parameters) -> Result<Properties, HttpError> {
    let mut properties = Properties::new();
    match header(request, "x-amz-mqtt5-payload-format-indicator")? {
        None | Some("UNSPECIFIED_BYTES") => {}
        Some("UTF8_DATA") => properties.push(Property::PayloadFormatIndicator(1)),
        Some(_) => return Err(invalid("x-amz-mqtt5-payload-format-indicator")),
    }
    if let Some(seconds) = parameters.number("messageExpiry", EXPIRY)? {
        let seconds = u32::try_from(seconds).map_err(|_error| invalid("messageExpiry"))?;
        properties.push(Property::MessageExpiryInterval(seconds));
    }
    if let Some(kind) = parameters.text("contentType")? {
        properties.push(Property::ContentType(text(kind, "contentType")?));
    }
    if let Some(topic) = parameters.text("responseTopic")? {
        TopicName::try_from(topic).map_err(|_error| invalid("responseTopic"))?;
        properties.push(Property::ResponseTopic(text(topic, "responseTopic")?));
    }
    let name = "x-amz-mqtt5-correlation-data";
    if let Some(value) = header(request, name)? {
        let bytes = STANDARD.decode(value).map_err(|_error| invalid(name))?;
        properties.push(Property::CorrelationData(Bytes::from(bytes)));
    }
    let name = "x-amz-mqtt5-user-properties";
    if let Some(value) = header(request, name)? {
        for (key, value) in user_properties(value).ok_or_else(|| invalid(name))? {
            properties.push(Property::UserProperty(text(&key, name)?, text(&value, name)?));
        }
    }
    Ok(properties)
}

/// The only value of a header.
fn header<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>, HttpError> {
    let mut values = request.head.headers.iter().filter(|(found, _)| found == name);
    let value = values.next().map(|(_, value)| value.as_str());
    if values.next().is_some() { Err(invalid(name)) } else { Ok(value) }
}

/// An array of objects with texts, in base64; nothing if it is anything else.
fn user_properties(encoded: &str) -> Option<Vec<(String, String)>> {
    let bytes = STANDARD.decode(encoded).ok()?;
    let Ok(Value::Array(items)) = json::parse(&bytes) else { return None };
    let mut found = Vec::new();
    for item in items {
        let Value::Object(members) = item else { return None };
        for (key, value) in members {
            let Value::String(value) = value else { return None };
            found.push((key, value));
        }
    }
    Some(found)
}

fn text(text: &str, name: &str) -> Result<Text, HttpError> {
    Text::try_from(text).map_err(|_error| invalid(name))
}
