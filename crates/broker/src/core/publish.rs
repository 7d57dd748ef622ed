//! Messages from clients.

use std::sync::Arc;

use evenkeel_codec::{Ack, PacketId, PacketType, Publish, QoS, ReasonCode, TopicName, Version};

use super::Core;
use super::config::Offer;
use super::connection::Online;
use super::deliver::ack;
use super::event::{CloseReason, EventKind};
use super::ids::ConnectionId;
use super::message::Message;
use super::service::{Act, Claim, Happening, Permit};
use super::time::Instant;

/// A rule that a client broke.
struct Violation {
    rule: &'static str,
    reason: ReasonCode,
    detail: String,
}

impl Core {
    pub(super) fn on_publish(&mut self, now: Instant, id: ConnectionId, publish: Publish) {
        let Some(mut wire) = self.wire(now, id) else { return };
        let config = wire.config;
        if config.behaviour.message_events {
            let topic = wire.connection.topic(&publish).to_owned();
            wire.note(received(topic, &publish));
        }
        let Some(publish) = self.judge_publish(now, id, publish) else { return };
        let Some(mut wire) = self.wire(now, id) else { return };
        let config = wire.config;
        let Some(online) = wire.connection.online_mut() else { return };
        let topic = match check(online, &config.offer, &publish) {
            Ok(topic) => topic,
            Err(Violation { rule, reason, detail }) => {
                return wire.violation(rule, reason, detail);
            }
        };
        let session = online.session;
        if self.is_duplicate(session, &publish) {
            return self.acknowledge(now, id, &publish, ReasonCode::SUCCESS);
        }
        let Some(mut wire) = self.wire(now, id) else { return };
        let Some(online) = wire.connection.online_mut() else { return };
        //= [MQTT-3.3.4-7]
        if publish.qos > QoS::AtMostOnce && !online.inflow.on_publish() {
            let detail = "more unacknowledged messages than Receive Maximum allows".into();
            let reason = ReasonCode::RECEIVE_MAXIMUM_EXCEEDED;
            return wire.violation("MQTT-3.3.4-7", reason, detail);
        }
        if self.deny(now, id, &topic, &publish) {
            return;
        }
        let claim = self.claims(&topic);
        if let Claim::Forbid(reason) = claim
            && let Some(mut wire) = self.wire(now, id)
        {
            return wire.disconnect(reason, CloseReason::NotAuthorized);
        }
        if publish.qos == QoS::ExactlyOnce
            && let (Some(packet_id), Some(session)) =
                (publish.packet_id, self.sessions.get_mut(session))
        {
            session.unreleased.insert(packet_id.get());
        }
        if claim == Claim::Consume {
            return self.consume(now, id, &topic, &publish);
        }
        let mut message = Message::new(now, &topic, publish.clone(), session);
        message.qos = self.clamped(message.qos);
        self.forward(now, id, message, &publish);
        self.tell(now, &Happening::Published { id, topic: &topic, publish: &publish });
    }

    /// Gives a message to its subscribers, then acknowledges it.
    //= [MQTT-4.3.2-4]
    //= [MQTT-4.3.3-8]
    fn forward(&mut self, now: Instant, id: ConnectionId, message: Message, publish: &Publish) {
        let distributed = self.distribute(now, Arc::new(message));
        if let (Some(slow), Some(packet_id)) = (distributed.slow, publish.packet_id)
            && self.hold_ack(now, id, ack_type(publish.qos), packet_id, slow)
        {
            return;
        }
        let reason = if distributed.matched {
            ReasonCode::SUCCESS
        } else {
            ReasonCode::NO_MATCHING_SUBSCRIBERS
        };
        self.acknowledge(now, id, publish, reason);
    }

    /// A QoS 2 message that was received before and not yet released.
    //= [MQTT-4.3.3-10]
    fn is_duplicate(&self, session: super::ids::SessionId, publish: &Publish) -> bool {
        let Some(session) = self.sessions.get(session) else { return false };
        let packet_id = publish.packet_id.map_or(0, PacketId::get);
        publish.qos == QoS::ExactlyOnce && session.unreleased.contains(&packet_id)
    }

    /// True if the topic is denied; the client has been told.
    fn deny(&mut self, now: Instant, id: ConnectionId, topic: &str, publish: &Publish) -> bool {
        let act = Act::Publish { topic, qos: publish.qos, retain: publish.retain };
        match self.permits(now, id, act) {
            Permit::Allow if topic.starts_with("$SYS/") => {
                self.acknowledge(now, id, publish, ReasonCode::NOT_AUTHORIZED);
            }
            Permit::Allow => return false,
            Permit::Refuse(reason) => self.acknowledge(now, id, publish, reason),
            Permit::Disconnect(reason) => {
                if let Some(mut wire) = self.wire(now, id) {
                    wire.disconnect(reason, CloseReason::NotAuthorized);
                }
            }
        }
        true
    }

    //= [MQTT-4.3.2-3]
    //= [MQTT-4.3.3-8]
    //= [MQTT311-3.3.5-2]
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        id: ConnectionId,
        publish: &Publish,
        reason: ReasonCode,
    ) {
        let (Some(packet_id), Some(mut wire)) = (publish.packet_id, self.wire(now, id)) else {
            return;
        };
        let reason = match wire.connection.version {
            Version::V5 => reason,
            Version::V31 | Version::V311 => ReasonCode::SUCCESS,
        };
        let properties = wire.explanation(reason);
        let content = Ack { packet_id, reason, properties };
        wire.send(&ack(ack_type(publish.qos), content));
    }

    /// PUBREL.
    //= [MQTT-4.3.3-11]
    pub(super) fn on_release(&mut self, now: Instant, id: ConnectionId, release: &Ack) {
        let Some(online) = self.connections.get(&id).and_then(|c| c.online()) else { return };
        let Some(session) = self.sessions.get_mut(online.session) else { return };
        let packet_id = release.packet_id;
        let was_known = session.unreleased.remove(&packet_id.get());
        let Some(mut wire) = self.wire(now, id) else { return };
        let reason = if was_known {
            ReasonCode::SUCCESS
        } else {
            let packet = PacketType::PubRel;
            wire.note(EventKind::UnexpectedAck { packet, packet_id: packet_id.get() });
            ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
        };
        wire.send(&ack(PacketType::PubComp, Ack::new(packet_id, reason)));
    }
}

const fn ack_type(qos: QoS) -> PacketType {
    match qos {
        QoS::ExactlyOnce => PacketType::PubRec,
        _ => PacketType::PubAck,
    }
}

fn received(topic: String, publish: &Publish) -> EventKind {
    EventKind::PublishReceived {
        topic,
        qos: publish.qos.level(),
        bytes: publish.payload.len(),
        packet_id: publish.packet_id.map(PacketId::get),
        dup: publish.dup,
    }
}

/// Checks what the decoder cannot know, and finds the topic.
fn check(online: &mut Online, offer: &Offer, publish: &Publish) -> Result<TopicName, Violation> {
    let violation = |rule, reason, detail: &str| Violation { rule, reason, detail: detail.into() };
    //= [MQTT-3.3.4-6]
    if publish.properties.subscription_identifiers().next().is_some() {
        let detail = "PUBLISH of a client has a subscription identifier";
        return Err(violation("MQTT-3.3.4-6", ReasonCode::PROTOCOL_ERROR, detail));
    }
    if publish.qos > offer.maximum_qos {
        let detail = "PUBLISH with a QoS above the announced maximum";
        return Err(violation("MQTT-3.2.2-11", ReasonCode::QOS_NOT_SUPPORTED, detail));
    }
    if publish.retain && !offer.retain {
        let detail = "PUBLISH with RETAIN, which is not available";
        return Err(violation("MQTT-3.2.2-14", ReasonCode::RETAIN_NOT_SUPPORTED, detail));
    }
    let Some(alias) = publish.properties.topic_alias() else {
        return name(publish);
    };
    if !online.received_aliases.is_allowed(alias) {
        let detail = format!("topic alias {alias} is above the announced maximum");
        return Err(violation("MQTT-3.3.2-9", ReasonCode::TOPIC_ALIAS_INVALID, &detail));
    }
    if publish.topic.is_empty() {
        return online.received_aliases.topic(alias).cloned().ok_or_else(|| {
            let detail = format!("topic alias {alias} stands for no topic yet");
            violation("section 3.3.2.3.4", ReasonCode::PROTOCOL_ERROR, &detail)
        });
    }
    //= [MQTT-3.3.2-12]
    let topic = name(publish)?;
    let copy = TopicName::try_from(topic.as_str()).unwrap_or_else(|_| topic.clone());
    online.received_aliases.define(alias, copy);
    Ok(topic)
}

fn name(publish: &Publish) -> Result<TopicName, Violation> {
    TopicName::new(publish.topic.clone()).map_err(|error| Violation {
        rule: "MQTT-3.3.2-2",
        reason: ReasonCode::TOPIC_NAME_INVALID,
        detail: format!("{error:#}"),
    })
}
