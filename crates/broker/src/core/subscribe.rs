//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use evenkeel_codec::{
    Packet, ReasonCode, RetainHandling, SubAck, Subscribe, SubscribeFilter, TopicFilter, UnsubAck,
    Unsubscribe, Version,
};

use super::Core;
use super::event::{CloseReason, EventKind};
use super::ids::{ConnectionId, SessionId};
use super::inflight::Delivery;
use super::message::Message;
use super::router;
use super::service::{Act, Happening, Permit};
use super::subscription::Subscription;
use super::time::Instant;

/// A subscription that was granted.
struct Granted {
    subscription: Subscription,
    is_new: bool,
}

impl Core {
    //= [MQTT-3.8.4-1]
    //= [MQTT-3.8.4-2]
    //= [MQTT-3.8.4-6]
    pub(super) fn on_subscribe(&mut self, now: Instant, id: ConnectionId, packet: Subscribe) {
        let Some(session) = self.connections.get(&id).and_then(|c| c.online()).map(|l| l.session)
        else {
            return;
        };
        let Some(refused) = self.judge_subscribe(now, id, &packet) else { return };
        let permits: Vec<Permit> = packet
            .filters
            .iter()
            .map(|asked| self.permits(now, id, Act::Subscribe(&asked.filter)))
            .collect();
        if let Some((reason, why)) = self.subscribe_ends(&packet, &permits)
            && let Some(mut wire) = self.wire(now, id)
        {
            if why == CloseReason::Limit {
                wire.note(EventKind::LimitReached { limit: "filters_per_subscribe" });
            }
            return wire.disconnect(reason, why);
        }
        let identifier = packet.properties.subscription_identifiers().next();
        let mut codes = Vec::with_capacity(packet.filters.len());
        let mut retained = Vec::new();
        for ((asked, refusal), permit) in packet.filters.iter().zip(&refused).zip(&permits) {
            let granted = match (refusal, permit) {
                (Some(code), _) => Err(ReasonCode(*code)),
                (None, Permit::Refuse(reason) | Permit::Disconnect(reason)) => Err(*reason),
                (None, Permit::Allow) => self.subscribe(session, asked, identifier),
            };
            let code = match &granted {
                Ok(granted) => ReasonCode(granted.subscription.qos.level()),
                Err(code) => *code,
            };
            codes.push(code);
            if let Ok(granted) = granted
                && wants_retained(asked, granted.is_new)
                && self.sends_retained(&asked.filter)
            {
                retained.push((asked.filter.clone(), granted.subscription));
            }
            if let Some(mut wire) = self.wire(now, id) {
                let filter = asked.filter.as_str().to_owned();
                wire.note(EventKind::Subscribed { filter, reason: code });
            }
        }
        let granted: Vec<bool> = codes.iter().map(|code| !code.is_error()).collect();
        if let Some(mut wire) = self.wire(now, id) {
            let worst = codes.iter().copied().max().unwrap_or_default();
            let properties = wire.explanation(worst);
            let packet_id = packet.packet_id;
            wire.send_codes(SubAck { packet_id, codes, properties });
        }
        for (filter, subscription) in retained {
            self.send_retained(now, session, &filter, subscription);
        }
        let granted = packet.filters.iter().zip(granted).filter(|(_, is_granted)| *is_granted);
        let filters: Vec<&str> = granted.map(|(asked, _)| asked.filter.as_str()).collect();
        if !filters.is_empty() {
            self.tell(now, &Happening::Subscribed { id, filters: &filters });
        }
    }

    /// Whether retained messages go to who subscribes to this.
    fn sends_retained(&self, filter: &TopicFilter) -> bool {
        let always = self.judge.as_ref().is_none_or(|judge| judge.retains_on_wildcard());
        always || !filter.has_wildcard()
    }

    /// What in a SUBSCRIBE ends the connection.
    fn subscribe_ends(
        &self,
        packet: &Subscribe,
        permits: &[Permit],
    ) -> Option<(ReasonCode, CloseReason)> {
        let limit = self.config.limits.filters_per_subscribe;
        if limit.is_some_and(|limit| packet.filters.len() > limit) {
            return Some((ReasonCode::QUOTA_EXCEEDED, CloseReason::Limit));
        }
        permits.iter().find_map(|permit| match permit {
            Permit::Disconnect(reason) => Some((*reason, CloseReason::NotAuthorized)),
            Permit::Allow | Permit::Refuse(_) => None,
        })
    }

    //= [MQTT-3.8.4-3]
    //= [MQTT-3.8.4-5]
    //= [MQTT-3.8.4-7]
    fn subscribe(
        &mut self,
        id: SessionId,
        asked: &SubscribeFilter,
        identifier: Option<u32>,
    ) -> Result<Granted, ReasonCode> {
        let filter = &asked.filter;
        self.check_filter(filter, identifier)?;
        let limit = self.config.limits.subscriptions;
        let session = self.sessions.get_mut(id).ok_or(ReasonCode::UNSPECIFIED_ERROR)?;
        let is_known = session.subscriptions.contains_key(filter);
        let bytes = self.router.bytes() + router::weight(filter);
        let is_full =
            session.subscriptions.len() >= limit || bytes > self.config.memory.subscription_bytes;
        if is_full && !is_known {
            return Err(ReasonCode::QUOTA_EXCEEDED);
        }
        let subscription = Subscription {
            qos: asked.options.qos.min(self.config.offer.maximum_qos),
            no_local: asked.options.no_local,
            retain_as_published: asked.options.retain_as_published,
            identifier,
        };
        // A copy: the filter is a slice of the packet's bytes.
        let key = TopicFilter::try_from(filter.as_str()).unwrap_or_else(|_| filter.clone());
        session.subscriptions.insert(key, subscription);
        let is_new = self.router.subscribe(filter, id, subscription);
        Ok(Granted { subscription, is_new })
    }

    fn check_filter(
        &self,
        filter: &TopicFilter,
        identifier: Option<u32>,
    ) -> Result<(), ReasonCode> {
        let offer = &self.config.offer;
        if filter.as_str().split('/').count() > self.config.limits.topic_levels {
            return Err(ReasonCode::TOPIC_FILTER_INVALID);
        }
        if filter.share_name().is_some() && !offer.shared_subscriptions {
            return Err(ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED);
        }
        if filter.has_wildcard() && !offer.wildcard_subscriptions {
            return Err(ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED);
        }
        if identifier.is_some() && !offer.subscription_identifiers {
            return Err(ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED);
        }
        Ok(())
    }

    /// Sends the retained messages that a new subscription matches.
    //= [MQTT-3.8.4-4]
    fn send_retained(
        &mut self,
        now: Instant,
        id: SessionId,
        filter: &TopicFilter,
        subscription: Subscription,
    ) {
        let found: Vec<Arc<Message>> = self.retained.matching(now, filter).cloned().collect();
        for message in found {
            if subscription.no_local && message.from == Some(id) {
                continue;
            }
            let delivery = Delivery {
                qos: subscription.qos.min(message.qos),
                message,
                retain: true,
                identifiers: subscription.identifier.into_iter().collect(),
            };
            self.enqueue(now, id, delivery);
            self.pump(now, id);
        }
    }

    //= [MQTT-3.10.4-4]
    //= [MQTT-3.10.4-5]
    //= [MQTT-3.10.4-6]
    pub(super) fn on_unsubscribe(&mut self, now: Instant, id: ConnectionId, packet: Unsubscribe) {
        let Some(session) = self.connections.get(&id).and_then(|c| c.online()).map(|l| l.session)
        else {
            return;
        };
        let Some(refusal) = self.judge_unsubscribe(now, id, &packet) else { return };
        if let Some(code) = refusal {
            return self.refuse_unsubscribe(now, id, &packet, code);
        }
        let mut codes = Vec::with_capacity(packet.filters.len());
        for filter in &packet.filters {
            if let Some(session) = self.sessions.get_mut(session) {
                session.subscriptions.remove(filter);
            }
            let was_there = self.router.unsubscribe(filter, session);
            codes.push(if was_there {
                ReasonCode::SUCCESS
            } else {
                ReasonCode::NO_SUBSCRIPTION_EXISTED
            });
            if let Some(mut wire) = self.wire(now, id) {
                wire.note(EventKind::Unsubscribed { filter: filter.as_str().to_owned() });
            }
        }
        if let Some(mut wire) = self.wire(now, id) {
            if wire.connection.version != Version::V5 {
                codes.clear();
            }
            let packet_id = packet.packet_id;
            let properties = evenkeel_codec::Properties::new();
            wire.send(&Packet::UnsubAck(UnsubAck { packet_id, codes, properties }));
        }
        let filters: Vec<&str> = packet.filters.iter().map(TopicFilter::as_str).collect();
        self.tell(now, &Happening::Unsubscribed { id, filters: &filters });
    }

    /// All filters stay, and one code says why.
    fn refuse_unsubscribe(
        &mut self,
        now: Instant,
        id: ConnectionId,
        packet: &Unsubscribe,
        code: u8,
    ) {
        let Some(mut wire) = self.wire(now, id) else { return };
        let count = packet.filters.len();
        let answer = Packet::UnsubAck(UnsubAck {
            packet_id: packet.packet_id,
            codes: vec![ReasonCode::UNSPECIFIED_ERROR; count],
            properties: wire.explanation(ReasonCode(code)),
        });
        wire.send_coded(&answer, |bytes| {
            let first = bytes.len().saturating_sub(count);
            bytes.get_mut(first..).into_iter().flatten().for_each(|byte| *byte = code);
        });
    }
}

//= [MQTT-3.3.1-9]
//= [MQTT-3.3.1-10]
//= [MQTT-3.3.1-11]
fn wants_retained(asked: &SubscribeFilter, is_new: bool) -> bool {
    let wants = match asked.options.retain_handling {
        RetainHandling::OnSubscribe => true,
        RetainHandling::OnNewSubscribe => is_new,
        RetainHandling::Never => false,
    };
    wants && asked.filter.share_name().is_none()
}
