use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use evenkeel_codec::{Properties, ReasonCode, SubscribeFilter, SubscribeOptions, TopicFilter};

use crate::operation::{SubscribeOperation, Token, UnsubscribeOperation};

/// An operation that waits to be sent.
#[derive(Debug)]
pub(crate) enum Control {
    Subscribe(Box<SubscribeOperation>),
    Unsubscribe(Box<UnsubscribeOperation>),
}

#[derive(Debug)]
struct Entry {
    options: SubscribeOptions,
    properties: Properties,
}

/// The filters the server holds for us, and the operations that change them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    active: BTreeMap<TopicFilter, Entry>,
    waiting: VecDeque<Control>,
}

impl Subscriptions {
    /// Filters in force.
    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn push(&mut self, control: Control) {
        self.waiting.push_back(control);
    }

    /// Puts operations back, before all that wait, in their order.
    pub(crate) fn push_front(&mut self, controls: Vec<Control>) {
        for control in controls.into_iter().rev() {
            self.waiting.push_front(control);
        }
    }

    /// Deaths with the operation at the front in flight.
    pub(crate) fn front_strikes(&self) -> u8 {
        match self.waiting.front() {
            Some(Control::Subscribe(operation)) => operation.strikes,
            Some(Control::Unsubscribe(operation)) => operation.strikes,
            None => 0,
        }
    }

    pub(crate) fn next(&mut self) -> Option<Control> {
        self.waiting.pop_front()
    }

    /// The server granted or refused a filter.
    pub(crate) fn on_suback(
        &mut self,
        filter: &SubscribeFilter,
        properties: &Properties,
        code: ReasonCode,
    ) {
        if code.is_error() {
            self.active.remove(&filter.filter);
        } else {
            let entry = Entry { options: filter.options, properties: properties.clone() };
            self.active.insert(filter.filter.clone(), entry);
        }
    }

    /// The server dropped a filter.
    pub(crate) fn on_unsuback(&mut self, filter: &TopicFilter) {
        self.active.remove(filter);
    }

    /// The server has forgotten the session: asks for every filter again,
    /// those with equal properties together, each exactly once (D8).
    pub(crate) fn restore(&mut self) -> usize {
        self.forget_answers();
        let mut groups: Vec<SubscribeOperation> = Vec::new();
        let count = self.active.len();
        for (filter, entry) in core::mem::take(&mut self.active) {
            if self.is_asked_for(&filter) {
                continue;
            }
            let filter = SubscribeFilter { filter, options: entry.options };
            match groups.iter_mut().find(|group| group.properties == entry.properties) {
                Some(group) => group.filters.push(filter),
                None => groups.push(SubscribeOperation {
                    filters: [filter].into(),
                    properties: entry.properties,
                    token: Token::NONE,
                    codes: Vec::new(),
                    out: 0,
                    strikes: 0,
                }),
            }
        }
        let controls =
            groups.into_iter().map(|group| Control::Subscribe(Box::new(group))).collect();
        self.push_front(controls);
        count
    }

    /// Parts already answered were lost with the session: they go out again.
    fn forget_answers(&mut self) {
        for control in &mut self.waiting {
            match control {
                Control::Subscribe(operation) => operation.codes.clear(),
                Control::Unsubscribe(operation) => operation.codes.clear(),
            }
        }
    }

    /// True where a waiting operation decides about this filter anyway.
    fn is_asked_for(&self, filter: &TopicFilter) -> bool {
        self.waiting.iter().any(|control| match control {
            Control::Subscribe(operation) => {
                operation.filters.iter().any(|other| other.filter == *filter)
            }
            Control::Unsubscribe(operation) => operation.filters.contains(filter),
        })
    }
}
