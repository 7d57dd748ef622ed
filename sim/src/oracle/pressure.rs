//! D10 and D11: an application that takes its time stops the reading, holds up
//! none of its own acknowledgements, and gets what it has asked for no more.

use std::collections::{BTreeSet, VecDeque};

use evenkeel_codec::{Packet, Publish, QoS, TopicFilter};
use evenkeel_proto::Event;

use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Delivery, Facts, Observation};
use crate::view::View;

/// So many times its bound a client takes off the connection at most, if its
/// application may wait for an answer.
const GIVES_WAY: usize = 8;

/// QoS 1 alone: each that comes is given to the application.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    /// What has come and was not taken.
    waiting: VecDeque<Waiting>,
    /// Filters that the client has asked for, and not to end.
    filters: BTreeSet<TopicFilter>,
    /// Acknowledgements owed on this connection, oldest first.
    owed: VecDeque<Owed>,
    /// Counts them.
    last: u64,
}

#[derive(Debug)]
struct Waiting {
    message: MessageId,
    /// A filter matched it when it came.
    is_matched: bool,
    /// Its acknowledgement, which is owed on the connection it came by.
    owed: Option<u64>,
}

#[derive(Debug)]
struct Owed {
    number: u64,
    message: MessageId,
    /// The number under which the application took it, and whether it is done.
    taken: Option<(u64, bool)>,
}

impl Oracle for Pressure {
    fn see(&mut self, _: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Wrote(_, Packet::Subscribe(subscribe), _) => {
                let filters = subscribe.filters.iter().map(|entry| entry.filter.clone());
                self.filters.extend(filters);
            }
            Observation::Wrote(_, Packet::Unsubscribe(unsubscribe), _) => {
                self.filters.retain(|filter| !unsubscribe.filters.contains(filter));
            }
            Observation::Recovered(recovered) => {
                let filters = recovered.subscriptions.iter().map(|it| it.filter.filter.clone());
                self.filters.extend(filters);
            }
            Observation::Got(_, Packet::Publish(publish)) if publish.qos == QoS::AtLeastOnce => {
                self.on_publish(view, publish, verdict);
            }
            Observation::Taking(delivery) if delivery.qos == QoS::AtLeastOnce => {
                self.on_taking(delivery, verdict);
            }
            Observation::Done(number) => {
                let taken = self.owed.iter_mut().filter_map(|owed| owed.taken.as_mut());
                for (_, done) in taken.filter(|(of, _)| of == number) {
                    *done = true;
                }
            }
            Observation::Wrote(_, Packet::PubAck(_), _) => drop(self.owed.pop_front()),
            Observation::Event(Event::Disconnected { .. }) => {
                self.owed.clear();
                self.waiting.iter_mut().for_each(|waiting| waiting.owed = None);
            }
            Observation::Settled(settled) if view.online().is_some() && settled.backlog == 0 => {
                let due = self.owed.front().filter(|owed| owed.taken.is_some_and(|(_, done)| done));
                if let Some(Owed { message, .. }) = due {
                    let text = format!("{message} is done with, and nothing holds up its PUBACK");
                    verdict.broken("D10", text);
                }
            }
            _ => {}
        }
    }
}

impl Pressure {
    fn on_publish(&mut self, view: &View, publish: &Publish, verdict: &mut Verdict) {
        let Some(message) = MessageId::of(&publish.payload) else { return };
        let is_matched = self.filters.iter().any(|filter| filter.matches_text(&publish.topic));
        self.last += 1;
        self.waiting.push_back(Waiting { message, is_matched, owed: Some(self.last) });
        self.owed.push_back(Owed { number: self.last, message, taken: None });
        let most = view.declared.bounds.inbox_messages * GIVES_WAY;
        verdict.require("D10", self.waiting.len() <= most, || {
            format!("{} messages were read that nobody has taken", self.waiting.len())
        });
    }

    fn on_taking(&mut self, delivery: &Delivery, verdict: &mut Verdict) {
        let is_it = |waiting: &Waiting| waiting.message == delivery.message;
        let Some(place) = self.waiting.iter().position(is_it) else { return };
        for lost in self.waiting.drain(..place) {
            verdict.require("D11", lost.is_matched, || {
                format!("{} matched no filter, and the application has not got it", lost.message)
            });
        }
        let number = self.waiting.pop_front().and_then(|waiting| waiting.owed);
        if let Some(owed) = self.owed.iter_mut().find(|owed| Some(owed.number) == number) {
            owed.taken = Some((delivery.number, false));
        }
    }
}
