//! D17: each stream gets the messages that its subscription is for, each once, whether
//! the server sends one copy for all subscriptions or one for each.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_codec::{QoS, TopicFilter, TopicName};

use super::Verdict;
use crate::message::MessageId;
use crate::observation::Delivery;

/// What the streams of one client got and are owed.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// The server sends a copy for each subscription.
    pub(super) are_several: bool,
    /// And nothing tells them apart.
    pub(super) are_alike: bool,
    got: BTreeMap<(TopicFilter, MessageId), u32>,
    due: BTreeSet<(TopicFilter, MessageId)>,
    filters: BTreeSet<TopicFilter>,
    /// The most subscriptions that a message was for.
    matching: BTreeMap<MessageId, u32>,
}

impl Copies {
    /// A stream for this filter is open.
    pub(super) fn open(&mut self, filter: &TopicFilter) {
        self.filters.insert(filter.clone());
    }

    /// The broker has a message for these subscriptions; `must` is false if it may
    /// vanish.
    pub(super) fn receive(
        &mut self,
        message: MessageId,
        subscriptions: impl Iterator<Item = (TopicFilter, QoS)>,
        must: bool,
    ) {
        let mut matching = 0;
        for (filter, granted) in subscriptions {
            matching += 1;
            let key = (filter, message);
            let is_owed = must && granted.min(message.qos()) > QoS::AtMostOnce;
            if is_owed && self.filters.contains(&key.0) && !self.got.contains_key(&key) {
                self.due.insert(key);
            }
        }
        let most = self.matching.entry(message).or_default();
        *most = matching.max(*most);
    }

    /// How often the client may get a message that each stream may get so often.
    pub(super) fn in_all(&self, allowed: u32, message: MessageId) -> u32 {
        let matching = self.matching.get(&message).copied().unwrap_or_default();
        if self.are_several { allowed.saturating_mul(matching.max(1)) } else { allowed }
    }

    /// A message has come out of a stream, which may get it so often, and so often again
    /// by QoS 1 if that copy may have been meant for another stream.
    pub(super) fn reach(
        &mut self,
        filter: &TopicFilter,
        delivery: &Delivery,
        (allowed, again): (u32, u32),
        verdict: &mut Verdict,
    ) {
        let message = delivery.message;
        let key = (filter.clone(), message);
        self.due.remove(&key);
        let matches = TopicName::try_from(message.topic_name().as_str())
            .is_ok_and(|topic| filter.matches_name(&topic));
        verdict.require("D17", matches, || format!("{message} reaches the stream of {filter:?}"));
        let allowed = if self.are_alike {
            self.in_all(allowed, message).saturating_add(again)
        } else {
            allowed
        };
        let count = self.got.entry(key).or_default();
        *count += 1;
        verdict.require("D17", *count <= allowed, || {
            format!("{message} reaches the stream of {filter:?} {count} times")
        });
    }

    /// What is owed may not come any more.
    pub(super) fn forgive(&mut self) {
        self.due.clear();
    }

    /// A stream that has yet to get a message.
    pub(super) fn owed(&self) -> Option<&(TopicFilter, MessageId)> {
        self.due.first()
    }
}
