//! SUBSCRIBE and UNSUBSCRIBE: sent in parts if a bound asks for it, each
//! answered with one code per filter.

use alloc::boxed::Box;
use alloc::vec;

use evenkeel_codec::{
    EncodeError, Packet, PacketId, PacketType, Properties, QoS, ReasonCode, SubAck, TopicFilter,
    UnsubAck,
};

use crate::cause::ProtocolError;
use crate::event::Event;
use crate::operation::{Answer, PublishLimit, SubscribeError, SubscribeFeature};
use crate::pace::Held;
use crate::profile::{self, BrokenLimit, Profile};
use crate::record::Record;
use crate::session::control::Control;
use crate::session::flights::{Exchange, Here};
use crate::session::journal::Gate;
use crate::session::subscriptions::Subscriptions;
use crate::sorted::Set;
use crate::time::Instant;

use super::Client;

impl Client {
    //= [MQTT-3.8.4-3]
    /// Subscriptions in force, and those on their way, get the identifier.
    pub(super) fn identify_filters(&mut self, filters: &[TopicFilter], identifier: u32) {
        if self.connection.is_halted() || self.connection.is_closed() {
            return;
        }
        let out = self.session.flights.controls_in_order();
        let filters: Set<&TopicFilter> = filters.iter().collect();
        self.session.subscriptions.identify(&filters, identifier);
        for id in out {
            let Some(flight) = self.session.flights.get_mut(id) else { continue };
            let Exchange::Control(control) = &mut flight.exchange else { continue };
            if control.lacks_identifier()
                && let Some(renewal) = control.renewal(&filters, identifier)
            {
                control.identifier = Some(identifier);
                self.session.subscriptions.push(Box::new(renewal));
            }
        }
        self.send_pending();
    }

    /// Whether the present server has subscription identifiers.
    pub(super) fn has_identifiers(&self) -> bool {
        self.limits().is_some_and(|limits| {
            limits.version.has_properties() && limits.subscription_identifiers.value
        })
    }

    pub(super) fn submit(&mut self, now: Instant, control: Control) -> Result<(), SubscribeError> {
        self.advance_clock(now);
        self.admit(&control)?;
        self.session.subscriptions.push(Box::new(control));
        self.send_pending();
        Ok(())
    }

    //= [MQTT-3.8.3-2]
    //= [MQTT-3.10.3-2]
    fn admit(&self, control: &Control) -> Result<(), SubscribeError> {
        if control.len() == 0 {
            return Err(SubscribeError::NoFilter);
        }
        if self.shutdown.is_some() || self.connection.is_halted() || self.connection.is_closed() {
            return Err(self.left_unanswered());
        }
        let limit = self.config.bounds.operations;
        if self.session.subscriptions.waiting() + self.session.flights.controls() >= limit {
            return Err(SubscribeError::TooManyOperations { limit });
        }
        if let Some((_, error)) = (0..control.len()).find_map(|place| self.barred(control, place)) {
            return Err(error);
        }
        if let Some(broken) = self.breaks_count(control) {
            return Err(SubscribeError::NotAllowed(PublishLimit::Profile(broken)));
        }
        // A packet too large for the server may still be sent in parts.
        let Some(placeholder) = PacketId::new(1) else { return Ok(()) };
        let encoded = control.packet(placeholder, control.len(), false).encoded_len(self.version());
        let error = encoded.map(drop).or_else(|error| match error {
            EncodeError::PacketTooLarge { .. } => Ok(()),
            error => Err(PublishLimit::Encode(error)),
        });
        error.map_err(SubscribeError::NotAllowed)
    }

    /// Why the filter at this place cannot be asked for, with the code of a server
    /// that would say so.
    fn barred(&self, control: &Control, place: usize) -> Option<(ReasonCode, SubscribeError)> {
        if let Some(profile) = self.config.profile()
            && let Some(broken) = control.broken(place, profile, self.client_id())
        {
            let error = SubscribeError::NotAllowed(PublishLimit::Profile(broken));
            return Some((ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR, error));
        }
        let missing = self.lacks(control, place)?;
        Some((missing.reason(), SubscribeError::NotSupported(missing)))
    }

    /// The profile's limit, if all subscriptions asked for would be too many with
    /// those of the operation.
    fn breaks_count(&self, control: &Control) -> Option<Box<BrokenLimit>> {
        let profile = self.config.profile()?;
        profile.max_subscriptions()?;
        if !control.is_subscribe() {
            return None;
        }
        let mut filters = self.subscribed();
        filters.extend(self.session.subscriptions.wanted());
        let before = filters.len();
        filters.extend(control.unanswered());
        // One that the server holds already makes it hold no more.
        let adds = filters.len() > before;
        if adds { profile::subscribe::too_many(profile, filters.len()) } else { None }
    }

    /// The filters that the server holds for us, or is asked for just now.
    fn subscribed(&self) -> Set<&TopicFilter> {
        let flights = self.session.flights.iter();
        let asked = flights.filter_map(|(_, flight)| match &flight.exchange {
            Exchange::Control(control) if control.is_subscribe() => Some(control.unanswered()),
            _ => None,
        });
        self.session.subscriptions.in_force().chain(asked.flatten()).collect()
    }

    /// How many of the next filters of the operation may go out in one packet
    /// before the server would hold too many for us.
    fn within_count(&self, control: &Control, most: usize) -> usize {
        let count = self.config.profile().and_then(Profile::max_subscriptions);
        let Some(count) = count else { return most };
        if !control.is_subscribe() {
            return most;
        }
        let mut filters = self.subscribed();
        let fits = control
            .unanswered()
            .take(most)
            .take_while(|filter| !filters.insert(filter) || filters.len() <= count as usize);
        fits.count()
    }

    /// What the present server lacks for the filter at this place of a SUBSCRIBE.
    fn lacks(&self, control: &Control, place: usize) -> Option<SubscribeFeature> {
        if !self.version_in_force().has_properties()
            && let Some(feature) = control.only_in_v5(place)
        {
            return Some(feature);
        }
        let online = self.connection.online()?;
        let limits = &online.limits;
        if !control.is_subscribe() {
            return None;
        }
        let filter = control.filter(place)?;
        if !limits.wildcard_subscriptions.value && filter.has_wildcard() {
            return Some(SubscribeFeature::Wildcards);
        }
        if !limits.shared_subscriptions.value && filter.is_shared() {
            return Some(SubscribeFeature::SharedSubscriptions);
        }
        let identified = control.properties.subscription_identifiers().next().is_some();
        if limits.version.has_properties() && !limits.subscription_identifiers.value && identified {
            return Some(SubscribeFeature::SubscriptionIdentifiers);
        }
        None
    }

    /// Returns the rate that the next operation waits for, if it does.
    pub(super) fn send_operations(&mut self) -> Option<Held> {
        if self.is_draining() {
            return None;
        }
        while self.has_room() && !self.session.flights.is_full() && self.may_send_control() {
            if let Some(held) = self.front_still_waits() {
                return Some(held);
            }
            let control = self.session.subscriptions.next()?;
            if let Some(held) = self.send_control(control) {
                return Some(held);
            }
        }
        None
    }

    /// Sends as many filters of the operation as may go in one packet, unless it has
    /// to wait for a rate.
    fn send_control(&mut self, mut control: Box<Control>) -> Option<Held> {
        if control.renews && !self.has_identifiers() {
            // It is in force already, and no identifier would come of it.
            return None;
        }
        let first = control.open().next();
        if let Some((code, error)) = first.and_then(|place| self.barred(&control, place)) {
            self.fail_filter(control, code, error);
            return None;
        }
        if self.within_count(&control, 1) == 0
            && let Some(broken) = self.breaks_count(&control)
        {
            let error = SubscribeError::NotAllowed(PublishLimit::Profile(broken));
            self.fail_filter(control, ReasonCode::QUOTA_EXCEEDED, error);
            return None;
        }
        let Some(packet_id) = self.session.flights.reserve_for_operation() else {
            self.session.subscriptions.push_front(control);
            return None;
        };
        let mut count = self.part(&control);
        let mut identified = self.has_identifiers() && control.identifier.is_some();
        let begins = self.bytes_queued();
        loop {
            let mut packet = control.packet(packet_id, count, identified);
            self.clamp_qos(&mut packet);
            if self.is_paced()
                && let Some(held) = self.rate_of_control(control.subscribes(count), &packet)
            {
                self.session.subscriptions.push_front(control);
                return Some(held);
            }
            match self.send_bounded(&packet) {
                Ok(()) => break,
                // Fewer may fit, or may be without the one that cannot be encoded.
                Err(_) if count > 1 => count /= 2,
                Err(_) if identified => identified = false,
                Err(limit) => {
                    let error = SubscribeError::NotAllowed(limit);
                    self.fail_filter(control, ReasonCode::PACKET_TOO_LARGE, error);
                    return None;
                }
            }
        }
        control.out = count;
        self.session.subscriptions.begin(&mut control);
        if let Some(online) = self.connection.online_mut()
            && let Some(pacer) = online.pacer.get_mut()
        {
            pacer.on_control(control.subscribes(count) as u64, &online.offsets);
        }
        let here = Here::Sent { begins };
        self.session.flights.insert(packet_id, Exchange::Control(control), self.now, here);
        None
    }

    /// How many filters may go in the next packet: half as many if a
    /// connection was cut over them, and one if that was no chance.
    fn part(&self, control: &Control) -> usize {
        let pacer = self.connection.online().and_then(|online| online.pacer.get());
        let paced = pacer.map_or(usize::MAX, |pacer| pacer.filters_per_packet());
        let bound = control.most().min(self.config.bounds.filters_per_packet).min(paced);
        let most = self.config.profile().map_or(usize::MAX, |profile| {
            profile::subscribe::most_filters(profile, control.is_subscribe())
        });
        let bound = self.within_count(control, bound.min(most));
        let places = control.open().take(bound);
        places.take_while(|place| self.barred(control, *place).is_none()).count().max(1)
    }

    /// A server that the profile gives no higher QoS grants no more, or does not
    /// answer.
    pub(super) fn clamp_qos(&self, packet: &mut Packet) {
        let most = self.config.profile().and_then(Profile::maximum_qos).and_then(QoS::from_level);
        if let (Some(most), Packet::Subscribe(subscribe)) = (most, packet) {
            for filter in &mut subscribe.filters {
                filter.options.qos = filter.options.qos.min(most);
            }
        }
    }

    /// The next filter of the operation has an answer of our own.
    pub(super) fn fail_filter(
        &mut self,
        mut control: Box<Control>,
        code: ReasonCode,
        error: SubscribeError,
    ) {
        if control.len() == 1 && !control.restores {
            self.note_failed(&control, 0);
            return self.ready.completions.extend(control.fail(error));
        }
        control.out = 0;
        if let Some(place) = self.session.subscriptions.answer(&mut control, code) {
            self.note_failed(&control, place);
            self.tell_lost(&control, place);
        }
        self.go_on(control);
    }

    /// A filter that was granted before and is in force no more, as its session is
    /// lost and this attempt failed, is not left to the next process either (D8, R7).
    fn note_failed(&mut self, control: &Control, place: usize) {
        let subscriptions = &self.session.subscriptions;
        if control.is_subscribe()
            && let Some(filter) = control.filter(place)
            && !subscriptions.is_in_force(filter)
        {
            let filter = filter.clone();
            self.note(Record::Unsubscribed { filter });
        }
    }

    /// Sends the rest of an operation, or ends it.
    fn go_on(&mut self, control: Box<Control>) {
        if !control.is_answered() {
            self.session.subscriptions.push_front(control);
        } else if let Some(completion) = control.finish() {
            self.after_commit(Gate::Complete(Box::new(completion)));
        }
    }

    /// Tells of a restored filter that is in force no more: at once, as the store
    /// may be told so before the filters beside it have their answers.
    fn tell_lost(&mut self, control: &Control, place: usize) {
        if control.restores
            && let Some((filter, reason)) = control.refused(place)
            && !self.session.subscriptions.is_in_force(filter)
        {
            self.event(Event::SubscriptionLost { filter: filter.clone(), reason });
        }
    }

    pub(super) fn on_suback(&mut self, ack: SubAck) {
        let SubAck { packet_id: id, codes, properties } = ack;
        if let Some(out) = self.filters_out(id, true) {
            self.tell_operation(PacketType::SubAck, id, properties);
            self.on_control_answer(id, out, &codes);
        }
    }

    pub(super) fn on_unsuback(&mut self, ack: UnsubAck) {
        let UnsubAck { packet_id: id, codes, properties } = ack;
        let Some(out) = self.filters_out(id, false) else { return };
        self.tell_operation(PacketType::UnsubAck, id, properties);
        if self.version().has_properties() {
            self.on_control_answer(id, out, &codes);
        } else {
            self.on_control_answer(id, out, &vec![ReasonCode::SUCCESS; out]);
        }
    }

    fn tell_operation(
        &mut self,
        packet_type: PacketType,
        packet_id: PacketId,
        properties: Properties,
    ) {
        if !properties.is_empty() {
            self.tell_answer(Answer { packet_type, packet_id, reason: None, properties });
        }
    }

    /// How many filters wait for this answer; counts one that nothing waits for.
    fn filters_out(&mut self, id: PacketId, is_subscribe: bool) -> Option<usize> {
        match self.session.flights.get(id).map(|flight| &flight.exchange) {
            Some(Exchange::Control(control)) if control.is_subscribe() == is_subscribe => {
                Some(control.out)
            }
            _ => {
                let was_due = self.session.flights.pay(id);
                self.stats.unknown_acknowledgements += u64::from(!was_due);
                None
            }
        }
    }

    fn on_control_answer(&mut self, id: PacketId, out: usize, codes: &[ReasonCode]) {
        if codes.len() != out {
            self.blame(id);
            return self.protocol_error(ProtocolError::WrongCodeCount);
        }
        self.mark_useful();
        let Some(flight) = self.session.flights.remove_answered(id) else { return };
        let Exchange::Control(mut control) = flight.exchange else { return };
        self.take_answers(&mut control, codes);
        self.go_on(control);
        self.note_proven();
    }

    /// The next filters of the operation are answered.
    fn take_answers(&mut self, control: &mut Control, codes: &[ReasonCode]) {
        control.out = 0;
        for code in codes {
            if let Some(place) = self.session.subscriptions.answer(control, *code) {
                self.session.subscriptions.on_answer(control, place, *code);
                if self.is_durable()
                    && let Some(record) = Subscriptions::record(control, place, *code)
                {
                    self.note(record);
                }
                self.tell_lost(control, place);
            }
        }
    }

    /// The server has lost the session: what an UNSUBSCRIBE without an answer
    /// asked for has come about, whether it got there or not (D1).
    pub(super) fn fulfil_unsubscribes(&mut self) {
        for mut control in self.session.subscriptions.take_waiting() {
            if !control.is_subscribe() {
                let codes = vec![ReasonCode::SUCCESS; control.out];
                self.take_answers(&mut control, &codes);
            }
            if control.is_answered() {
                self.go_on(control);
            } else {
                self.session.subscriptions.push(control);
            }
        }
    }
}

impl SubscribeFeature {
    /// The code a server would refuse the filter with.
    const fn reason(self) -> ReasonCode {
        match self {
            Self::Wildcards => ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
            Self::SharedSubscriptions => ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
            Self::SubscriptionIdentifiers => ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
            Self::Properties | Self::NoLocal | Self::RetainAsPublished | Self::RetainHandling => {
                ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR
            }
        }
    }
}
