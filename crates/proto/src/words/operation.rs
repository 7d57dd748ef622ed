//! Why an operation was not accepted, or failed.

use core::error::Error;
use core::fmt;

use evenkeel_codec::PacketType;

use crate::operation::{
    AckError, DeliveryError, PublishLimit, QueueError, RejectReason, SubscribeError,
    SubscribeFeature,
};

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason, .. } => write!(f, "the server refused it: {reason}"),
            Self::WrongAcknowledgement { expected, came, reason, .. } => {
                write!(f, "the server answered with {came} where {expected} is due")?;
                if reason.is_error() {
                    return write!(f, ": {reason}");
                }
                f.write_str(if *came == PacketType::PubAck {
                    "; it took the message with QoS 1 only: use QoS 1 with this server"
                } else {
                    "; it took the message for QoS 2: use QoS 2 with this server"
                })
            }
            Self::Expired { queued } => write!(f, "it expired after {queued:?} in the queue"),
            Self::ConnectionLost => f.write_str("the connection ended before it was written"),
            Self::Quarantined { deaths, .. } => {
                write!(f, "quarantined: {deaths} connections died with it in flight")
            }
            Self::NotAllowed(limit) => limit.fmt(f),
            Self::Abandoned { attempts: 0 } => f.write_str("the client closed before it was sent"),
            Self::Abandoned { .. } => f.write_str("the client closed before it was acknowledged"),
            Self::ConnectionRefused { refusal, .. } => refusal.fmt(f),
            Self::StillStored { .. } => {
                f.write_str("the client closed; the store keeps it for the next run")
            }
            Self::NotStored(failure) => write!(f, "it was not stored: {failure}"),
            Self::Dropped => f.write_str("it was dropped from a full queue"),
            Self::Superseded => f.write_str("a later message of its topic took its place"),
            Self::Removed => f.write_str("it was taken out of the queue"),
            Self::Withdrawn { .. } => {
                f.write_str("the application gave it up in flight; the server may have it")
            }
            Self::Uncertain { .. } => f.write_str(
                "the server may have it, or may have lost it with the session: \
                 send it again if it may arrive twice",
            ),
        }
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAllowed(limit) => limit.source(),
            Self::ConnectionRefused { refusal, .. } => refusal.source(),
            Self::NotStored(failure) => failure.source(),
            _ => None,
        }
    }
}

impl fmt::Display for PublishLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PacketSize { size, limit } => {
                write!(f, "the packet of {size} bytes is larger than the allowed {limit}")
            }
            Self::QoS { maximum } => write!(f, "the server takes QoS {} at most", maximum.level()),
            Self::Retain => f.write_str("the server keeps no retained messages"),
            Self::Property { id, version } => write!(
                f,
                "property 0x{:02x} needs MQTT 5, and {} is spoken: leave it out, \
                 or use a server that speaks MQTT 5",
                id.0,
                super::version(*version).trim_start_matches("MQTT "),
            ),
            Self::TopicAlias { alias, maximum } => {
                write!(f, "topic alias {alias} is above the server's maximum of {maximum}")
            }
            Self::UnknownTopicAlias { alias } => {
                write!(f, "topic alias {alias} stands for no topic yet: publish with both once")
            }
            Self::Encode(error) => error.fmt(f),
            Self::Profile(broken) => broken.fmt(f),
        }
    }
}

impl Error for PublishLimit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => error.source(),
            Self::PacketSize { .. }
            | Self::QoS { .. }
            | Self::Retain
            | Self::Property { .. }
            | Self::TopicAlias { .. }
            | Self::UnknownTopicAlias { .. }
            | Self::Profile(_) => None,
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull { messages, bytes } => {
                write!(f, "the queue is full with {messages} messages, {bytes} bytes")
            }
            Self::WriteBufferFull => f.write_str("the write buffer is full"),
            Self::Offline => f.write_str("offline, and QoS 0 messages are not kept"),
            Self::NotAllowed(limit) => limit.fmt(f),
            Self::Expired => {
                f.write_str("offline, and an expiry of 0 is for those who are there now")
            }
            Self::Closed => f.write_str("the client is closed or has halted"),
            Self::ConnectionRefused(refusal) => refusal.fmt(f),
            Self::StoreBusy => {
                f.write_str("as many messages as may be are on their way into the store")
            }
            Self::Storage(failure) => failure.fmt(f),
            Self::NoIdentifier => f.write_str("all packet identifiers are in use"),
        }
    }
}

impl Error for RejectReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAllowed(limit) => limit.source(),
            Self::ConnectionRefused(refusal) => refusal.source(),
            Self::Storage(failure) => failure.source(),
            _ => None,
        }
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFilter => f.write_str("no filter is given"),
            Self::TooManyOperations { limit } => {
                write!(f, "{limit} operations wait for an answer already")
            }
            Self::NotSupported(feature) => match feature {
                SubscribeFeature::Wildcards
                | SubscribeFeature::SharedSubscriptions
                | SubscribeFeature::SubscriptionIdentifiers => {
                    write!(f, "the server does not support {feature}")
                }
                SubscribeFeature::Properties => {
                    f.write_str("properties need MQTT 5, and the server speaks an older version")
                }
                SubscribeFeature::NoLocal
                | SubscribeFeature::RetainAsPublished
                | SubscribeFeature::RetainHandling => {
                    write!(f, "{feature} needs MQTT 5, and the server speaks an older version")
                }
            },
            Self::NotAllowed(limit) => limit.fmt(f),
            Self::Quarantined { deaths } => {
                write!(f, "quarantined: {deaths} connections died with it unanswered")
            }
            Self::Abandoned => f.write_str("the client closed or halted before the answer"),
            Self::ConnectionRefused(refusal) => refusal.fmt(f),
        }
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAllowed(limit) => limit.source(),
            Self::ConnectionRefused(refusal) => refusal.source(),
            _ => None,
        }
    }
}

impl fmt::Display for SubscribeFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wildcards => "wildcard subscriptions",
            Self::SharedSubscriptions => "shared subscriptions",
            Self::SubscriptionIdentifiers => "subscription identifiers",
            Self::Properties => "properties",
            Self::NoLocal => "no local",
            Self::RetainAsPublished => "retain as published",
            Self::RetainHandling => "retain handling",
        })
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such message in the queue"),
            Self::InFlight => f.write_str("the message is in flight: its outcome is to come"),
            Self::NotQuarantined => f.write_str("the message is not in quarantine"),
            Self::Rejected(reason) => write!(f, "the queue does not take it: {reason}"),
            Self::Storage(failure) => failure.fmt(f),
        }
    }
}

impl Error for QueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(reason) => reason.source(),
            Self::Storage(failure) => failure.source(),
            Self::Unknown | Self::InFlight | Self::NotQuarantined => None,
        }
    }
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsV5 => f.write_str(
                "before MQTT 5 an acknowledgement says nothing but success: \
                 acknowledge the message, or use a server that speaks MQTT 5",
            ),
            Self::Reason(reason) => write!(f, "no acknowledgement has the reason code {reason}"),
            Self::Property(id) => write!(f, "no acknowledgement has the property {id}"),
            Self::Profile(broken) => broken.fmt(f),
            Self::Stale => f.write_str("the connection or the exchange is over"),
        }
    }
}

impl Error for AckError {}
