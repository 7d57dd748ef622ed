//! Packets on their way into the transmit buffer, and the bytes counted.

use evenkeel_codec::{Ack, EncodeError, Packet, PacketId, PacketType, ReasonCode, Version};

use crate::connection::{Connection, Offsets};
use crate::limits::Ours;
use crate::operation::PublishLimit;
use crate::profile;
use crate::session::journal::Gate;

use super::Client;

impl Client {
    pub(super) fn version(&self) -> Version {
        match &self.connection {
            Connection::Online(online) => online.limits.version,
            Connection::Opening(opening) => opening.version,
            _ => self.attempts.version,
        }
    }

    /// Puts a packet into the transmit buffer.
    pub(super) fn send(&mut self, packet: &Packet) -> Result<(), EncodeError> {
        let version = self.version();
        let before = self.transmit.len();
        self.transmit.append(|out| packet.encode(version, out))?;
        self.note_queued(before);
        self.trace_sent(|| packet.clone());
        Ok(())
    }

    /// Sends a packet unless it is larger than the server accepts.
    pub(super) fn send_bounded(&mut self, packet: &Packet) -> Result<(), PublishLimit> {
        let version = self.version();
        let size = packet.encoded_len(version).map_err(PublishLimit::Encode)?;
        let limit = match self.connection.online() {
            Some(online) => online.limits.packet_size.value,
            None => Ours::of(&self.config).packet_size(version).value,
        };
        if size > limit as usize {
            return Err(self.by_name(PublishLimit::PacketSize { size, limit }, version));
        }
        self.send(packet).map_err(PublishLimit::Encode)
    }

    /// The same with name and source, if the limit is one of the profile's (P3).
    #[cold]
    pub(super) fn by_name(&self, broken: PublishLimit, version: Version) -> PublishLimit {
        let PublishLimit::PacketSize { size, limit } = broken else { return broken };
        let named = |it| profile::connection::packet_too_large(it, version, size, limit);
        match self.config.profile().and_then(named) {
            Some(named) => PublishLimit::Profile(named),
            None => broken,
        }
    }

    /// Puts an acknowledgement into the transmit buffer of a client that is online.
    #[inline]
    pub(super) fn send_ack(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        let Some(online) = self.connection.online_mut() else { return };
        let version = online.limits.version;
        let before = self.transmit.len();
        let ack = Ack::new(id, reason);
        let encoded = self.transmit.append(|out| ack.encode(kind, version, out));
        debug_assert!(encoded.is_ok(), "acknowledgements without properties always encode");
        online.offsets.on_queued(self.transmit.len() - before);
        self.trace_sent(|| ack.into_packet(kind));
    }

    /// As [`send_ack`](Self::send_ack), with what else is to be said, if the
    /// server takes a packet of that size.
    #[inline]
    pub(super) fn send_answer(&mut self, kind: PacketType, ack: Ack) {
        if ack.properties.is_empty() || !self.send_full_answer(kind, &ack) {
            self.send_ack(kind, ack.packet_id, ack.reason);
        }
    }

    //= [MQTT-3.4.2-2]
    //= [MQTT-3.4.2-3]
    //= [MQTT-3.5.2-2]
    //= [MQTT-3.5.2-3]
    #[cold]
    fn send_full_answer(&mut self, kind: PacketType, ack: &Ack) -> bool {
        let packet = ack.clone().into_packet(kind);
        self.connection.is_online() && self.send_bounded(&packet).is_ok()
    }

    /// Sends PUBREC, PUBREL or PUBCOMP once what it promises is committed.
    #[inline]
    pub(super) fn send_committed(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        if self.is_durable() {
            self.after_commit(Gate::Acknowledge(kind, id, reason));
        } else {
            self.send_ack(kind, id, reason);
        }
    }

    /// Bytes may be added to the write buffer.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.unwritten() < self.config.bounds.write_buffer as u64
    }

    /// Bytes handed over or waiting that the transport has not taken.
    #[inline]
    pub(super) fn unwritten(&self) -> u64 {
        self.connection.offsets().map_or(0, Offsets::unwritten)
    }

    /// Bytes queued on the present connection so far.
    pub(super) const fn bytes_queued(&self) -> u64 {
        match self.connection.online() {
            Some(online) => online.offsets.queued,
            None => 0,
        }
    }

    pub(super) fn note_queued(&mut self, before: usize) {
        let bytes = self.transmit.len().saturating_sub(before);
        if let Some(offsets) = self.connection.offsets_mut() {
            offsets.on_queued(bytes);
        }
    }
}
