//! An update as a client writes it.

use serde_json::{Map, Value};

use super::error::ShadowError;
use crate::ShadowLimits;
use crate::json::{self, BadJson};

/// A request to change a shadow.
#[derive(Clone, Debug)]
pub(super) struct Update {
    /// `state` as it came.
    pub(super) state: Value,
    pub(super) desired: Option<Change>,
    pub(super) reported: Option<Change>,
    /// The version that the shadow must have.
    pub(super) version: Option<u64>,
}

/// What becomes of `desired` or `reported`.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is removed.
    Remove,
    /// This is merged into it.
    Merge(Map<String, Value>),
}

/// The client token of a payload whose other contents do not count.
pub(super) fn client_token(
    payload: &[u8],
    limits: &ShadowLimits,
) -> Result<Option<String>, ShadowError> {
    let Ok(Value::Object(mut members)) = json::parse(payload) else { return Ok(None) };
    match members.remove("clientToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= limits.client_token_bytes => Ok(Some(token)),
        Some(_) => Err(ShadowError::InvalidClientToken),
    }
}

impl Update {
    /// Reads an update, and refuses what no shadow could take.
    pub(super) fn parse(payload: &[u8], limits: &ShadowLimits) -> Result<Self, ShadowError> {
        if payload.len() > limits.document_bytes {
            return Err(ShadowError::TooLarge);
        }
        let members = match json::parse(payload) {
            Ok(Value::Object(members)) => members,
            Ok(_) | Err(BadJson::Syntax) => return Err(ShadowError::InvalidJson),
            Err(BadJson::Encoding) => return Err(ShadowError::Encoding),
            Err(BadJson::Nesting) => return Err(ShadowError::TooDeep { maximum: limits.depth }),
        };
        let version = match members.get("version") {
            None | Some(Value::Null) => None,
            Some(version) => Some(version.as_u64().ok_or(ShadowError::InvalidVersion)?),
        };
        let state = members.get("state").ok_or(ShadowError::MissingState)?;
        let sections = state.as_object().ok_or(ShadowError::StateNotObject)?;
        if sections.keys().any(|key| key != "desired" && key != "reported") {
            return Err(ShadowError::InvalidNode);
        }
        let section = |name: &str, wrong| change(sections.get(name), wrong, limits);
        let desired = section("desired", ShadowError::DesiredNotObject)?;
        let reported = section("reported", ShadowError::ReportedNotObject)?;
        Ok(Self { state: state.clone(), desired, reported, version })
    }
}

fn change(
    section: Option<&Value>,
    wrong: ShadowError,
    limits: &ShadowLimits,
) -> Result<Option<Change>, ShadowError> {
    match section {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Change::Remove)),
        Some(section @ Value::Object(members)) => {
            if depth(section) > limits.depth {
                return Err(ShadowError::TooDeep { maximum: limits.depth });
            }
            if has_null_item(section) {
                return Err(ShadowError::InvalidNode);
            }
            Ok(Some(Change::Merge(members.clone())))
        }
        Some(_) => Err(wrong),
    }
}

/// Levels of keys below a value; an array within an array is a level too.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|member| 1 + depth(member)).max(),
        Value::Array(items) => {
            let nested = items.iter().filter(|item| item.is_object() || item.is_array());
            nested.map(|item| 1 + depth(item)).max()
        }
        _ => None,
    }
    .unwrap_or(0)
}

/// True if null is in an array, at whatever depth of it.
fn has_null_item(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().any(has_null_item),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}
