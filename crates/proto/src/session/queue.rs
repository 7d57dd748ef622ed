use alloc::collections::VecDeque;

use evenkeel_codec::{Publish, QoS};

use crate::config::{OfflineQos0, QueueConfig};
use crate::operation::Token;
use crate::time::Instant;

/// A message accepted and not yet sent.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) publish: Publish,
    pub(crate) token: Token,
    pub(crate) accepted: Instant,
    pub(crate) expires: Option<Instant>,
}

/// Accepted messages in order, bounded in number and bytes (D9).
#[derive(Debug)]
pub(crate) struct Queue {
    config: QueueConfig,
    messages: VecDeque<Queued>,
    bytes: usize,
    /// No message expires before this.
    next_expiry: Option<Instant>,
}

/// What the queue says to a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Fits,
    Full,
    /// QoS 0 while offline, and the policy keeps none.
    NotKept,
}

impl Queue {
    pub(crate) const fn new(config: QueueConfig) -> Self {
        Self { config, messages: VecDeque::new(), bytes: 0, next_expiry: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= self.config.messages || self.bytes >= self.config.bytes
    }

    pub(crate) fn admits(&self, publish: &Publish, online: bool) -> Admission {
        if publish.qos == QoS::AtMostOnce && !online {
            match self.config.offline_qos0 {
                OfflineQos0::Queue => {}
                OfflineQos0::Refuse => return Admission::NotKept,
            }
        }
        let fits = self.messages.len() < self.config.messages
            && self.bytes.saturating_add(weight(publish)) <= self.config.bytes;
        // An empty queue takes one message of any size that the limits let pass.
        if fits || self.messages.is_empty() { Admission::Fits } else { Admission::Full }
    }

    pub(crate) fn push(&mut self, queued: Queued) {
        self.bytes += weight(&queued.publish);
        if let Some(expires) = queued.expires {
            self.next_expiry = Some(self.next_expiry.map_or(expires, |next| next.min(expires)));
        }
        self.messages.push_back(queued);
    }

    pub(crate) fn front(&self) -> Option<&Queued> {
        self.messages.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.messages.pop_front()?;
        self.bytes -= weight(&queued.publish);
        if self.messages.is_empty() {
            self.next_expiry = None;
            self.messages.shrink_to(64);
        }
        Some(queued)
    }

    /// When the next message may expire.
    pub(crate) const fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Hands the expired messages to `drop`, in order.
    pub(crate) fn expire(&mut self, now: Instant, mut drop: impl FnMut(Queued)) {
        if self.next_expiry.is_none_or(|next| now < next) {
            return;
        }
        self.next_expiry = None;
        for _ in 0..self.messages.len() {
            let Some(queued) = self.messages.pop_front() else { break };
            if queued.expires.is_some_and(|expires| expires <= now) {
                self.bytes -= weight(&queued.publish);
                drop(queued);
                continue;
            }
            if let Some(expires) = queued.expires {
                self.next_expiry = Some(self.next_expiry.map_or(expires, |next| next.min(expires)));
            }
            self.messages.push_back(queued);
        }
    }
}

/// What a message counts against the bound in bytes.
fn weight(publish: &Publish) -> usize {
    publish.topic.len() + publish.payload.len()
}
