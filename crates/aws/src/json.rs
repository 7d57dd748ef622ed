//! JSON as it comes from a client, bounded before it is parsed, and as answers
//! are made of it.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::Time;

/// Levels that are refused before the parser sees them; it recurses, and has a
/// limit of its own at 128.
const LEVELS: usize = 100;

/// Why bytes are no JSON that a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadJson {
    /// Not UTF-8.
    Encoding,
    /// Nested deeper than any service allows.
    Nesting,
    /// No JSON.
    Syntax,
}

/// Parses one JSON value.
pub(crate) fn parse(payload: &[u8]) -> Result<Value, BadJson> {
    let text = std::str::from_utf8(payload).map_err(|_| BadJson::Encoding)?;
    if is_too_deep(text) {
        return Err(BadJson::Nesting);
    }
    serde_json::from_str(text).map_err(|_| BadJson::Syntax)
}

/// Whether a text nests deeper than any service allows.
pub(crate) fn is_too_deep(text: &str) -> bool {
    levels(text) > LEVELS
}

/// How deep objects and arrays nest in the text, whether it is JSON or not.
fn levels(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Sets a member of an object.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value.into());
    }
}

/// Gives an answer the token of its request, if that had one.
pub(crate) fn add_token(answer: &mut Value, token: Option<&str>) {
    if let Some(token) = token {
        set(answer, "clientToken", token);
    }
}

/// The payload of an answer on `../rejected`.
pub(crate) fn rejected(
    code: impl Into<Value>,
    message: &impl Display,
    time: Time,
    token: Option<&str>,
) -> Value {
    let mut answer = json!({
        "code": code.into(),
        "message": message.to_string(),
        "timestamp": time.unix_seconds(),
    });
    add_token(&mut answer, token);
    answer
}
