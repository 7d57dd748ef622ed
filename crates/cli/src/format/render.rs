//! Messages through a parsed format.

use std::fmt::Write as _;

use jiff::fmt::strtime;

use super::language::{Field, Format, Piece, Spec};
use super::{View, mosquitto_json};

/// `%J` met a payload that is no JSON; nothing was written for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

impl Format {
    /// Appends the message to `out`; on error `out` is as before.
    pub(super) fn render(
        &self,
        view: &View<'_>,
        pretty: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        let start = out.len();
        for piece in &self.0 {
            let done = match piece {
                Piece::Literal(bytes) => {
                    out.extend_from_slice(bytes);
                    Ok(())
                }
                Piece::Strftime(letter) => {
                    out.extend_from_slice(time(view, &format!("%{letter}")).as_bytes());
                    Ok(())
                }
                Piece::Nanoseconds => {
                    let nanoseconds = view.received.subsec_nanosecond();
                    out.extend_from_slice(format!("{nanoseconds:09}").as_bytes());
                    Ok(())
                }
                Piece::Field(field, spec) => render_shown(*field, *spec, view, pretty, out),
            };
            if done.is_err() {
                out.truncate(start);
                return done;
            }
        }
        Ok(())
    }
}

/// The time of arrival through strftime. The conversions were checked when
/// the format was parsed.
pub(super) fn time(view: &View<'_>, conversion: &str) -> String {
    strtime::format(conversion, view.received).unwrap_or_default()
}

/// What is the message's is made harmless; what the user wrote around it, such
/// as colours, is not touched.
fn render_shown(
    field: Field,
    spec: Spec,
    view: &View<'_>,
    pretty: bool,
    out: &mut Vec<u8>,
) -> Result<(), NotJson> {
    let start = out.len();
    render_field(field, spec, view, pretty, out)?;
    if view.terminal {
        let field = out.split_off(start);
        out.extend_from_slice(&view.shown(&field));
    }
    Ok(())
}

fn render_field(
    field: Field,
    spec: Spec,
    view: &View<'_>,
    pretty: bool,
    out: &mut Vec<u8>,
) -> Result<(), NotJson> {
    let properties = view.properties;
    match field {
        Field::TopicAlias => number(properties.topic_alias(), spec, out),
        Field::MessageExpiry => number(properties.message_expiry_interval(), spec, out),
        Field::PayloadFormat => number(properties.payload_format_indicator(), spec, out),
        Field::Length => number(Some(view.payload.len()), spec, out),
        Field::PacketId => number(Some(view.packet_id.unwrap_or(0)), spec, out),
        Field::SubscriptionId => number(properties.subscription_identifiers().next(), spec, out),
        Field::ContentType => text(&properties.content_type().unwrap_or_default(), spec, out),
        Field::ResponseTopic => text(&properties.response_topic().unwrap_or_default(), spec, out),
        Field::Topic => text(view.topic, spec, out),
        Field::IsoTime => text(&time(view, "%Y-%m-%dT%H:%M:%S%z"), spec, out),
        Field::Payload => pad(view.payload, Spec { zero: false, ..spec }, out),
        Field::HexLower => pad(hex(view.payload, false).as_bytes(), spec, out),
        Field::HexUpper => pad(hex(view.payload, true).as_bytes(), spec, out),
        Field::CorrelationData => {
            out.extend_from_slice(&properties.correlation_data().unwrap_or_default());
        }
        Field::UserProperties => {
            let pairs: Vec<String> = properties
                .user_properties()
                .map(|(name, value)| format!("{name}:{value}"))
                .collect();
            out.extend_from_slice(pairs.join(" ").as_bytes());
        }
        Field::QoS => out.extend_from_slice(view.qos.level().to_string().as_bytes()),
        Field::Retain => out.push(if view.retain { b'1' } else { b'0' }),
        Field::UnixTime => {
            out.extend_from_slice(time(view, "%s").as_bytes());
            out.extend_from_slice(format!(".{:09}", view.received.subsec_nanosecond()).as_bytes());
        }
        Field::Json => out.extend_from_slice(mosquitto_json::quoted(view, pretty).as_bytes()),
        Field::JsonRawPayload => {
            out.extend_from_slice(mosquitto_json::embedded(view, pretty)?.as_bytes());
        }
    }
    Ok(())
}

fn number<N: ToString>(value: Option<N>, spec: Spec, out: &mut Vec<u8>) {
    let digits = value.map(|value| value.to_string()).unwrap_or_default();
    pad(digits.as_bytes(), spec, out);
}

/// Text is cut at its maximum width and never padded with zeros.
fn text(value: &str, spec: Spec, out: &mut Vec<u8>) {
    let shown = match spec.max {
        Some(max) => value.char_indices().nth(max).map_or(value, |(end, _)| value.split_at(end).0),
        None => value,
    };
    pad(shown.as_bytes(), Spec { zero: false, ..spec }, out);
}

fn pad(value: &[u8], spec: Spec, out: &mut Vec<u8>) {
    let characters = std::str::from_utf8(value).map_or(value.len(), |text| text.chars().count());
    let missing = spec.width.saturating_sub(characters);
    let padding = std::iter::repeat_n(if spec.zero && !spec.left { b'0' } else { b' ' }, missing);
    if spec.left {
        out.extend_from_slice(value);
        out.extend(padding);
    } else {
        out.extend(padding);
        out.extend_from_slice(value);
    }
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
    out
}
