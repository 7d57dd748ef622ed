//! A message from the server and its acknowledgement.

use std::sync::Arc;

use bytes::Bytes;
use evenkeel_codec::{Properties, Publish, QoS, ReasonCode};
use evenkeel_dispatch::{AckShare, StreamMessage};

use crate::shared::{Inner, Shared};

/// A message from the server.
///
/// Unless its stream acknowledges manually, it is acknowledged when it is
/// dropped: the end of a loop's body is the end of its handling. A panic
/// while it is held leaves it unacknowledged. What is dropped unacknowledged
/// comes again on the next connection, if the server keeps the session.
pub struct Message {
    publish: Publish,
    ack: Option<Pending>,
}

/// An acknowledgement that is owed.
struct Pending {
    shared: Arc<Shared>,
    share: AckShare,
    manual: bool,
}

impl Message {
    #[inline]
    pub(super) fn new(message: StreamMessage, shared: &Arc<Shared>, manual: bool) -> Self {
        let ack = message.ack.map(|share| Pending { shared: shared.clone(), share, manual });
        Self { publish: message.publish, ack }
    }

    /// The topic it was published to.
    pub fn topic(&self) -> &str {
        self.publish.topic.as_str()
    }

    /// The content; cloning shares it.
    pub const fn payload(&self) -> &Bytes {
        &self.publish.payload
    }

    /// The QoS it was delivered with.
    pub const fn qos(&self) -> QoS {
        self.publish.qos
    }

    /// True for a retained message sent because of a new subscription, or
    /// with *retain as published* for what was published so.
    pub const fn retain(&self) -> bool {
        self.publish.retain
    }

    /// True if the server may have sent it before.
    pub const fn dup(&self) -> bool {
        self.publish.dup
    }

    /// The identifier it came under; `None` for QoS 0.
    pub fn packet_id(&self) -> Option<u16> {
        self.publish.packet_id.map(evenkeel_codec::PacketId::get)
    }

    /// Its MQTT 5 properties; empty before MQTT 5.
    pub const fn properties(&self) -> &Properties {
        &self.publish.properties
    }

    /// Acknowledges it now. Does nothing for QoS 0.
    pub fn ack(self) {
        self.ack_with(ReasonCode::SUCCESS);
    }

    /// Acknowledges it with a reason code; codes from `0x80` up refuse it
    /// (MQTT 5; before that every answer is success). Where the message went
    /// to several streams, the last answer counts.
    pub fn ack_with(mut self, reason: ReasonCode) {
        if let Some(pending) = self.ack.take() {
            pending.settle(reason);
        }
    }
}

impl Pending {
    fn settle(self, reason: ReasonCode) {
        if let Some(key) = self.share.settle() {
            let mut inner = self.shared.lock();
            inner.gathered.settled.push((key, Some(reason)));
            Inner::signal(inner);
        }
    }
}

impl Pending {
    /// The message is dropped.
    fn end(self) {
        if self.manual || std::thread::panicking() {
            self.give_back();
        } else {
            self.settle(ReasonCode::SUCCESS);
        }
    }

    /// Nobody will answer: what the server sends again is to be delivered again.
    fn give_back(self) {
        // Of several streams, another may yet finish it.
        if let AckShare::Alone(key) = self.share {
            let mut inner = self.shared.lock();
            inner.gathered.settled.push((key, None));
            Inner::signal(inner);
        }
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if let Some(pending) = self.ack.take() {
            pending.end();
        }
    }
}

impl std::fmt::Debug for Message {
    /// Shows no payload.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.publish.topic)
            .field("qos", &self.publish.qos)
            .field("retain", &self.publish.retain)
            .field("payload_len", &self.publish.payload.len())
            .finish_non_exhaustive()
    }
}
