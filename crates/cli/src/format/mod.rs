//! What a received message looks like on stdout.
//!
//! Three styles: the payload (with the topic under `-v`), a format of
//! mosquitto's `-F` language, or one JSON object per line.

mod json;
mod json_text;
mod language;
mod mosquitto_json;
mod render;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use evenkeel::{Properties, QoS};
use jiff::Zoned;

use crate::escape;

pub(crate) use json::{MessageProperties, Payload, message_line, timestamp};
pub(crate) use language::Format;
pub(crate) use render::NotJson;

/// A received message with the moment of its arrival, as the renderers see it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) packet_id: Option<u16>,
    pub(crate) properties: &'a Properties,
    pub(crate) received: &'a Zoned,
    /// It is shown on a terminal, where control characters would act (S3).
    pub(crate) terminal: bool,
}

impl View<'_> {
    /// What may be shown of bytes that are the message's.
    fn shown<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if self.terminal { escape::bytes(bytes) } else { Cow::Borrowed(bytes) }
    }
}

/// How messages are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The payload and nothing else.
    Payload,
    /// Topic, space, payload.
    Verbose,
    /// `-F`, pretty-printing its JSON if asked.
    Custom { format: Format, pretty: bool },
    /// `--json`.
    JsonLines,
}

impl Style {
    /// Appends the message to `out`, with a line end unless `no_eol`.
    ///
    /// Like mosquitto's tools, an empty payload prints nothing in the plain
    /// style and `(null)` after its topic in the verbose one.
    pub(crate) fn render(
        &self,
        view: &View<'_>,
        no_eol: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        match self {
            Self::Payload if view.payload.is_empty() => return Ok(()),
            Self::Payload => out.extend_from_slice(&view.shown(view.payload)),
            Self::Verbose => {
                out.extend_from_slice(&view.shown(view.topic.as_bytes()));
                out.push(b' ');
                let payload = if view.payload.is_empty() { b"(null)" } else { view.payload };
                out.extend_from_slice(&view.shown(payload));
            }
            Self::Custom { format, pretty } => format.render(view, *pretty, out)?,
            Self::JsonLines => out.extend_from_slice(&view.shown(message_line(view).as_bytes())),
        }
        if !no_eol {
            out.push(b'\n');
        }
        Ok(())
    }
}
