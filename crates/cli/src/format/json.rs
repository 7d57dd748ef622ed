//! `--json`: one object per line, with field names that stay.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use evenkeel::Properties;
use jiff::Timestamp;
use serde::Serialize;

use super::View;

/// A received message. Field names and meanings are part of the program's
/// interface; docs/cli.md lists them.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    r#type: &'static str,
    time: String,
    topic: &'a str,
    qos: u8,
    retain: bool,
    dup: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    payload_bytes: usize,
    #[serde(flatten)]
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<MessageProperties>,
}

/// A payload: as text if it is UTF-8, else as base64.
#[derive(Serialize)]
pub(crate) struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl<'a> Payload<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let (payload, payload_base64) = text_or_base64(bytes);
        Self { payload, payload_base64 }
    }
}

/// What MQTT 5 adds to a message.
#[derive(Serialize)]
pub(crate) struct MessageProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_format_indicator: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_expiry_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_data_base64: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscription_identifiers: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_properties: Vec<(String, String)>,
}

/// The message as one line of JSON, without the line end.
pub(crate) fn message_line(view: &View<'_>) -> String {
    let line = Line {
        v: 1,
        r#type: "message",
        time: timestamp(view.received.timestamp()),
        topic: view.topic,
        qos: view.qos.level(),
        retain: view.retain,
        dup: view.dup,
        packet_id: view.packet_id,
        payload_bytes: view.payload.len(),
        payload: Payload::new(view.payload),
        properties: MessageProperties::new(view.properties),
    };
    // Strings and numbers serialize without a way to fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// RFC 3339 in UTC with nanoseconds, the same width for every moment.
pub(crate) fn timestamp(moment: Timestamp) -> String {
    format!("{moment:.9}")
}

impl MessageProperties {
    /// `None` if there are none.
    pub(crate) fn new(properties: &Properties) -> Option<Self> {
        if properties.is_empty() {
            return None;
        }
        let correlation = properties.correlation_data();
        let (text, base64) = correlation.as_deref().map(text_or_base64).unwrap_or_default();
        Some(Self {
            payload_format_indicator: properties.payload_format_indicator(),
            message_expiry_interval: properties.message_expiry_interval(),
            content_type: properties.content_type().map(|text| text.to_string()),
            response_topic: properties.response_topic().map(|text| text.to_string()),
            correlation_data: text.map(str::to_owned),
            correlation_data_base64: base64,
            subscription_identifiers: properties.subscription_identifiers().collect(),
            user_properties: properties
                .user_properties()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

/// UTF-8 as it is, anything else as base64: exactly one of the two.
fn text_or_base64(bytes: &[u8]) -> (Option<&str>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(bytes))),
    }
}
