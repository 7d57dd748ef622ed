//! The filters that the server holds for us.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use evenkeel_codec::{
    Properties, ReasonCode, RetainHandling, SubscribeFilter, SubscribeOptions, TopicFilter,
};

use crate::record::{Record, StoredSubscription};
use crate::sorted::{Map, Set};

use super::control::{Asked, Control};
use super::flights::Suspicion;

#[derive(Debug)]
struct Entry {
    options: SubscribeOptions,
    properties: Properties,
    /// Ours, for servers that have subscription identifiers (D17).
    identifier: Option<u32>,
}

/// The filters the server holds for us, and the operations that change them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    active: Map<TopicFilter, Entry>,
    waiting: VecDeque<Box<Control>>,
    /// The filters of operations that are out, those of parts that have yet to
    /// follow included. A later operation on one of them waits: servers may
    /// take the two in either order (aedes does).
    busy: Busy,
}

/// Filters, each as often as operations name it.
#[derive(Debug, Default)]
struct Busy {
    times: Map<TopicFilter, usize>,
    #[cfg(test)]
    looks: core::cell::Cell<usize>,
}

impl Busy {
    fn contains(&self, filter: &TopicFilter) -> bool {
        self.count_look();
        self.times.contains_key(filter)
    }

    fn add(&mut self, filter: &TopicFilter) {
        self.count_look();
        match self.times.get_mut(filter) {
            Some(times) => *times += 1,
            None => drop(self.times.insert(filter.clone(), 1)),
        }
    }

    fn remove(&mut self, filter: &TopicFilter) {
        self.count_look();
        match self.times.get_mut(filter) {
            Some(times) if *times > 1 => *times -= 1,
            _ => drop(self.times.remove(filter)),
        }
    }

    #[cfg(not(test))]
    const fn count_look(&self) {}

    #[cfg(test)]
    fn count_look(&self) {
        self.looks.set(self.looks.get() + 1);
    }
}

impl Subscriptions {
    /// Filters in force.
    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    /// True if the server holds this filter for us, as far as is known.
    pub(crate) fn is_in_force(&self, filter: &TopicFilter) -> bool {
        self.active.contains_key(filter)
    }

    /// The filters in force.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = &TopicFilter> {
        self.active.keys()
    }

    /// The filters that waiting operations will subscribe to.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &TopicFilter> {
        let subscribes = self.waiting.iter().filter(|control| control.is_subscribe());
        subscribes.flat_map(|control| control.unanswered())
    }

    /// Operations that wait to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn push(&mut self, control: Box<Control>) {
        self.waiting.push_back(control);
    }

    /// Puts an operation back, before all that wait.
    pub(crate) fn push_front(&mut self, control: Box<Control>) {
        self.waiting.push_front(control);
    }

    /// What is held against the operation at the front.
    pub(crate) fn front_suspicion(&self) -> Option<Suspicion> {
        self.waiting.front().map(|control| control.suspicion)
    }

    /// The operation at the front is a SUBSCRIBE.
    pub(crate) fn front_subscribes(&self) -> bool {
        self.waiting.front().is_some_and(|control| control.is_subscribe())
    }

    /// Takes out all operations that wait, in order.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Box<Control>> {
        core::mem::take(&mut self.waiting)
    }

    /// The next operation that may go out. One that waits for another on the
    /// same filter is passed by those on other filters, but not by a suspect; nor
    /// is one that is to be identified by those for whose sake it is (D17).
    pub(crate) fn next(&mut self) -> Option<Box<Control>> {
        let mut held = Set::new();
        let mut renewal_waits = false;
        for (place, control) in self.waiting.iter().enumerate() {
            if control.is_under_way {
                return self.waiting.remove(place);
            }
            if place > 0 && control.suspicion.suspect {
                return None;
            }
            let is_free = |filter| !self.busy.contains(filter) && !held.contains(filter);
            let in_turn = !renewal_waits || control.identifier.is_none();
            if in_turn && control.unanswered().all(is_free) {
                return self.waiting.remove(place);
            }
            renewal_waits |= control.renews;
            held.extend(control.unanswered());
        }
        None
    }

    /// A part of the operation goes out.
    pub(crate) fn begin(&mut self, control: &mut Control) {
        if !core::mem::replace(&mut control.is_under_way, true) {
            control.unanswered().for_each(|filter| self.busy.add(filter));
        }
    }

    /// Notes the answer to the first filter of the operation that has none;
    /// returns its place.
    pub(crate) fn answer(&mut self, control: &mut Control, code: ReasonCode) -> Option<usize> {
        let place = control.answer(code)?;
        if control.is_under_way
            && let Some(filter) = control.filter(place)
        {
            self.busy.remove(filter);
        }
        Some(place)
    }

    /// The connection ended: these operations were out, in this order, and go out
    /// again before all that wait.
    pub(crate) fn on_down(&mut self, out: impl DoubleEndedIterator<Item = Box<Control>>) {
        out.rev().for_each(|control| self.push_front(control));
        self.waiting.iter_mut().for_each(|control| control.is_under_way = false);
        self.busy = Busy::default();
    }

    /// The server answered the filter at this place of an operation.
    pub(crate) fn on_answer(&mut self, control: &Control, place: usize, code: ReasonCode) {
        match &control.asked {
            Asked::Subscribe(filters) => {
                let Some(SubscribeFilter { filter, options }) = filters.get(place) else { return };
                if code.is_error() {
                    self.active.remove(filter);
                } else {
                    self.note_active(filter, *options, control);
                }
            }
            Asked::Unsubscribe(filters) => {
                if !code.is_error()
                    && let Some(filter) = filters.get(place)
                {
                    self.active.remove(filter);
                }
            }
        }
    }

    fn note_active(&mut self, filter: &TopicFilter, options: SubscribeOptions, control: &Control) {
        if control.renews
            && let Some(entry) = self.active.get_mut(filter)
        {
            // Everything else is as it was asked for first.
            entry.identifier = control.identifier;
            return;
        }
        let (properties, identifier) = (control.properties.clone(), control.identifier);
        self.active.insert(filter.clone(), Entry { options, properties, identifier });
    }

    /// Gives filters an identifier, unless they have one: what waits is sent
    /// with it, what is in force is asked for anew.
    pub(crate) fn identify(&mut self, filters: &Set<&TopicFilter>, identifier: u32) {
        for control in &mut self.waiting {
            let concerns = |filter| filters.contains(filter);
            if control.lacks_identifier() && control.unanswered().any(concerns) {
                control.identifier = Some(identifier);
            }
        }
        let mut renewals: Map<Properties, Vec<SubscribeFilter>> = Map::new();
        for filter in filters.iter().copied() {
            let Some(entry) = self.active.get_mut(filter) else { continue };
            let own = entry.properties.subscription_identifiers().next();
            if own.or(entry.identifier).is_some() {
                continue;
            }
            entry.identifier = Some(identifier);
            let again = SubscribeFilter { filter: filter.clone(), options: entry.options };
            match renewals.get_mut(&entry.properties) {
                Some(group) => group.push(again),
                None => drop(renewals.insert(entry.properties.clone(), vec![again])),
            }
        }
        for (properties, filters) in renewals {
            self.push(Box::new(Control::renewing(filters, properties, identifier)));
        }
    }

    /// What the store is told of the answer to the filter at this place.
    pub(crate) fn record(control: &Control, place: usize, code: ReasonCode) -> Option<Record> {
        match &control.asked {
            Asked::Subscribe(filters) => {
                // One that only gains an identifier is stored as it is.
                if control.renews && !code.is_error() {
                    return None;
                }
                let filter = filters.get(place)?;
                let (filter, properties) = (filter.clone(), control.properties.clone());
                Some(if code.is_error() {
                    Record::Unsubscribed { filter: filter.filter }
                } else {
                    Record::Subscribed(StoredSubscription { filter, properties })
                })
            }
            Asked::Unsubscribe(filters) => {
                if code.is_error() {
                    return None;
                }
                Some(Record::Unsubscribed { filter: filters.get(place)?.clone() })
            }
        }
    }

    /// The server of an earlier run granted this.
    #[cfg(feature = "store")]
    pub(crate) fn begin_with(&mut self, stored: StoredSubscription) {
        let StoredSubscription { filter: SubscribeFilter { filter, options }, properties } = stored;
        self.active.insert(filter, Entry { options, properties, identifier: None });
    }

    /// The server has forgotten the session, or may have: asks for every filter
    /// again, those with equal properties together, each exactly once (D8).
    /// Returns how many.
    ///
    /// If the server may hold them still, retained messages are asked for
    /// only if it does not. Identifiers of ours divide them, if they are `identified`.
    pub(crate) fn restore(&mut self, may_be_held: bool, identified: bool) -> usize {
        self.reopen_grants();
        // What a waiting operation decides about anyway.
        let asked_for: Set<&TopicFilter> =
            self.waiting.iter().flat_map(|control| control.unanswered()).collect();
        let mut groups: Vec<Control> = Vec::new();
        let mut places: Map<(Option<u32>, Properties), usize> = Map::new();
        let mut count = 0;
        for (filter, mut entry) in core::mem::take(&mut self.active) {
            if asked_for.contains(&filter) {
                continue;
            }
            count += 1;
            if may_be_held && entry.options.retain_handling == RetainHandling::OnSubscribe {
                entry.options.retain_handling = RetainHandling::OnNewSubscribe;
            }
            let filter = SubscribeFilter { filter, options: entry.options };
            let identifier = if identified { entry.identifier } else { None };
            let key = (identifier, entry.properties);
            match places.get(&key).and_then(|place| groups.get_mut(*place)) {
                Some(group) => group.extend(filter),
                None => {
                    groups.push(Control::restoring(filter, key.1.clone(), identifier));
                    places.insert(key, groups.len() - 1);
                }
            }
        }
        for group in groups.into_iter().rev() {
            self.push_front(Box::new(group));
        }
        count
    }

    /// Of operations that wait, what was granted in a session that is lost.
    fn reopen_grants(&mut self) {
        // What they were to renew is lost, and asked for with its identifier.
        self.waiting.retain(|control| !control.renews);
        let active = &self.active;
        for control in &mut self.waiting {
            control.forget_grants(|asked, properties| {
                let entry = active.get(&asked.filter);
                entry.is_some_and(|entry| {
                    entry.options == asked.options && entry.properties == *properties
                })
            });
        }
    }

    /// The server has forgotten the session, and nothing of it is to be asked
    /// for again: returns the filters that were in force. What has no outcome
    /// yet is asked for from its beginning (D1).
    pub(crate) fn forget(&mut self) -> Vec<TopicFilter> {
        self.reopen_grants();
        core::mem::take(&mut self.active).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn subscribing(filters: impl IntoIterator<Item = TopicFilter>) -> Box<Control> {
        let options = SubscribeOptions::default();
        let filters =
            filters.into_iter().map(|filter| SubscribeFilter { filter, options }).collect();
        Box::new(Control::new(Asked::Subscribe(filters), Properties::new(), None))
    }

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::try_from(text).unwrap()
    }

    /// The next part of the operation at the front is sent and answered.
    fn run_part(subscriptions: &mut Subscriptions, part: usize) {
        let mut control = subscriptions.next().unwrap();
        subscriptions.begin(&mut control);
        for _ in 0..part {
            subscriptions.answer(&mut control, ReasonCode::SUCCESS);
        }
        if !control.is_answered() {
            subscriptions.push_front(control);
        }
    }

    #[test]
    fn a_filter_is_looked_at_as_often_in_a_large_operation_as_in_a_small_one() {
        for parts in [1, 2, 100] {
            let mut subscriptions = Subscriptions::default();
            let filters = (0..100 * parts).map(|number| filter(&format!("a/{number}")));
            subscriptions.push(subscribing(filters));
            for _ in 0..parts {
                run_part(&mut subscriptions, 100);
            }
            assert!(subscriptions.next().is_none() && subscriptions.busy.times.is_empty());
            assert_eq!(subscriptions.busy.looks.take(), 3 * 100 * parts, "free, taken, given back");
        }
    }

    #[test]
    fn a_filter_that_is_named_twice_is_busy_until_its_second_answer() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.push(subscribing([filter("a"), filter("b"), filter("a")]));
        let mut first = subscriptions.next().unwrap();
        subscriptions.begin(&mut first);
        subscriptions.push(subscribing([filter("a")]));
        for _ in 0..3 {
            assert!(subscriptions.next().is_none());
            subscriptions.answer(&mut first, ReasonCode::SUCCESS);
        }
        assert!(subscriptions.next().is_some());
    }

    #[test]
    fn nothing_is_busy_after_the_connection_of_a_half_answered_operation() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.push(subscribing([filter("a"), filter("b")]));
        let mut first = subscriptions.next().unwrap();
        subscriptions.begin(&mut first);
        subscriptions.answer(&mut first, ReasonCode::SUCCESS);
        subscriptions.on_down([first].into_iter());
        subscriptions.push_front(subscribing([filter("b")]));
        for _ in 0..2 {
            run_part(&mut subscriptions, 1);
        }
        assert!(subscriptions.next().is_none() && subscriptions.busy.times.is_empty());
    }
}
