//! One SUBSCRIBE or UNSUBSCRIBE on its way.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use evenkeel_codec::{
    Packet, PacketId, Properties, Property, ReasonCode, RetainHandling, Subscribe, SubscribeFilter,
    Text, TopicFilter, Unsubscribe,
};

use crate::operation::{Completion, SubscribeError, SubscribeFeature, Token};
use crate::profile::{self, BrokenLimit, Profile};
use crate::sorted::Set;

use super::flights::Suspicion;

/// A SUBSCRIBE or UNSUBSCRIBE on its way; sent in parts if a bound asks
/// for it, answered filter by filter.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) asked: Asked,
    pub(crate) properties: Properties,
    pub(crate) token: Option<Token>,
    /// A subscription identifier for servers that have them (D17).
    pub(crate) identifier: Option<u32>,
    /// The client itself asks, for what was lost or is in force.
    pub(crate) restores: bool,
    /// Asks anew for what is in force, only to have it identified.
    pub(crate) renews: bool,
    /// A part of it was sent on this connection: the filters without an answer
    /// are busy.
    pub(crate) is_under_way: bool,
    /// The answer to each filter, in order, if there is one.
    codes: Vec<Option<ReasonCode>>,
    /// All filters before this place have an answer.
    answered: usize,
    /// Filters in the part that is out, or was when the connection ended.
    pub(crate) out: usize,
    /// Filters that may be out at a time, if a connection was cut over more.
    most: usize,
    pub(crate) suspicion: Suspicion,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Subscribe(Vec<SubscribeFilter>),
    Unsubscribe(Vec<TopicFilter>),
}

impl Control {
    pub(crate) fn new(asked: Asked, properties: Properties, token: Option<Token>) -> Self {
        let suspicion = Suspicion::default();
        let codes = Vec::new();
        Self {
            asked,
            properties,
            token,
            identifier: None,
            restores: false,
            renews: false,
            is_under_way: false,
            codes,
            answered: 0,
            out: 0,
            most: usize::MAX,
            suspicion,
        }
    }

    /// The same with an identifier of ours.
    pub(crate) fn identified(mut self, identifier: u32) -> Self {
        self.identifier = Some(identifier);
        self
    }

    /// A connection was cut with it out: there may have been too many filters
    /// in one packet, so that fewer go in the next.
    pub(crate) fn suspect(&mut self, suspicion: Suspicion) {
        self.suspicion = suspicion;
        if suspicion.suspect {
            self.most = (self.out / 2).max(1);
        }
    }

    /// How many filters the next packet may hold, by what became of those before.
    pub(crate) const fn most(&self) -> usize {
        match self.suspicion.strikes {
            0 => self.most,
            _ => 1,
        }
    }

    /// One more filter for the same properties.
    pub(crate) fn extend(&mut self, filter: SubscribeFilter) {
        if let Asked::Subscribe(filters) = &mut self.asked {
            filters.push(filter);
        }
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

    /// How many of its next filters are subscribed to.
    pub(crate) const fn subscribes(&self, count: usize) -> usize {
        if self.is_subscribe() { count } else { 0 }
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.open().next().is_none()
    }

    /// The filter at this place.
    pub(crate) fn filter(&self, place: usize) -> Option<&TopicFilter> {
        match &self.asked {
            Asked::Subscribe(filters) => filters.get(place).map(|entry| &entry.filter),
            Asked::Unsubscribe(filters) => filters.get(place),
        }
    }

    /// What only MQTT 5 can carry of what is asked for the filter at this place (D15).
    pub(crate) fn only_in_v5(&self, place: usize) -> Option<SubscribeFeature> {
        if self.renews {
            return None;
        }
        if !self.properties.is_empty() {
            return Some(SubscribeFeature::Properties);
        }
        let Asked::Subscribe(filters) = &self.asked else { return None };
        let options = filters.get(place)?.options;
        if options.no_local {
            return Some(SubscribeFeature::NoLocal);
        }
        if options.retain_as_published {
            return Some(SubscribeFeature::RetainAsPublished);
        }
        // What is restored asks for no second copy of what is retained; in a new
        // session, as before MQTT 5, that is the same.
        match options.retain_handling {
            RetainHandling::OnSubscribe => None,
            RetainHandling::OnNewSubscribe if self.restores => None,
            _ => Some(SubscribeFeature::RetainHandling),
        }
    }

    /// The limit of the profile that the filter at this place breaks, or the
    /// properties beside it.
    pub(crate) fn broken(
        &self,
        place: usize,
        profile: &Profile,
        client_id: &Text,
    ) -> Option<Box<BrokenLimit>> {
        let filter = self.filter(place)?;
        let broken = if self.is_subscribe() {
            profile::subscribe::broken(profile, filter, client_id)
        } else {
            profile::subscribe::broken_by_length(profile, filter)
        };
        broken.or_else(|| {
            let (is_subscribe, held) = (self.is_subscribe(), &self.properties);
            profile::subscribe::broken_by_properties(profile, is_subscribe, held)
        })
    }

    /// The places of filters that have no answer yet.
    pub(crate) fn open(&self) -> impl Iterator<Item = usize> {
        (self.answered..self.len()).filter(|place| !self.has_answer(*place))
    }

    /// The filters that have no answer yet.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &TopicFilter> {
        self.open().filter_map(|place| self.filter(place))
    }

    fn has_answer(&self, place: usize) -> bool {
        self.codes.get(place).is_some_and(Option::is_some)
    }

    /// Notes the answer to the first filter that has none; returns its place.
    pub(crate) fn answer(&mut self, code: ReasonCode) -> Option<usize> {
        let place = self.open().next()?;
        self.codes.resize(self.len(), None);
        *self.codes.get_mut(place)? = Some(code);
        self.answered = place + 1;
        Some(place)
    }

    /// The filter at this place with the code of its refusal, if it was refused.
    pub(crate) fn refused(&self, place: usize) -> Option<(&TopicFilter, ReasonCode)> {
        let code = self.codes.get(place).copied().flatten().filter(|code| code.is_error())?;
        Some((self.filter(place)?, code))
    }

    /// The session is lost: what was granted in it is granted no more, while
    /// what was ended in it has ended. A grant that is no longer in force stays
    /// as it is: a later operation ended or replaced the subscription.
    pub(crate) fn forget_grants(
        &mut self,
        in_force: impl Fn(&SubscribeFilter, &Properties) -> bool,
    ) {
        let Asked::Subscribe(filters) = &self.asked else { return };
        self.answered = 0;
        for (code, filter) in self.codes.iter_mut().zip(filters) {
            if code.is_some_and(|code| !code.is_error()) && in_force(filter, &self.properties) {
                *code = None;
            }
        }
    }

    /// The packet for the next `count` filters, with the identifier or without.
    pub(crate) fn packet(&self, packet_id: PacketId, count: usize, identified: bool) -> Packet {
        let identifier = if identified { self.identifier } else { None };
        let identifier = identifier.map(Property::SubscriptionIdentifier);
        let properties = self.properties.iter().cloned().chain(identifier).collect();
        let places = self.open().take(count);
        match &self.asked {
            Asked::Subscribe(filters) => {
                let filters = places.filter_map(|place| filters.get(place).cloned()).collect();
                Packet::Subscribe(Subscribe { packet_id, filters, properties })
            }
            Asked::Unsubscribe(filters) => {
                let filters = places.filter_map(|place| filters.get(place).cloned()).collect();
                Packet::Unsubscribe(Unsubscribe { packet_id, filters, properties })
            }
        }
    }

    /// The outcome, with the codes gathered, if somebody asked.
    pub(crate) fn finish(self) -> Option<Completion> {
        let codes = self.codes.into_iter().flatten().collect();
        Some(completion(&self.asked, self.token?, Ok(codes)))
    }

    /// The outcome if there is no answer.
    pub(crate) fn fail(self, error: SubscribeError) -> Option<Completion> {
        Some(completion(&self.asked, self.token?, Err(error)))
    }

    /// One for a single filter, with what it is asked for.
    pub(crate) fn restoring(
        filter: SubscribeFilter,
        properties: Properties,
        identifier: Option<u32>,
    ) -> Self {
        let asked = Asked::Subscribe(vec![filter]);
        Self { identifier, restores: true, ..Self::new(asked, properties, None) }
    }

    /// The filters of a SUBSCRIBE without an answer that are among these, to be
    /// asked for anew with an identifier.
    pub(crate) fn renewal(&self, among: &Set<&TopicFilter>, identifier: u32) -> Option<Self> {
        let Asked::Subscribe(filters) = &self.asked else { return None };
        let open = self.open().filter_map(|place| filters.get(place));
        let filters: Vec<_> = open.filter(|open| among.contains(&open.filter)).cloned().collect();
        (!filters.is_empty()).then(|| Self::renewing(filters, self.properties.clone(), identifier))
    }

    /// Asks anew for filters, which replaces them; retained messages came before.
    pub(crate) fn renewing(
        mut filters: Vec<SubscribeFilter>,
        properties: Properties,
        identifier: u32,
    ) -> Self {
        for filter in &mut filters {
            filter.options.retain_handling = RetainHandling::Never;
        }
        let asked = Asked::Subscribe(filters);
        let control = Self::new(asked, properties, None).identified(identifier);
        Self { restores: true, renews: true, ..control }
    }

    /// True if it may be given an identifier of ours.
    pub(crate) fn lacks_identifier(&self) -> bool {
        let own = self.properties.subscription_identifiers().next();
        self.is_subscribe() && self.identifier.is_none() && own.is_none()
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
