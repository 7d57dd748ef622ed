//! Retained messages, as the HTTP API shows them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evenkeel_broker::core::{HttpCall, RetainedMessage};
use evenkeel_codec::Property;
use serde_json::{Map, Value, json};

use super::{Outcome, Parameters, next_token};

/// Most results of a page, as in the API.
const PAGE: usize = 200;

/// One page of all of them.
pub(crate) fn list_retained(call: &HttpCall<'_>, parameters: &Parameters) -> Outcome {
    let (count, after) = (parameters.page("maxResults", PAGE)?, parameters.after()?);
    let mut messages = call.retained.after(&after);
    let page: Vec<RetainedMessage<'_>> = messages.by_ref().take(count).collect();
    let topics: Vec<Value> = page.iter().map(summary).collect();
    let mut answer = json!({ "retainedTopics": topics });
    if let (Some(last), true) = (page.last(), messages.next().is_some()) {
        answer["nextToken"] = next_token(last.topic).into();
    }
    Ok(answer)
}

fn summary(message: &RetainedMessage<'_>) -> Value {
    json!({
        "topic": message.topic,
        "payloadSize": message.payload.len(),
        "qos": message.qos.level(),
        "lastModifiedTime": millis(message.since),
    })
}

/// All of one of them.
pub(crate) fn whole(message: &RetainedMessage<'_>) -> Value {
    let properties: Vec<Value> = message
        .properties
        .iter()
        .filter_map(|property| match property {
            Property::UserProperty(name, value) => {
                let pair = (name.as_str().to_owned(), value.as_str().into());
                Some(Value::Object(Map::from_iter([pair])))
            }
            _ => None,
        })
        .collect();
    let mut answer = json!({
        "topic": message.topic,
        "payload": STANDARD.encode(message.payload),
        "qos": message.qos.level(),
        "lastModifiedTime": millis(message.since),
    });
    if !properties.is_empty() {
        answer["userProperties"] = STANDARD.encode(json!(properties).to_string()).into();
    }
    answer
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
