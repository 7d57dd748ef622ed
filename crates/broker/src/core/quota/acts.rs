//! Verdicts carried out: what happens to a packet that breaks a limit.

use std::sync::Arc;

use evenkeel_codec::{
    Ack, ConnAck, Connect, Packet, PacketType, Property, PropertyId, Publish, QoS, ReasonCode,
    Subscribe, Unsubscribe, Version,
};

use super::verdict::{self, Break, By, Suspect, Verdict};
use super::{connect, inflow, shape, subscribe};
use crate::core::connection::Postponed;
use crate::core::output::Pause;
use crate::core::{CloseReason, ConnectionId, Core, EventKind, Instant};

impl Core {
    /// Judges a packet of the client's and tells of it.
    fn sentence(
        &mut self,
        now: Instant,
        id: ConnectionId,
        broken: &Break,
        packet: PacketType,
        is_answered: bool,
    ) -> Verdict {
        let (Some(judge), Some(connection)) = (&mut self.judge, self.connections.get(&id)) else {
            return Verdict::Clamp;
        };
        let suspect = Suspect { packet, is_answered, version: connection.version };
        let verdict = verdict::punish(&judge.rules, broken, suspect);
        if let (Some(ban), Some(client)) = (&judge.rules.connection.ban, &connection.client_id)
            && verdict.ends(packet)
            && broken.limit != "ban"
        {
            let mut ban = ban.value;
            ban.longest = judge.quota.hastened(ban.longest).max(ban.first);
            judge.clients.ban(now, client, ban);
        }
        let event = verdict::event(&judge.rules, broken, verdict, By::Client);
        *self.journal.stats.quota_breaks.entry(broken.limit).or_default() += 1;
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(event);
        }
        verdict
    }

    /// Ends the connection, if that is the verdict.
    pub(super) fn carry_out(
        &mut self,
        now: Instant,
        id: ConnectionId,
        verdict: Verdict,
        why: CloseReason,
    ) {
        let Some(mut wire) = self.wire(now, id) else { return };
        match verdict {
            Verdict::Disconnect(code) => wire.disconnect_with(code, None, why),
            Verdict::Close => wire.close(why),
            Verdict::Answer(_) | Verdict::Drop | Verdict::Delay | Verdict::Clamp => {}
        }
    }

    /// Handles a packet once it no longer breaks a rate, and reads nothing until then.
    fn put_off(&mut self, now: Instant, id: ConnectionId, broken: &Break, packet: Packet) {
        let Some(until) = broken.until else { return };
        if let Some(mut wire) = self.wire(now, id) {
            wire.postpone(until.since(now), Postponed::Handle(packet, None));
        }
        self.pause(now, id, until);
    }

    /// Reads nothing until then, or for as long as something else says.
    fn pause(&mut self, now: Instant, id: ConnectionId, until: Instant) {
        let Some(wire) = self.wire(now, id) else { return };
        let is_longer = match wire.connection.input {
            Pause::Off => true,
            Pause::Until(end) => end < until,
            Pause::Endless => false,
        };
        if is_longer {
            wire.connection.input = Pause::Until(until);
            wire.journal.wake(id, wire.connection);
        }
    }

    /// What is left of a CONNECT that may go on.
    pub(in crate::core) fn judge_connect(
        &mut self,
        now: Instant,
        id: ConnectionId,
        mut connect: Connect,
    ) -> Option<Connect> {
        let Some(judge) = &mut self.judge else { return Some(connect) };
        let client = self.connections.get(&id).and_then(|c| c.client_id.clone());
        let client: Arc<str> = client.unwrap_or_default();
        let mut breaks: Vec<Break> = judge.connect_rate(now, &client).into_iter().collect();
        if breaks.is_empty() {
            breaks.extend(shape::forbidden(&judge.rules, &Packet::Connect(connect.clone())));
            breaks.extend(connect::asked(&judge.rules, &connect));
        }
        for broken in breaks {
            match self.sentence(now, id, &broken, PacketType::Connect, true) {
                Verdict::Clamp => self.clamp_connect(&mut connect, broken.limit),
                Verdict::Answer(code) => {
                    self.refuse_by_quota(now, id, code);
                    return None;
                }
                Verdict::Delay => {
                    self.put_off(now, id, &broken, Packet::Connect(connect));
                    return None;
                }
                Verdict::Drop => return None,
                verdict @ (Verdict::Disconnect(_) | Verdict::Close) => {
                    self.journal.stats.connects_refused += 1;
                    self.carry_out(now, id, verdict, CloseReason::Quota);
                    return None;
                }
            }
        }
        self.tell_of_hidden_keep_alive(now, id, &connect);
        Some(connect)
    }

    /// The keep-alive that the service cuts although the profile allows it.
    fn tell_of_hidden_keep_alive(&mut self, now: Instant, id: ConnectionId, connect: &Connect) {
        let Some(judge) = &self.judge else { return };
        let asked = connect.keep_alive;
        let Some(most) = judge.quota.hidden_keep_alive() else { return };
        if asked == 0 || asked > most {
            let broken = Break::new("keep_alive", format!("{asked} s, cut to {most} s"));
            self.note_of_service(now, id, &broken, Verdict::Clamp);
        }
    }

    fn clamp_connect(&self, connect: &mut Connect, limit: &str) {
        let Some(judge) = &self.judge else { return };
        match (limit, connect.will.as_mut()) {
            ("will_available", _) => connect.will = None,
            ("maximum_qos", Some(will)) => will.qos = clamped_qos(&judge.rules, will.qos),
            ("retain_available", Some(will)) => will.retain = false,
            ("maximum_message_expiry", Some(will)) => {
                clamp_expiry(&judge.rules, &mut will.properties)
            }
            // Granted in CONNACK: keep-alive and session expiry.
            _ => {}
        }
    }

    fn refuse_by_quota(&mut self, now: Instant, id: ConnectionId, code: u8) {
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.journal.stats.connects_refused += 1;
        wire.note(EventKind::Refused { reason: ReasonCode(code), why: "quota" });
        let is_v5 = wire.connection.version == Version::V5;
        // Older versions have five codes of their own.
        let reason = if is_v5 { ReasonCode::UNSPECIFIED_ERROR } else { ReasonCode(code) };
        let connack = Packet::ConnAck(ConnAck { reason, ..ConnAck::default() });
        wire.send_coded(&connack, |bytes| {
            if is_v5 {
                crate::core::wire::set_code(bytes, 1, code);
            }
        });
        wire.close(CloseReason::Refused);
    }

    /// What is left of a message that may go on.
    pub(in crate::core) fn judge_publish(
        &mut self,
        now: Instant,
        id: ConnectionId,
        mut publish: Publish,
    ) -> Option<Publish> {
        let (Some(judge), Some(connection)) = (&self.judge, self.connections.get(&id)) else {
            return Some(publish);
        };
        let topic = connection.topic(&publish).to_owned();
        let client = connection.client_id.clone().unwrap_or_default();
        let waiting = connection.online().map_or(0, |online| online.inflow.unacknowledged());
        let mut breaks = inflow::asked(&judge.rules, &publish, &topic, &client, waiting);
        if judge.rules.connection.forbidden_properties.is_some() {
            breaks.extend(shape::forbidden(&judge.rules, &Packet::Publish(publish.clone())));
        }
        for broken in breaks {
            match self.sentence(now, id, &broken, PacketType::Publish, publish.packet_id.is_some())
            {
                Verdict::Clamp => self.clamp_publish(&mut publish, broken.limit),
                verdict => return self.reject_publish(now, id, &publish, verdict),
            }
        }
        let online = self.connections.get_mut(&id).and_then(|c| c.online_mut());
        let meter = online.and_then(|online| online.meter.as_mut());
        let Some(Err(broken)) = meter.map(|meter| meter.inflow.admit(now, &topic)) else {
            return Some(publish);
        };
        match self.sentence(now, id, &broken, PacketType::Publish, publish.packet_id.is_some()) {
            Verdict::Delay => {
                self.put_off(now, id, &broken, Packet::Publish(publish));
                None
            }
            verdict => self.reject_publish(now, id, &publish, verdict),
        }
    }

    fn clamp_publish(&self, publish: &mut Publish, limit: &str) {
        let Some(judge) = &self.judge else { return };
        match limit {
            "retain_available" => publish.retain = false,
            "maximum_message_expiry" => clamp_expiry(&judge.rules, &mut publish.properties),
            // The exchange stays that of its QoS; what is delivered is less.
            _ => {}
        }
    }

    /// The QoS with which a message goes to its subscribers.
    pub(in crate::core) fn clamped(&self, qos: QoS) -> QoS {
        self.judge.as_ref().map_or(qos, |judge| clamped_qos(&judge.rules, qos))
    }

    /// The message is not for anybody; an alias that it gives holds all the same.
    fn reject_publish(
        &mut self,
        now: Instant,
        id: ConnectionId,
        publish: &Publish,
        verdict: Verdict,
    ) -> Option<Publish> {
        let mut wire = self.wire(now, id)?;
        let online = wire.connection.online_mut()?;
        online.received_aliases.learn(publish);
        if let (Verdict::Answer(code), Some(packet_id)) = (verdict, publish.packet_id) {
            // The answer ends an exchange that had begun.
            online.inflow.on_publish();
            let properties = wire.explanation(ReasonCode(code));
            let content = Ack { packet_id, reason: ReasonCode::UNSPECIFIED_ERROR, properties };
            let packet = match publish.qos {
                QoS::ExactlyOnce => Packet::PubRec(content),
                _ => Packet::PubAck(content),
            };
            wire.send_coded(&packet, |bytes| crate::core::wire::set_code(bytes, 2, code));
        }
        self.carry_out(now, id, verdict, CloseReason::Quota);
        None
    }

    /// The codes of the filters that are refused, or nothing if the packet is
    /// not to be handled.
    pub(in crate::core) fn judge_subscribe(
        &mut self,
        now: Instant,
        id: ConnectionId,
        packet: &Subscribe,
    ) -> Option<Vec<Option<u8>>> {
        let mut codes = vec![None; packet.filters.len()];
        let Some(judge) = &self.judge else { return Some(codes) };
        let mut breaks = subscribe::asked(&judge.rules, packet);
        breaks.extend(shape::forbidden(&judge.rules, &Packet::Subscribe(packet.clone())));
        if breaks.is_empty() {
            breaks.extend(self.subscribe_rate(now, id));
        }
        for broken in breaks {
            match self.sentence(now, id, &broken, PacketType::Subscribe, true) {
                Verdict::Answer(code) => codes.fill(Some(code)),
                Verdict::Delay => {
                    self.put_off(now, id, &broken, Packet::Subscribe(packet.clone()));
                    return None;
                }
                Verdict::Clamp => {}
                verdict => {
                    self.carry_out(now, id, verdict, CloseReason::Quota);
                    return None;
                }
            }
        }
        let mut more = 0;
        for (asked, code) in packet.filters.iter().zip(&mut codes) {
            if code.is_some() {
                continue;
            }
            let Some(broken) = self.filter_breaks(now, id, &asked.filter, &mut more) else {
                continue;
            };
            match self.sentence(now, id, &broken, PacketType::Subscribe, true) {
                Verdict::Answer(refusal) => *code = Some(refusal),
                Verdict::Delay => self.pause(now, id, broken.until.unwrap_or(now)),
                Verdict::Clamp => {}
                verdict => {
                    self.carry_out(now, id, verdict, CloseReason::Quota);
                    return None;
                }
            }
        }
        Some(codes)
    }

    fn subscribe_rate(&mut self, now: Instant, id: ConnectionId) -> Option<Break> {
        let online = self.connections.get_mut(&id)?.online_mut()?;
        let window = online.meter.as_mut()?.subscribes.as_mut()?;
        let over = window.admit(now).err()?;
        Some(Break::until("subscribe_packet_rate", format!("{} packets", over.count), over.until))
    }

    /// What is wrong with a filter; `more` counts the new ones of this packet.
    fn filter_breaks(
        &mut self,
        now: Instant,
        id: ConnectionId,
        filter: &evenkeel_codec::TopicFilter,
        more: &mut usize,
    ) -> Option<Break> {
        let connection = self.connections.get(&id)?;
        let session = self.sessions.get(connection.online()?.session)?;
        let judge = self.judge.as_mut()?;
        let client = connection.client_id.as_deref().unwrap_or_default();
        if let Some(broken) = subscribe::filter(&judge.rules, filter, client) {
            return Some(broken);
        }
        let most = shape::value(&judge.rules.subscribe.subscriptions_per_connection);
        if !session.subscriptions.contains_key(filter) {
            let count = session.subscriptions.len() + *more + 1;
            let limit = "subscriptions_per_connection";
            let broken = shape::larger(limit, most, count, "subscriptions");
            if broken.is_some() {
                return broken;
            }
            *more += 1;
        }
        let over = judge.account_filters.as_mut()?.admit(now).err()?;
        Some(Break::until("account_subscribe_rate", format!("{} filters", over.count), over.until))
    }

    /// The code for all filters of an UNSUBSCRIBE if it is refused, or nothing
    /// if it is not to be handled.
    pub(in crate::core) fn judge_unsubscribe(
        &mut self,
        now: Instant,
        id: ConnectionId,
        packet: &Unsubscribe,
    ) -> Option<Option<u8>> {
        let Some(judge) = &self.judge else { return Some(None) };
        let broken = subscribe::given_up(&judge.rules, packet)
            .or_else(|| shape::forbidden(&judge.rules, &Packet::Unsubscribe(packet.clone())))
            .or_else(|| self.subscribe_rate(now, id));
        let Some(broken) = broken else { return Some(None) };
        match self.sentence(now, id, &broken, PacketType::Unsubscribe, true) {
            Verdict::Answer(code) => Some(Some(code)),
            Verdict::Clamp => Some(None),
            Verdict::Delay => {
                self.put_off(now, id, &broken, Packet::Unsubscribe(packet.clone()));
                None
            }
            verdict => {
                self.carry_out(now, id, verdict, CloseReason::Quota);
                None
            }
        }
    }

    /// True if a PINGREQ is to be answered.
    pub(in crate::core) fn judge_ping(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some(judge) = &self.judge else { return true };
        let Some(spacing) = shape::value(&judge.rules.connection.min_ping_spacing) else {
            return true;
        };
        let online = self.connections.get_mut(&id).and_then(|c| c.online_mut());
        let meter = online.and_then(|online| online.meter.as_mut());
        let Some(broken) = meter.and_then(|meter| meter.pings.admit(now, spacing)) else {
            return true;
        };
        match self.sentence(now, id, &broken, PacketType::PingReq, false) {
            Verdict::Delay => {
                self.put_off(now, id, &broken, Packet::PingReq);
                false
            }
            Verdict::Clamp => true,
            verdict => {
                self.carry_out(now, id, verdict, CloseReason::Quota);
                false
            }
        }
    }

    /// Properties that acknowledgements, DISCONNECT and AUTH must not hold;
    /// true if the packet may go on.
    pub(in crate::core) fn judge_properties(
        &mut self,
        now: Instant,
        id: ConnectionId,
        packet: &Packet,
    ) -> bool {
        let Some(judge) = &self.judge else { return true };
        let kind = packet.packet_type();
        if matches!(
            kind,
            PacketType::Connect
                | PacketType::Publish
                | PacketType::Subscribe
                | PacketType::Unsubscribe
        ) {
            return true;
        }
        let Some(broken) = shape::forbidden(&judge.rules, packet) else { return true };
        let verdict = self.sentence(now, id, &broken, kind, false);
        self.carry_out(now, id, verdict, CloseReason::Quota);
        matches!(verdict, Verdict::Clamp)
    }

    /// A packet beyond the profile's size: its connection cannot go on, as the
    /// packet is not read. False if the profile has no such limit.
    pub(in crate::core) fn judge_size(
        &mut self,
        now: Instant,
        id: ConnectionId,
        size: u32,
    ) -> bool {
        let (Some(judge), Some(connection)) = (&self.judge, self.connections.get(&id)) else {
            return false;
        };
        let limits = &judge.rules.connection;
        let is_v5 = connection.version == Version::V5;
        let limit = match (is_v5, &limits.maximum_packet_size_v5, &limits.maximum_packet_size) {
            (true, Some(_), _) => "maximum_packet_size_v5",
            (_, _, Some(_)) => "maximum_packet_size",
            _ => return false,
        };
        let is_online = connection.online().is_some();
        let kind = if is_online { PacketType::Disconnect } else { PacketType::Connect };
        let broken = Break::new(limit, format!("{size} B"));
        match self.sentence(now, id, &broken, kind, false) {
            Verdict::Answer(code) => self.refuse_by_quota(now, id, code),
            verdict @ Verdict::Disconnect(_) => {
                self.carry_out(now, id, verdict, CloseReason::Quota)
            }
            _ => self.carry_out(now, id, Verdict::Close, CloseReason::Quota),
        }
        true
    }

    /// So many bytes have come; beyond the rate they are read later, or as the
    /// profile says.
    pub(in crate::core) fn charge(&mut self, now: Instant, id: ConnectionId, bytes: usize) {
        let online = self.connections.get_mut(&id).and_then(|c| c.online_mut());
        let bucket = online.and_then(|online| online.meter.as_mut()?.bytes.as_mut());
        let Some(until) = bucket.and_then(|bucket| bucket.take(now, bytes)) else { return };
        let owed = until.since(now).as_secs_f64();
        let broken = Break::until("byte_rate", format!("{owed:.3} s more than the rate"), until);
        match self.sentence(now, id, &broken, PacketType::Disconnect, false) {
            Verdict::Delay => self.pause(now, id, until),
            verdict => self.carry_out(now, id, verdict, CloseReason::Quota),
        }
    }
}

fn clamped_qos(rules: &evenkeel_profile::Profile, qos: QoS) -> QoS {
    match shape::value(&rules.publish.maximum_qos) {
        Some(0) => QoS::AtMostOnce,
        Some(1) => qos.min(QoS::AtLeastOnce),
        _ => qos,
    }
}

fn clamp_expiry(rules: &evenkeel_profile::Profile, list: &mut evenkeel_codec::Properties) {
    let Some(longest) = shape::value(&rules.publish.maximum_message_expiry) else { return };
    let longest = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX);
    list.remove(PropertyId::MESSAGE_EXPIRY_INTERVAL);
    list.push(Property::MessageExpiryInterval(longest));
}
