//! SUBSCRIBE and UNSUBSCRIBE: sent in parts where a bound asks for it, each
//! answered with one code per filter.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{
    EncodeError, Packet, PacketId, Properties, ReasonCode, Subscribe, SubscribeFilter, TopicFilter,
    Unsubscribe,
};

use crate::cause::ProtocolError;
use crate::event::Event;
use crate::operation::{
    Completion, PublishLimit, SubscribeError, SubscribeFeature, SubscribeOperation, Token,
    UnsubscribeOperation,
};
use crate::session::flights::Exchange;
use crate::session::subscriptions::Control;
use crate::time::Instant;

use super::{Client, Link};

impl Client {
    /// Asks for subscriptions. Accepted while offline too; the outcome comes
    /// as a [`Completion`] with one code per filter. `properties` may hold a
    /// subscription identifier and user properties; MQTT 5 only.
    pub fn subscribe(
        &mut self,
        now: Instant,
        filters: Vec<SubscribeFilter>,
        properties: Properties,
        token: Token,
    ) -> Result<(), SubscribeError> {
        self.advance_clock(now);
        self.admit_control(filters.is_empty())?;
        if let Some(missing) = self.unsupported(&filters, &properties) {
            return Err(SubscribeError::NotSupported(missing));
        }
        let operation = SubscribeOperation {
            filters,
            properties,
            token,
            codes: Vec::new(),
            out: 0,
            strikes: 0,
        };
        self.session.subscriptions.push(Control::Subscribe(Box::new(operation)));
        self.pump();
        Ok(())
    }

    /// Ends subscriptions. The outcome comes as a [`Completion`] with one
    /// code per filter.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        filters: Vec<TopicFilter>,
        properties: Properties,
        token: Token,
    ) -> Result<(), SubscribeError> {
        self.advance_clock(now);
        self.admit_control(filters.is_empty())?;
        let operation = UnsubscribeOperation {
            filters,
            properties,
            token,
            codes: Vec::new(),
            out: 0,
            strikes: 0,
        };
        self.session.subscriptions.push(Control::Unsubscribe(Box::new(operation)));
        self.pump();
        Ok(())
    }

    /// Filters that the server holds for this session.
    pub fn subscriptions(&self) -> usize {
        self.session.subscriptions.len()
    }

    //= [MQTT-3.8.3-2]
    //= [MQTT-3.10.3-2]
    fn admit_control(&self, empty: bool) -> Result<(), SubscribeError> {
        if empty {
            return Err(SubscribeError::NoFilter);
        }
        if self.drain.is_some() || matches!(self.link, Link::Halted(_) | Link::Closed) {
            return Err(SubscribeError::Abandoned);
        }
        let limit = self.config.bounds.operations;
        if self.session.subscriptions.waiting() >= limit {
            return Err(SubscribeError::TooManyOperations { limit });
        }
        Ok(())
    }

    /// What the present server lacks for these filters.
    fn unsupported(
        &self,
        filters: &[SubscribeFilter],
        properties: &Properties,
    ) -> Option<SubscribeFeature> {
        let Link::Online(online) = &self.link else { return None };
        let limits = &online.limits;
        let any = |test: fn(&TopicFilter) -> bool| filters.iter().any(|f| test(&f.filter));
        if !limits.wildcard_subscriptions && any(TopicFilter::has_wildcard) {
            return Some(SubscribeFeature::Wildcards);
        }
        if !limits.shared_subscriptions && any(|filter| filter.share_name().is_some()) {
            return Some(SubscribeFeature::SharedSubscriptions);
        }
        let identified = properties.subscription_identifiers().next().is_some();
        if limits.version.has_properties() && !limits.subscription_identifiers && identified {
            return Some(SubscribeFeature::SubscriptionIdentifiers);
        }
        None
    }

    pub(super) fn pump_control(&mut self) {
        while self.has_room() && self.may_send_control() {
            match self.session.subscriptions.next() {
                Some(Control::Subscribe(operation)) => self.send_subscribe(operation),
                Some(Control::Unsubscribe(operation)) => self.send_unsubscribe(operation),
                None => return,
            }
        }
    }

    /// An operation that was in flight at a death goes out alone, after a
    /// sign of life (R7).
    fn may_send_control(&mut self) -> bool {
        if self.session.subscriptions.front_strikes() == 0 {
            return !self.session.flights.has_suspect_control();
        }
        let alone = self.session.flights.len() == self.session.flights.publishes();
        let proven = matches!(&self.link, Link::Online(online) if online.proof.alive);
        alone && (proven || !self.request_probe())
    }

    fn send_subscribe(&mut self, mut operation: Box<SubscribeOperation>) {
        if let Some(missing) = self.unsupported(&operation.filters, &operation.properties) {
            let result = Err(SubscribeError::NotSupported(missing));
            return self.complete(Completion::Subscribe { token: operation.token, result });
        }
        let Some(packet_id) = self.session.flights.reserve() else {
            // All identifiers are in use: back-pressure, until one is free (D4).
            return self.session.subscriptions.push_front([Control::Subscribe(operation)].into());
        };
        let answered = operation.codes.len();
        let part: Vec<SubscribeFilter> = (operation.filters.iter())
            .skip(answered)
            .take(self.config.bounds.filters_per_packet)
            .cloned()
            .collect();
        operation.out = part.len();
        let properties = operation.properties.clone();
        let packet = Packet::Subscribe(Subscribe { packet_id, filters: part, properties });
        match self.send_bounded(&packet) {
            Ok(()) => {
                self.control_in_flight(packet_id, operation.strikes, Exchange::Subscribe(operation))
            }
            Err(limit) => {
                let result = Err(SubscribeError::NotAllowed(limit));
                self.complete(Completion::Subscribe { token: operation.token, result });
            }
        }
    }

    fn send_unsubscribe(&mut self, mut operation: Box<UnsubscribeOperation>) {
        let Some(packet_id) = self.session.flights.reserve() else {
            return self.session.subscriptions.push_front([Control::Unsubscribe(operation)].into());
        };
        let answered = operation.codes.len();
        let part: Vec<TopicFilter> = (operation.filters.iter())
            .skip(answered)
            .take(self.config.bounds.filters_per_packet)
            .cloned()
            .collect();
        operation.out = part.len();
        let properties = operation.properties.clone();
        let packet = Packet::Unsubscribe(Unsubscribe { packet_id, filters: part, properties });
        match self.send_bounded(&packet) {
            Ok(()) => self.control_in_flight(
                packet_id,
                operation.strikes,
                Exchange::Unsubscribe(operation),
            ),
            Err(limit) => {
                let result = Err(SubscribeError::NotAllowed(limit));
                self.complete(Completion::Unsubscribe { token: operation.token, result });
            }
        }
    }

    fn control_in_flight(&mut self, id: PacketId, strikes: u8, exchange: Exchange) {
        self.session.flights.insert(id, exchange, self.now);
        if let Some(flight) = self.session.flights.get_mut(id) {
            flight.strikes = strikes;
        }
    }

    /// Sends a packet unless it is larger than the server accepts.
    pub(super) fn send_bounded(&mut self, packet: &Packet) -> Result<(), PublishLimit> {
        let version = self.version();
        let size = packet.encoded_len(version).map_err(PublishLimit::Encode)?;
        if let Link::Online(online) = &self.link {
            let limit = online.limits.packet_size.value;
            if size > limit as usize {
                return Err(PublishLimit::PacketSize { size, limit });
            }
        }
        self.send(packet).map_err(|error: EncodeError| PublishLimit::Encode(error))
    }

    pub(super) fn on_suback(&mut self, id: PacketId, codes: &[ReasonCode]) {
        let expected = match self.session.flights.get(id).map(|flight| &flight.exchange) {
            Some(Exchange::Subscribe(operation)) => operation.out,
            _ => {
                self.stats.unknown_acknowledgements += 1;
                return;
            }
        };
        if codes.len() != expected {
            return self.protocol_error(ProtocolError::WrongCodeCount);
        }
        self.mark_useful();
        let Some(flight) = self.session.flights.remove(id) else { return };
        let Exchange::Subscribe(mut operation) = flight.exchange else { return };
        let answered = operation.codes.len();
        for (filter, code) in operation.filters.iter().skip(answered).zip(codes) {
            self.session.subscriptions.on_suback(filter, &operation.properties, *code);
        }
        operation.codes.extend_from_slice(codes);
        operation.strikes = 0;
        if operation.codes.len() < operation.filters.len() {
            return self.session.subscriptions.push_front([Control::Subscribe(operation)].into());
        }
        if operation.token == Token::NONE {
            return self.report_lost(&operation);
        }
        let (token, result) = (operation.token, Ok(operation.codes));
        self.complete(Completion::Subscribe { token, result });
    }

    /// A restored filter that the server refuses now.
    fn report_lost(&mut self, operation: &SubscribeOperation) {
        for (filter, code) in operation.filters.iter().zip(&operation.codes) {
            if code.is_error() {
                self.event(Event::SubscriptionLost {
                    filter: filter.filter.clone(),
                    reason: *code,
                });
            }
        }
    }

    pub(super) fn on_unsuback(&mut self, id: PacketId, codes: &[ReasonCode]) {
        let expected = match self.session.flights.get(id).map(|flight| &flight.exchange) {
            Some(Exchange::Unsubscribe(operation)) => operation.out,
            _ => {
                self.stats.unknown_acknowledgements += 1;
                return;
            }
        };
        let has_codes = self.version().has_properties();
        if has_codes && codes.len() != expected {
            return self.protocol_error(ProtocolError::WrongCodeCount);
        }
        self.mark_useful();
        let Some(flight) = self.session.flights.remove(id) else { return };
        let Exchange::Unsubscribe(mut operation) = flight.exchange else { return };
        let answered = operation.codes.len();
        let success = [ReasonCode::SUCCESS];
        let codes = if has_codes { codes } else { &success };
        for (filter, code) in
            operation.filters.iter().skip(answered).take(expected).zip(codes.iter().cycle())
        {
            if !code.is_error() {
                self.session.subscriptions.on_unsuback(filter);
            }
            operation.codes.push(*code);
        }
        operation.strikes = 0;
        if operation.codes.len() < operation.filters.len() {
            return self.session.subscriptions.push_front([Control::Unsubscribe(operation)].into());
        }
        let (token, result) = (operation.token, Ok(operation.codes));
        self.complete(Completion::Unsubscribe { token, result });
    }
}
