//! Publishing: admission, the fast path, and encoding into the buffer.

use core::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{
    EncodeError, PacketId, PacketType, PropertyError, PropertyId, Publish, QoS, Transfer, Version,
};

use crate::config::TopicAliases;
use crate::connection::Connection;
use crate::io::ConnectionId;
use crate::limits::Ours;
use crate::operation::{Claim, DeliveryError, PublishLimit, RejectReason, Report, Token};
use crate::profile::publish::Message;
use crate::record::{self, Priority, Serial};
use crate::session::flights::{Exchange, Here};
use crate::session::journal::Gate;
use crate::session::queue::Queued;
use crate::time::Instant;

use super::Client;
use super::encode::too_large;
use super::expiry::{expiry, is_momentary};
use super::outgoing::NO_IDENTIFIER;
use super::when_full::Room;

/// How an accepted publish will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// By a [`Completion`](crate::Completion) with its token.
    Tracked,
    /// The same; before that
    /// [`Completion::Stored`](crate::Completion::Stored) says that the message
    /// survives this process, or the outcome that it could not be stored.
    Storing,
    /// QoS 0, on its way: delivered when [`Client::written`] of the
    /// connection reaches the offset, lost if the connection ends before.
    Sent {
        /// The connection.
        conn: ConnectionId,
        /// Bytes of that connection up to the end of the packet.
        offset: u64,
    },
}

impl Client {
    pub(super) fn accept_publish(
        &mut self,
        publish: &mut Publish,
        priority: Priority,
        token: Option<Token>,
    ) -> Result<Accepted, RejectReason> {
        self.admit_publish(publish)?;
        let stored = self.is_durable() && publish.qos != QoS::AtMostOnce;
        if !stored && self.may_send_now(publish, publish.payload.len()) {
            let claim = self.session.claim(Report::of(token), false);
            let qos = publish.qos;
            self.send_publish(publish, claim, None).map_err(RejectReason::NotAllowed)?;
            return Ok(self.accepted(qos));
        }
        self.enqueue(publish, priority, token)
    }

    /// Says no to what can't be accepted, and gives an alias its topic.
    #[inline]
    pub(super) fn admit_publish(&mut self, publish: &mut Publish) -> Result<(), RejectReason> {
        if let Some(reason) = self.refusal(publish, publish.payload.len()) {
            return Err(reason);
        }
        if self.config.topic_aliases == TopicAliases::Manual {
            self.resolve_alias(publish).map_err(RejectReason::NotAllowed)?;
        }
        Ok(())
    }

    /// Copies the payload once, to where it goes.
    pub(super) fn accept_slice(
        &mut self,
        publish: &Publish,
        payload: &[u8],
        priority: Priority,
        token: Option<Token>,
    ) -> Result<Accepted, RejectReason> {
        let goes_at_once = publish.qos == QoS::AtMostOnce
            && self.config.topic_aliases != TopicAliases::Manual
            && self.may_send_now(publish, payload.len())
            && self.refusal(publish, payload.len()).is_none();
        if goes_at_once {
            let sent = self.write_first_of(publish, Some(payload), Transfer::default());
            sent.map_err(RejectReason::NotAllowed)?;
            return Ok(self.accepted(publish.qos));
        }
        let payload = Bytes::copy_from_slice(payload);
        let mut whole = Publish { payload, ..head_of(publish) };
        self.accept_publish(&mut whole, priority, token)
    }

    /// A message that the application gives an alias has its topic all the same,
    /// wherever it waits and however often it is sent.
    fn resolve_alias(&mut self, publish: &mut Publish) -> Result<(), PublishLimit> {
        let Some(alias) = publish.properties.topic_alias() else { return Ok(()) };
        if let Some(online) = self.connection.online() {
            let maximum = online.limits.topic_alias_maximum.value;
            if alias > maximum {
                return Err(PublishLimit::TopicAlias { alias, maximum });
            }
        }
        let topics = &mut self.extras.get_or_insert_default().topics;
        if publish.topic.is_empty() {
            let topic = topics.get(&alias).ok_or(PublishLimit::UnknownTopicAlias { alias })?;
            publish.topic = topic.clone();
        } else if topics.get(&alias) != Some(&publish.topic) {
            topics.insert(alias, publish.topic.clone());
        }
        Ok(())
    }

    /// How a publish that was sent just now will end.
    const fn accepted(&self, qos: QoS) -> Accepted {
        match (&self.connection, qos) {
            (Connection::Online(online), QoS::AtMostOnce) => {
                Accepted::Sent { conn: online.conn, offset: online.offsets.queued }
            }
            _ => Accepted::Tracked,
        }
    }

    /// Why a message with a payload of this length is not accepted, if not for its
    /// size and shape.
    #[inline]
    pub(super) fn refusal(&self, publish: &Publish, payload: usize) -> Option<RejectReason> {
        match &self.connection {
            Connection::Halted(_) => match self.refused_for_good() {
                Some(refusal) => Some(RejectReason::ConnectionRefused(refusal)),
                None => Some(RejectReason::Closed),
            },
            Connection::Closed => Some(RejectReason::Closed),
            _ if self.shutdown.is_some() => Some(RejectReason::Closed),
            // One that is being renewed takes no more messages.
            connection
                if is_momentary(publish) && (!connection.is_online() || self.is_draining()) =>
            {
                Some(RejectReason::Expired)
            }
            _ => self.forbidden(publish, payload).map(RejectReason::NotAllowed),
        }
    }

    /// Nothing goes before it, and it may go: no replay, nothing queued, room
    /// in the buffer and in the window, and no rate that it would have to wait for
    /// with a payload of this length.
    #[inline]
    pub(super) fn may_send_now(&self, publish: &Publish, payload: usize) -> bool {
        let qos = publish.qos;
        self.connection.is_online()
            && self.session.replay.is_done()
            && self.session.queue.is_empty()
            && self.has_room()
            && match qos {
                QoS::AtMostOnce => !self.is_behind_stored_qos0(),
                QoS::ExactlyOnce if self.session.doubts.ask_first() => false,
                _ => self.may_begin_exchange(qos, false),
            }
            && self.rate_of(publish, payload).is_none()
    }

    /// A QoS 0 message out of the store waits for its commit, and is not to be
    /// overtaken (D3).
    fn is_behind_stored_qos0(&self) -> bool {
        self.session.journal.as_ref().is_some_and(|journal| journal.has_stored_qos0())
    }

    pub(super) fn enqueue(
        &mut self,
        publish: &mut Publish,
        priority: Priority,
        token: Option<Token>,
    ) -> Result<Accepted, RejectReason> {
        // QoS 0 on a live connection waits for the buffer, not in the queue.
        if publish.qos == QoS::AtMostOnce
            && self.connection.is_online()
            && self.session.queue.is_empty()
            && !self.has_room()
        {
            return Err(RejectReason::WriteBufferFull);
        }
        let stored = self.is_to_be_stored(publish);
        let expires = expiry(publish, self.now);
        self.queue_up(publish, priority, expires, Report::of(token))?;
        if stored {
            // With a store there is no other way out: both records that the
            // PUBLISH waits for make one commit.
            self.send_pending();
            return Ok(Accepted::Storing);
        }
        if self.session.doubts.ask_first() || self.is_paced() {
            // Nothing else may come about by which it is sent.
            self.send_pending();
        }
        Ok(Accepted::Tracked)
    }

    pub(super) fn is_to_be_stored(&self, publish: &Publish) -> bool {
        self.is_durable()
            && (self.config.queue.store_qos0 || !matches!(publish.qos, QoS::AtMostOnce))
    }

    /// Puts a message at the end of the queue of its priority, by the policy
    /// for a full queue: the one place where messages become queued. Takes
    /// the message out of `publish` if it does.
    pub(super) fn queue_up(
        &mut self,
        publish: &mut Publish,
        priority: Priority,
        expires: Option<Instant>,
        report: Report,
    ) -> Result<Serial, RejectReason> {
        if let Some(limit) = self.unsendable(publish) {
            return Err(RejectReason::NotAllowed(limit));
        }
        let stored = self.is_to_be_stored(publish);
        if stored && let Some(reason) = self.storage_refusal(publish) {
            return Err(reason);
        }
        match self.make_room(publish, priority, stored) {
            Room::Made => {}
            Room::None(reason) => return Err(reason),
            Room::DropIt => {
                let claim = self.session.claim(report, false);
                self.drop_queued(claim, DeliveryError::Dropped);
                return Ok(claim.serial);
            }
        }
        let publish = core::mem::take(publish);
        let claim = self.session.claim(report, stored);
        if stored && let Some(journal) = self.session.journal.as_mut() {
            let clock = &self.session.clock;
            // For the next process it is too late.
            let expires = expires.or_else(|| is_momentary(&publish).then_some(self.now));
            let record = record::Accepted {
                serial: claim.serial,
                publish: publish.clone(),
                accepted: clock.wall(self.now),
                expires: expires.map(|at| clock.wall(at)),
                age: expires.map(|_| clock.age(self.now)),
                priority,
            };
            journal.accept(self.now, record);
        }
        let before = Duration::ZERO;
        let queued = Queued { publish, claim, since: self.now, before, expires };
        self.session.queue.push(priority, queued);
        if stored {
            self.after_commit(Gate::Stored(report, claim.serial));
        }
        Ok(claim.serial)
    }

    //= [MQTT-3.2.2-11]
    //= [MQTT-3.2.2-14]
    //= [MQTT-3.3.4-6]
    /// The limit in force that a publish with a payload of this length breaks, if
    /// any but the size of its packet and its shape.
    pub(super) fn forbidden(&self, publish: &Publish, payload: usize) -> Option<PublishLimit> {
        if let Some(profile) = self.config.profile() {
            let message = Message::new(publish, payload);
            if let Some(broken) = message.broken(profile, self.client_id().as_str()) {
                return Some(PublishLimit::Profile(broken));
            }
        }
        let (maximum, retain) = match self.limits() {
            Some(limits) => (limits.maximum_qos.value, limits.retain.value),
            None => (self.config.bounds.maximum_qos, true),
        };
        if publish.qos > maximum {
            return Some(PublishLimit::QoS { maximum });
        }
        let version = self.version_in_force();
        if !version.has_properties()
            && let Some(property) = publish.properties.iter().next()
        {
            return Some(PublishLimit::Property { id: property.id(), version });
        }
        if publish.retain && !retain {
            return Some(PublishLimit::Retain);
        }
        if !publish.properties.is_empty()
            && publish.properties.subscription_identifiers().next().is_some()
        {
            let id = PropertyId::SUBSCRIPTION_IDENTIFIER;
            let error = PropertyError::Misplaced { id, packet_type: PacketType::Publish };
            return Some(PublishLimit::Encode(EncodeError::Property { error }));
        }
        None
    }

    /// The version spoken, or the one to begin with: what an older one cannot
    /// carry is refused (D15).
    pub(super) fn version_in_force(&self) -> Version {
        self.limits().map_or(self.config.version, |limits| limits.version)
    }

    /// Why a publish could never be sent as things stand, by size or shape.
    ///
    /// What waits may go out in the configured version, in which packets are
    /// larger, though an older one is spoken now.
    pub(super) fn unsendable(&self, publish: &Publish) -> Option<PublishLimit> {
        let packet_id = match publish.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => PacketId::new(1),
        };
        let transfer = Transfer { packet_id, ..Transfer::default() };
        let (configured, payload) = (self.config.version, publish.payload.len());
        if let Some(online) = self.connection.online() {
            let (limit, version) = (online.limits.packet_size.value, online.limits.version);
            let broken = too_large(publish, payload, version, &transfer, limit);
            if broken.is_some() || version == configured {
                return broken.map(|broken| self.by_name(broken, version));
            }
        }
        let fallback = self.config.fallback && self.config.profile().is_some();
        let versions = [configured, if fallback { Version::V311 } else { configured }];
        versions.into_iter().find_map(|version| {
            let own = Ours::of(&self.config).packet_size(version).value;
            let broken = too_large(publish, payload, version, &transfer, own)?;
            Some(self.by_name(broken, version))
        })
    }

    /// Sends a publish that is not forbidden and may go now. An exchange takes
    /// the message out of `publish`, and its identifier is told; one that cannot
    /// go leaves it.
    pub(super) fn send_publish(
        &mut self,
        publish: &mut Publish,
        claim: Claim,
        message_expiry: Option<u32>,
    ) -> Result<Option<PacketId>, PublishLimit> {
        let packet_id = match publish.qos {
            QoS::AtMostOnce => None,
            qos => Some(self.identifier_for(claim.serial, qos).ok_or(NO_IDENTIFIER)?),
        };
        let transfer = Transfer { packet_id, message_expiry, ..Transfer::default() };
        let begins = self.bytes_queued();
        self.write_first(publish, transfer)?;
        if let Some(id) = packet_id {
            let qos = publish.qos;
            let exchange = Exchange::Publish { publish: core::mem::take(publish), claim };
            self.session.flights.insert(id, exchange, self.now, Here::Sent { begins });
            self.note_doubt(id, qos);
        }
        Ok(packet_id)
    }
}

/// All of a message but its payload.
fn head_of(publish: &Publish) -> Publish {
    let Publish { qos, retain, .. } = *publish;
    let (topic, properties) = (publish.topic.clone(), publish.properties.clone());
    Publish { qos, retain, topic, properties, ..Publish::default() }
}
