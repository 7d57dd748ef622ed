//! Sending on one connection: encoding, limits and faults.

use std::time::Duration;

use evenkeel_codec::{
    Disconnect, EncodeError, Packet, PacketId, PacketType, Properties, Property, PropertyId,
    Publish, ReasonCode, SubAck, Text, TopicAliasUse, Transfer, Version,
};

use super::config::Config;
use super::connection::{Closing, Connection, Postponed};
use super::event::{CloseReason, EventKind};
use super::ids::ConnectionId;
use super::inflight::Delivery;
use super::journal::Journal;
use super::output::Pause;
use super::time::Instant;
use crate::fault::{Action, Engine, Hit, Subject, Trigger};

/// One connection with all that sending on it touches. The only place where
/// packets are encoded, and where faults meet them.
pub(crate) struct Wire<'a> {
    pub(crate) now: Instant,
    pub(crate) id: ConnectionId,
    pub(crate) connection: &'a mut Connection,
    pub(crate) faults: &'a mut Engine,
    pub(crate) journal: &'a mut Journal,
    pub(crate) config: &'a Config,
}

/// What several rules together do to one packet.
struct SendPlan {
    copies: u32,
    delay: Duration,
    close_after: bool,
}

/// Copies of one packet that several duplicating rules make at most.
const COPIES_MAX: u32 = 16;

impl Wire<'_> {
    pub(crate) fn note(&mut self, kind: EventKind) {
        self.journal.note(self.now, self.id, self.connection, kind);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.connection.closing.is_some()
    }

    /// Sends a packet, unless a fault has other plans with it. One that is too
    /// large for the client loses what explains it, or is not sent.
    pub(crate) fn send(&mut self, packet: &Packet) {
        if self.fits(packet) {
            return self.send_whole(packet);
        }
        match trimmed(packet).filter(|packet| self.fits(packet)) {
            Some(packet) => self.send_whole(&packet),
            None => self.too_large(packet.packet_type()),
        }
    }

    /// True for a packet that the client accepts.
    //= [MQTT-3.1.2-24]
    pub(crate) fn fits(&self, packet: &Packet) -> bool {
        if !self.config.behaviour.honour_maximum_packet_size {
            return true;
        }
        let Some(maximum) = self.connection.maximum_packet_size else { return true };
        let len = packet.encoded_len(self.connection.version).unwrap_or_default();
        len <= usize::try_from(maximum).unwrap_or(usize::MAX)
    }

    /// What the client must get and does not accept ends the connection.
    pub(crate) fn too_large(&mut self, packet: PacketType) {
        self.note(EventKind::AnswerTooLarge { packet });
        self.disconnect(ReasonCode::PACKET_TOO_LARGE, CloseReason::AnswerTooLarge);
    }

    fn send_whole(&mut self, packet: &Packet) {
        let kind = packet.packet_type();
        let version = self.connection.version;
        let ends_exchange = match packet {
            Packet::PubAck(_) | Packet::PubComp(_) => true,
            Packet::PubRec(ack) => ack.reason.is_error(),
            _ => false,
        };
        if self.faults.is_empty() {
            self.put(kind, ends_exchange, |out| packet.encode(version, out));
            return;
        }
        let hits = self.judge(Trigger::Sent(Some(kind)), Some(packet));
        let mut bytes = Vec::new();
        match packet.encode(version, &mut bytes) {
            Ok(()) => self.send_through(kind, bytes, ends_exchange, hits),
            Err(error) => self.not_encodable(kind, error),
        }
    }

    /// Sends an answer whose codes are those of a profile, defined or not: `write`
    /// puts them into the encoded packet.
    pub(crate) fn send_coded(&mut self, packet: &Packet, write: impl FnOnce(&mut [u8])) {
        let trimmed = if self.fits(packet) { None } else { trimmed(packet) };
        let packet = trimmed.as_ref().unwrap_or(packet);
        let kind = packet.packet_type();
        if !self.fits(packet) {
            return self.too_large(kind);
        }
        let mut bytes = Vec::new();
        if let Err(error) = packet.encode(self.connection.version, &mut bytes) {
            return self.not_encodable(kind, error);
        }
        write(&mut bytes);
        let ends_exchange = matches!(kind, PacketType::PubAck | PacketType::PubRec);
        let hits = self.judge(Trigger::Sent(Some(kind)), Some(packet));
        self.send_through(kind, bytes, ends_exchange, hits);
    }

    /// Sends SUBACK with these codes, defined or not.
    pub(crate) fn send_codes(&mut self, mut suback: SubAck) {
        let is_v5 = self.connection.version == Version::V5;
        let codes = suback.codes.clone();
        let refused = codes.iter().any(|code| code.is_error());
        if !refused || !is_v5 {
            return self.send(&Packet::SubAck(suback));
        }
        for code in suback.codes.iter_mut().filter(|code| code.is_error()) {
            *code = ReasonCode::UNSPECIFIED_ERROR;
        }
        self.send_coded(&Packet::SubAck(suback), |bytes| {
            let first = bytes.len().saturating_sub(codes.len());
            let places = bytes.get_mut(first..).into_iter().flatten();
            places.zip(&codes).for_each(|(byte, code)| *byte = code.0);
        });
    }

    /// A reason string for a failure, if the client wants one.
    //= [MQTT-3.1.2-29]
    //= [MQTT-3.4.2-2]
    //= [MQTT-3.9.2-1]
    pub(crate) fn explanation(&self, reason: ReasonCode) -> Properties {
        let is_v5 = self.connection.version == Version::V5;
        let wanted = self.connection.online().is_some_and(|online| online.problem_information);
        if !is_v5 || !wanted || !reason.is_error() {
            return Properties::new();
        }
        let text = reason.name().and_then(|name| Text::from_static(name).ok());
        text.map(Property::ReasonString).into_iter().collect()
    }

    /// Sends a message; false if the client does not accept one so large.
    //= [MQTT-3.1.2-24]
    //= [MQTT-3.1.2-25]
    pub(crate) fn publish(
        &mut self,
        delivery: &Delivery,
        packet_id: Option<PacketId>,
        dup: bool,
    ) -> bool {
        let Some(online) = self.connection.online() else { return true };
        let version = self.connection.version;
        let message = &delivery.message;
        let publish = to_publish(delivery, version, packet_id, dup);
        let transfer = Transfer {
            dup,
            packet_id,
            topic_alias: online.sent_aliases.choose(&message.topic),
            message_expiry: message.seconds_left(self.now),
        };
        if let Some(maximum) = self.connection.maximum_packet_size {
            let len = publish.encoded_len_with(version, &transfer).unwrap_or(usize::MAX);
            if len > usize::try_from(maximum).unwrap_or(usize::MAX)
                && self.config.behaviour.honour_maximum_packet_size
            {
                return false;
            }
        }
        if let (TopicAliasUse::Define(alias), Some(online)) =
            (transfer.topic_alias, self.connection.online_mut())
        {
            online.sent_aliases.defined(&message.topic, alias);
        }
        if self.config.behaviour.message_events {
            self.note(EventKind::PublishSent {
                topic: message.topic.as_str().into(),
                qos: delivery.qos.level(),
                bytes: message.payload.len(),
                packet_id: packet_id.map(PacketId::get),
                dup,
            });
        }
        self.transmit(publish, &transfer);
        true
    }

    fn transmit(&mut self, publish: Publish, transfer: &Transfer) {
        let version = self.connection.version;
        if self.faults.is_empty() {
            self.put(PacketType::Publish, false, |out| publish.encode_with(version, transfer, out));
            return;
        }
        let mut bytes = Vec::new();
        if let Err(error) = publish.encode_with(version, transfer, &mut bytes) {
            self.not_encodable(PacketType::Publish, error);
            return;
        }
        let packet = Packet::Publish(publish);
        let hits = self.judge(Trigger::Sent(Some(PacketType::Publish)), Some(&packet));
        self.send_through(PacketType::Publish, bytes, false, hits);
    }

    /// Sends DISCONNECT if the version has it, and closes.
    //= [MQTT-3.14.0-1]
    pub(crate) fn disconnect(&mut self, reason: ReasonCode, why: CloseReason) {
        if self.connection.version == Version::V5 && self.connection.online().is_some() {
            let packet = Packet::Disconnect(Disconnect { reason, ..Disconnect::default() });
            if self.fits(&packet) {
                self.note(EventKind::DisconnectSent { reason });
                self.send_whole(&packet);
            }
        }
        self.close(why);
    }

    /// The client broke a rule.
    //= [MQTT-4.13.1-1]
    pub(crate) fn violation(&mut self, rule: &'static str, reason: ReasonCode, detail: String) {
        self.journal.stats.protocol_errors += 1;
        self.note(EventKind::ProtocolError { rule, reason, detail });
        self.disconnect(reason, CloseReason::ProtocolError);
    }

    /// Closes the transport once what is ready has been sent.
    pub(crate) fn close(&mut self, why: CloseReason) {
        self.end(Closing::new(self.now, why, false));
    }

    /// Closes the transport at once.
    pub(crate) fn abort(&mut self, why: CloseReason) {
        self.end(Closing::new(self.now, why, true));
    }

    /// The transport has ended, or its handshake has failed.
    pub(crate) fn lose(&mut self, why: CloseReason) {
        self.end(Closing::lost(self.now, why));
    }

    fn end(&mut self, end: Closing) {
        match &mut self.connection.closing {
            Some(closing) => closing.abort |= end.abort,
            None => {
                self.connection.closing = Some(end);
                self.journal.to_end.push(self.id);
            }
        }
        self.journal.wake(self.id, self.connection);
    }

    /// The rules that apply to something that happens on this connection.
    pub(crate) fn judge(&mut self, trigger: Trigger, packet: Option<&Packet>) -> Vec<Hit> {
        let topic = match packet {
            Some(Packet::Publish(publish)) => Some(self.connection.topic(publish)),
            _ => None,
        };
        let subject = Subject {
            trigger,
            connection: self.id,
            number: self.connection.number,
            client: self.connection.client_id.as_ref(),
            packet,
            topic,
        };
        let hits = self.faults.judge(self.now, &subject);
        let packet = packet.map(Packet::packet_type);
        for hit in &hits {
            self.journal.stats.faults_applied += 1;
            let (rule, action) = (hit.rule.clone(), hit.action.name());
            self.note(EventKind::Fault { rule, action, packet });
        }
        hits
    }

    /// Sends an encoded packet as the rules that hit it say.
    pub(crate) fn send_through(
        &mut self,
        kind: PacketType,
        mut bytes: Vec<u8>,
        ends_exchange: bool,
        hits: Vec<Hit>,
    ) {
        let mut plan = SendPlan { copies: 1, delay: Duration::ZERO, close_after: false };
        for hit in hits {
            match hit.action {
                action if !hit.wait.is_zero() => self.postpone(hit.wait, Postponed::Act(action)),
                Action::Drop => plan.copies = 0,
                Action::Duplicate => plan.copies = (plan.copies * 2).min(COPIES_MAX),
                Action::Delay(by) => plan.delay += by,
                Action::CloseAfter => plan.close_after = true,
                Action::Corrupt { offset, mask } => corrupt(&mut bytes, offset, mask),
                action => self.act(action),
            }
        }
        for _ in 0..plan.copies {
            if plan.delay.is_zero() {
                self.put_bytes(kind, ends_exchange, &bytes);
            } else {
                let later = Postponed::Send { kind, bytes: bytes.clone(), ends_exchange };
                self.postpone(plan.delay, later);
            }
        }
        if plan.close_after && plan.delay.is_zero() {
            self.close(CloseReason::Fault);
        } else if plan.close_after {
            self.postpone(plan.delay, Postponed::Act(Action::Close));
        }
    }

    /// Does what a rule says to the connection.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Close | Action::CloseAfter => self.close(CloseReason::Fault),
            Action::Disconnect { reason, server_reference } => {
                let why = CloseReason::Fault;
                self.disconnect_with(reason, server_reference.as_deref(), why);
            }
            Action::Inject(bytes) => self.put_raw(&bytes),
            Action::Silence { stop, lasts } => {
                let pause = Pause::new(self.now, lasts);
                if stop.reading() {
                    self.connection.input = pause;
                }
                if stop.sending() {
                    self.connection.output.pause(pause);
                }
                self.journal.wake(self.id, self.connection);
            }
            Action::Dribble { bytes, every, lasts } => {
                self.connection.output.dribble(self.now, bytes, every, lasts);
            }
            // The others concern packets; `Rule::check` keeps them away.
            _ => {}
        }
    }

    /// Sends DISCONNECT with any code, defined or not, and closes.
    pub(crate) fn disconnect_with(
        &mut self,
        code: u8,
        server_reference: Option<&str>,
        why: CloseReason,
    ) {
        if self.connection.version == Version::V5 && self.connection.online().is_some() {
            let reason = ReasonCode::UNSPECIFIED_ERROR;
            let properties = server(server_reference);
            let packet = Packet::Disconnect(Disconnect { reason, properties });
            let mut bytes = Vec::new();
            match packet.encode(Version::V5, &mut bytes) {
                Ok(()) => set_code(&mut bytes, 0, code),
                Err(error) => self.not_encodable(PacketType::Disconnect, error),
            }
            self.note(EventKind::DisconnectSent { reason: ReasonCode(code) });
            self.put_bytes(PacketType::Disconnect, false, &bytes);
        }
        self.close(why);
    }

    /// Lets something happen later; at once if too much waits already.
    pub(crate) fn postpone(&mut self, by: Duration, later: Postponed) {
        let refused = self.connection.delayed.push(self.now + by, later);
        self.journal.wake(self.id, self.connection);
        let Some(later) = refused else { return };
        self.note(EventKind::LimitReached { limit: "delayed" });
        match later {
            Postponed::Send { kind, bytes, ends_exchange } => {
                self.put_bytes(kind, ends_exchange, &bytes);
            }
            Postponed::Act(action) => self.act(action),
            // Handling needs the whole core; a packet beyond the limit is lost.
            Postponed::Handle(..) => {}
        }
    }

    /// Adds an encoded packet to the output.
    pub(crate) fn put_bytes(&mut self, kind: PacketType, ends_exchange: bool, bytes: &[u8]) {
        self.put(kind, ends_exchange, |out| {
            out.extend_from_slice(bytes);
            Ok(())
        });
    }

    /// Adds bytes that are no packet of the broker's.
    pub(crate) fn put_raw(&mut self, bytes: &[u8]) {
        if !self.is_closing() {
            self.connection.output.buffer.extend_from_slice(bytes);
            self.journal.wake(self.id, self.connection);
        }
    }

    fn put(
        &mut self,
        kind: PacketType,
        ends_exchange: bool,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) {
        if self.is_closing() {
            return;
        }
        if let Err(error) = encode(&mut self.connection.output.buffer) {
            self.not_encodable(kind, error);
            return;
        }
        self.connection.counts.add_sent(kind);
        let waiting = self.connection.output.buffer.len();
        if ends_exchange && let Some(online) = self.connection.online_mut() {
            online.inflow.on_acknowledged(waiting);
        }
        if kind == PacketType::PingResp {
            self.note(EventKind::PingAnswered);
        }
        self.journal.wake(self.id, self.connection);
    }

    fn not_encodable(&mut self, packet: PacketType, error: EncodeError) {
        self.note(EventKind::NotEncodable { packet, rule: error.rule() });
    }
}

/// The packet without reason string and user properties; `None` if it has
/// neither.
//= [MQTT-3.2.2-19]
//= [MQTT-3.2.2-20]
//= [MQTT-3.4.2-2]
//= [MQTT-3.4.2-3]
//= [MQTT-3.5.2-2]
//= [MQTT-3.5.2-3]
//= [MQTT-3.9.2-1]
//= [MQTT-3.9.2-2]
//= [MQTT-3.14.2-3]
//= [MQTT-3.14.2-4]
fn trimmed(packet: &Packet) -> Option<Packet> {
    let mut packet = packet.clone();
    let list = properties_of(&mut packet)?;
    let before = list.iter().len();
    list.remove(PropertyId::REASON_STRING);
    list.remove(PropertyId::USER_PROPERTY);
    (list.iter().len() < before).then_some(packet)
}

/// The properties of what a server sends, messages apart.
const fn properties_of(packet: &mut Packet) -> Option<&mut Properties> {
    match packet {
        Packet::ConnAck(packet) => Some(&mut packet.properties),
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => Some(&mut packet.properties),
        Packet::SubAck(packet) => Some(&mut packet.properties),
        Packet::UnsubAck(packet) => Some(&mut packet.properties),
        Packet::Disconnect(packet) => Some(&mut packet.properties),
        Packet::Auth(packet) => Some(&mut packet.properties),
        _ => None,
    }
}

fn to_publish(
    delivery: &Delivery,
    version: Version,
    packet_id: Option<PacketId>,
    dup: bool,
) -> Publish {
    let message = &delivery.message;
    let properties = if version.has_properties() {
        let mut properties = message.properties.clone();
        for identifier in &delivery.identifiers {
            properties.push(Property::SubscriptionIdentifier(*identifier));
        }
        properties
    } else {
        Properties::new()
    };
    Publish {
        dup,
        qos: delivery.qos,
        retain: delivery.retain,
        topic: message.topic.text().clone(),
        packet_id,
        payload: message.payload.clone(),
        properties,
    }
}

/// The properties that name another server, if any.
pub(crate) fn server(reference: Option<&str>) -> Properties {
    let text = reference.and_then(|reference| Text::try_from(reference).ok());
    text.map(Property::ServerReference).into_iter().collect()
}

/// Writes a code into an encoded packet, this many bytes behind its header.
pub(crate) fn set_code(bytes: &mut [u8], offset: usize, code: u8) {
    let len_bytes = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap_or_default() + 1;
    if let Some(byte) = bytes.get_mut(1 + len_bytes + offset) {
        *byte = code;
    }
}

fn corrupt(bytes: &mut [u8], offset: usize, mask: u8) {
    let last = bytes.len().saturating_sub(1);
    if let Some(byte) = bytes.get_mut(offset.min(last)) {
        *byte ^= mask;
    }
}
