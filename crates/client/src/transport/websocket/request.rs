//! The HTTP request that asks for a WebSocket.

use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::WebSocketOptions;
use crate::transport::error::ConfigError;

/// Headers that make the handshake what it is.
const RESERVED: [&str; 6] = [
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    // Without one the server's frames are what they seem to be.
    "Sec-WebSocket-Extensions",
];

/// A request, ready to be sent; never shown, as it holds secrets.
pub(in crate::transport) struct Request {
    pub(super) text: String,
    pub(super) key: String,
}

/// Makes the request for path and query `target`, or those of the settings if it is empty.
/// `headers` take the place of those of the settings that have their names.
pub(in crate::transport) fn request(
    authority: &str,
    target: &str,
    headers: &[(String, String)],
    options: &WebSocketOptions,
) -> Result<Request, ConfigError> {
    let of_options = options.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let target = if target.is_empty() { of_options } else { target };
    if !is_target(target) {
        return Err(ConfigError::WebSocketPath);
    }
    let is_replaced =
        |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let kept = options.headers.iter().filter(|(name, _)| !is_replaced(name));
    let headers: Vec<_> = kept.chain(headers).collect();
    for (name, value) in &headers {
        check(name, value)?;
    }
    let is_host = |name: &str| name.eq_ignore_ascii_case("Host");
    let host = headers.iter().rfind(|(name, _)| is_host(name)).map(|(_, value)| value.as_str());
    let key = generate_key();
    //= [MQTT-6.0.0-3]
    //= [MQTT311-6.0.0-3]
    let subprotocol = options.subprotocol.name();
    let mut text = format!(
        "GET {target} HTTP/1.1\r\n\
         Host: {}\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {subprotocol}\r\n",
        host.unwrap_or(authority)
    );
    for (name, value) in headers.iter().filter(|(name, _)| !is_host(name)) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    Ok(Request { text, key })
}

/// Path and query, percent-encoded; servers know no fragment.
fn is_target(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"<>`#".contains(&byte);
    text.starts_with('/') && text.bytes().all(is_allowed)
}

fn check(name: &str, value: &str) -> Result<(), ConfigError> {
    // RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(ConfigError::WebSocketHeaderName);
    }
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(ConfigError::ReservedHeader { name: name.to_owned() });
    }
    if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(ConfigError::WebSocketHeader { name: name.to_owned() });
    }
    Ok(())
}
