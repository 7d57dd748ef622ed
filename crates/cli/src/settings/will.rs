//! The will out of its flags.

use evenkeel::{Bytes, Properties, QoS, TopicName};

use super::topic_name;
use crate::args::WillFlags;
use crate::error::Failure;

/// What the server publishes when this client vanishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WillSettings {
    pub(crate) topic: TopicName,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
}

/// Makes the will, if there is one.
pub(super) fn collect(
    flags: &WillFlags,
    properties: Properties,
) -> Result<Option<WillSettings>, Failure> {
    let Some(topic) = &flags.will_topic else {
        return match stray(flags, &properties) {
            Some(flag) => Err(Failure::usage(format!("{flag} needs --will-topic"))
                .hint("give the topic the server shall publish to when this client vanishes")),
            None => Ok(None),
        };
    };
    let topic: TopicName = topic_name(topic, "--will-topic")?;
    let payload =
        Bytes::copy_from_slice(flags.will_payload.as_deref().unwrap_or_default().as_bytes());
    if payload.len() > usize::from(u16::MAX) {
        return Err(Failure::usage("the will's payload is longer than 65,535 bytes"));
    }
    let qos = flags.will_qos.unwrap_or(QoS::AtMostOnce);
    Ok(Some(WillSettings { topic, payload, qos, retain: flags.will_retain, properties }))
}

fn stray(flags: &WillFlags, properties: &Properties) -> Option<&'static str> {
    match flags {
        WillFlags { will_payload: Some(_), .. } => Some("--will-payload"),
        WillFlags { will_qos: Some(_), .. } => Some("--will-qos"),
        WillFlags { will_retain: true, .. } => Some("--will-retain"),
        _ if !properties.is_empty() => Some("-D will"),
        _ => None,
    }
}
