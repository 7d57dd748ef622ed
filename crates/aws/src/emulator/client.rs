//! A client that was let in: who it is, and what it may do.

use std::time::Duration;

use evenkeel_broker::core::{Act, Permit};
use evenkeel_codec::{QoS, ReasonCode, Version};

use crate::gate::Principal;
use crate::gate::policy::{Action, Decision};
use crate::{DisconnectReason, may_subscribe};

/// A client between CONNECT and the end of its connection.
#[derive(Debug)]
pub(super) struct Client {
    /// Its client identifier.
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) principal: Principal,
    pub(super) ip_address: String,
    /// When its connection ends at the latest, and how that is called.
    pub(super) end: Option<(Duration, DisconnectReason)>,
    /// Why the emulator has ended it.
    pub(super) ended: Option<DisconnectReason>,
}

impl Client {
    pub(super) fn may(&self, act: Act<'_>) -> Permit {
        if self.denial(act).is_none() {
            return Permit::Allow;
        }
        let has_answer = match act {
            Act::Publish { qos, .. } => qos > QoS::AtMostOnce,
            Act::Subscribe(_) | Act::Receive(_) => true,
        };
        // Before MQTT 5 AWS closes the connection.
        if has_answer && self.version == Version::V5 {
            Permit::Refuse(ReasonCode::NOT_AUTHORIZED)
        } else {
            Permit::Disconnect(ReasonCode::NOT_AUTHORIZED)
        }
    }

    /// Why the client may not do this, in words.
    pub(super) fn denial(&self, act: Act<'_>) -> Option<String> {
        match act {
            Act::Publish { topic, retain: true, .. } => self
                .forbidden(Action::Publish, topic)
                .or_else(|| self.forbidden(Action::RetainPublish, topic)),
            Act::Publish { topic, .. } => self.forbidden(Action::Publish, topic),
            Act::Subscribe(filter) if !may_subscribe(filter.as_str()) => {
                Some("the topics are reserved, and nobody may subscribe to them".into())
            }
            Act::Subscribe(filter) => self.forbidden(Action::Subscribe, filter.as_str()),
            Act::Receive(topic) => self.forbidden(Action::Receive, topic),
        }
    }

    fn forbidden(&self, action: Action, name: &str) -> Option<String> {
        denial(&self.principal, action, name)
    }
}

/// Why policies do not allow an action, in words.
pub(super) fn denial(principal: &Principal, action: Action, name: &str) -> Option<String> {
    match principal.decide(action, name) {
        Decision::Allowed(_) => None,
        Decision::Denied(statement) => Some(format!(
            "statement {} of policy {:?} denies {action}",
            statement.index, statement.policy
        )),
        Decision::NotMentioned if action.resource() == "*" => {
            Some(format!("no policy allows {action}"))
        }
        Decision::NotMentioned => {
            Some(format!("no policy allows {action} on {}/{name}", action.resource()))
        }
    }
}
