use alloc::vec;
use alloc::vec::Vec;

use evenkeel_codec::{
    Packet, PacketId, Properties, ReasonCode, Subscribe, SubscribeFilter, TopicFilter, Unsubscribe,
};

use crate::operation::{Completion, SubscribeError, Token};

use super::flights::Suspicion;

/// A SUBSCRIBE or UNSUBSCRIBE on its way; sent in parts where a bound asks
/// for it, answered filter by filter.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) asked: Asked,
    pub(crate) properties: Properties,
    pub(crate) token: Token,
    /// Codes of the filters answered so far.
    pub(crate) codes: Vec<ReasonCode>,
    /// Filters in the part that is out.
    pub(crate) out: usize,
    pub(crate) suspicion: Suspicion,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Subscribe(Vec<SubscribeFilter>),
    Unsubscribe(Vec<TopicFilter>),
}

impl Control {
    pub(crate) fn new(asked: Asked, properties: Properties, token: Token) -> Self {
        let suspicion = Suspicion::default();
        Self { asked, properties, token, codes: Vec::new(), out: 0, suspicion }
    }

    /// Filters in all.
    pub(crate) const fn len(&self) -> usize {
        match &self.asked {
            Asked::Subscribe(filters) => filters.len(),
            Asked::Unsubscribe(filters) => filters.len(),
        }
    }

    pub(crate) const fn is_subscribe(&self) -> bool {
        matches!(self.asked, Asked::Subscribe(_))
    }

    pub(crate) const fn is_answered(&self) -> bool {
        self.codes.len() >= self.len()
    }

    pub(crate) fn filters(&self) -> impl Iterator<Item = &TopicFilter> {
        let (subscribe, unsubscribe): (&[SubscribeFilter], &[TopicFilter]) = match &self.asked {
            Asked::Subscribe(filters) => (filters, &[]),
            Asked::Unsubscribe(filters) => (&[], filters),
        };
        subscribe.iter().map(|entry| &entry.filter).chain(unsubscribe)
    }

    /// The filters that have no answer yet.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &TopicFilter> {
        self.filters().skip(self.codes.len())
    }

    /// The packet for the next `count` filters.
    pub(crate) fn packet(&self, packet_id: PacketId, count: usize) -> Packet {
        let properties = self.properties.clone();
        let from = self.codes.len();
        match &self.asked {
            Asked::Subscribe(filters) => {
                let filters = filters.iter().skip(from).take(count).cloned().collect();
                Packet::Subscribe(Subscribe { packet_id, filters, properties })
            }
            Asked::Unsubscribe(filters) => {
                let filters = filters.iter().skip(from).take(count).cloned().collect();
                Packet::Unsubscribe(Unsubscribe { packet_id, filters, properties })
            }
        }
    }

    /// The outcome, with the codes gathered.
    pub(crate) fn finish(self) -> Completion {
        let codes = self.codes;
        completion(&self.asked, self.token, Ok(codes))
    }

    /// The outcome where there is no answer.
    pub(crate) fn fail(self, error: SubscribeError) -> Completion {
        completion(&self.asked, self.token, Err(error))
    }

    /// One for a single filter, with what it is asked for.
    pub(crate) fn restoring(filter: SubscribeFilter, properties: Properties) -> Self {
        Self::new(Asked::Subscribe(vec![filter]), properties, Token::NONE)
    }
}

const fn completion(
    asked: &Asked,
    token: Token,
    result: Result<Vec<ReasonCode>, SubscribeError>,
) -> Completion {
    match asked {
        Asked::Subscribe(_) => Completion::Subscribe { token, result },
        Asked::Unsubscribe(_) => Completion::Unsubscribe { token, result },
    }
}
