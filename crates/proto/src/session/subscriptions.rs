use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use evenkeel_codec::{
    Properties, ReasonCode, RetainHandling, SubscribeFilter, SubscribeOptions, TopicFilter,
};

use crate::record::{Record, StoredSubscription};

use super::control::{Asked, Control};
use super::flights::Suspicion;

#[derive(Debug)]
struct Entry {
    options: SubscribeOptions,
    properties: Properties,
}

/// The filters the server holds for us, and the operations that change them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    active: BTreeMap<TopicFilter, Entry>,
    waiting: VecDeque<Box<Control>>,
    /// The filters of operations that are out, those of parts that have yet to
    /// follow included. A later operation on one of them waits: servers may
    /// take the two in either order (aedes does).
    busy: BTreeSet<TopicFilter>,
}

impl Subscriptions {
    /// Filters in force.
    pub(crate) fn len(&self) -> usize {
        self.active.len()
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

    /// Takes out all operations that wait, in order.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Box<Control>> {
        core::mem::take(&mut self.waiting)
    }

    /// The next operation that may go out. One that waits for another on the
    /// same filter is passed by those on other filters, but not by a suspect.
    pub(crate) fn next(&mut self) -> Option<Box<Control>> {
        let mut held = BTreeSet::new();
        for (place, control) in self.waiting.iter().enumerate() {
            if place > 0 && control.suspicion.suspect {
                return None;
            }
            let is_free = |filter| !self.busy.contains(filter) && !held.contains(filter);
            if control.unanswered().all(is_free) {
                return self.waiting.remove(place);
            }
            held.extend(control.unanswered());
        }
        None
    }

    /// The operation goes out.
    pub(crate) fn begin(&mut self, control: &Control) {
        self.busy.extend(control.unanswered().cloned());
    }

    /// The answer to what is out has come, or is no more waited for.
    pub(crate) fn end(&mut self, control: &Control) {
        for filter in control.unanswered() {
            self.busy.remove(filter);
        }
    }

    /// The server answered the filter at this place of an operation.
    pub(crate) fn on_answer(&mut self, control: &Control, place: usize, code: ReasonCode) {
        match &control.asked {
            Asked::Subscribe(filters) => {
                let Some(SubscribeFilter { filter, options }) = filters.get(place) else { return };
                if code.is_error() {
                    self.active.remove(filter);
                } else {
                    let properties = control.properties.clone();
                    self.active.insert(filter.clone(), Entry { options: *options, properties });
                }
            }
            Asked::Unsubscribe(filters) => {
                if let Some(filter) = filters.get(place).filter(|_| !code.is_error()) {
                    self.active.remove(filter);
                }
            }
        }
    }

    /// What the store is told of the answer to the filter at this place.
    pub(crate) fn record(control: &Control, place: usize, code: ReasonCode) -> Option<Record> {
        match &control.asked {
            Asked::Subscribe(filters) => {
                let filter = filters.get(place)?.clone();
                let properties = control.properties.clone();
                Some(match code.is_error() {
                    true => Record::Unsubscribed { filter: filter.filter },
                    false => Record::Subscribed(StoredSubscription { filter, properties }),
                })
            }
            Asked::Unsubscribe(filters) => {
                let filter = filters.get(place).filter(|_| !code.is_error())?.clone();
                Some(Record::Unsubscribed { filter })
            }
        }
    }

    /// The server of an earlier run granted this.
    pub(crate) fn begin_with(&mut self, stored: StoredSubscription) {
        let StoredSubscription { filter: SubscribeFilter { filter, options }, properties } = stored;
        self.active.insert(filter, Entry { options, properties });
    }

    /// The server has forgotten the session, or may have: asks for every filter
    /// again, those with equal properties together, each exactly once (D8).
    /// Returns how many.
    ///
    /// Where the server may hold them still, retained messages are asked for
    /// only if it does not.
    pub(crate) fn restore(&mut self, may_be_held: bool) -> usize {
        for control in &mut self.waiting {
            control.forget_grants();
        }
        let mut groups: Vec<Control> = Vec::new();
        let mut count = 0;
        for (filter, mut entry) in core::mem::take(&mut self.active) {
            if self.is_asked_for(&filter) {
                continue;
            }
            count += 1;
            if may_be_held && entry.options.retain_handling == RetainHandling::OnSubscribe {
                entry.options.retain_handling = RetainHandling::OnNewSubscribe;
            }
            let filter = SubscribeFilter { filter, options: entry.options };
            match groups.iter_mut().find(|group| group.properties == entry.properties) {
                Some(group) => group.extend(filter),
                None => groups.push(Control::restoring(filter, entry.properties)),
            }
        }
        for group in groups.into_iter().rev() {
            self.push_front(Box::new(group));
        }
        count
    }

    /// True where a waiting operation decides about this filter anyway.
    fn is_asked_for(&self, filter: &TopicFilter) -> bool {
        self.waiting.iter().any(|control| control.unanswered().any(|other| other == filter))
    }
}
