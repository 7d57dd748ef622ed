//! Messages in flight, from one side.

use alloc::collections::VecDeque;

use crate::event::{Moment, Place, PublishSeen};
use crate::time::Time;

/// A PUBLISH with QoS above 0 that has no PUBACK or PUBCOMP yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) sent: Time,
    pub(crate) place: Place,
    pub(crate) publish: PublishSeen,
    /// PUBREC has come: the identifier is in use, the message is not.
    pub(crate) received: bool,
}

impl Flight {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.sent, self.place)
    }
}

/// The flights of one side. At most [`Flights::KEPT`] are followed; a count
/// says how many there are beyond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights {
    /// In the order of their sending: most are acknowledged in it.
    all: VecDeque<Flight>,
    /// Messages that were not followed, as too many were in flight.
    pub(crate) beyond: u32,
    /// How many have been acknowledged to the end.
    pub(crate) done: u32,
    /// When the newest acknowledgement came.
    pub(crate) last_done: Option<Time>,
    /// The longest time from a PUBLISH to its first acknowledgement.
    pub(crate) slowest: core::time::Duration,
    /// What the newest PUBLISH did with an identifier that was in use.
    pub(crate) newest_again: Option<Again>,
}

/// A PUBLISH whose identifier is in flight on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The same message with DUP.
    Resent,
    /// Another message.
    Reused,
}

impl Flights {
    const KEPT: usize = 128;
    /// Places that stay for the next ones when nothing is in flight.
    const SPARE: usize = 4;

    /// `room`: one more may be followed.
    pub(crate) fn sent(&mut self, flight: Flight, room: bool) {
        let known = self.take(flight.publish.id);
        self.newest_again = known.map(|known| {
            let (known, new) = (known.publish, flight.publish);
            let same = known.digest == new.digest && known.topic == new.topic;
            if new.dup || same { Again::Resent } else { Again::Reused }
        });
        let spare = self.all.len() < self.all.capacity();
        if spare || (room && self.all.len() < Self::KEPT) {
            if !spare {
                self.all.reserve_exact(self.all.len().max(1));
            }
            self.all.push_back(flight);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    fn find(&self, id: u16) -> Option<usize> {
        self.all.iter().position(|flight| flight.publish.id == id)
    }

    fn take(&mut self, id: u16) -> Option<Flight> {
        let flight = self.all.remove(self.find(id)?);
        if self.all.is_empty() && self.all.capacity() > Self::SPARE {
            self.all = VecDeque::new();
        }
        flight
    }

    /// PUBREC: the message has arrived, the identifier stays in use.
    pub(crate) fn received(&mut self, id: u16, failed: bool, at: Time) {
        if let Some(flight) = self.find(id).and_then(|found| self.all.get_mut(found)) {
            flight.received = true;
            self.slowest = self.slowest.max(at.since(flight.sent));
        }
        if failed {
            self.finished(id, at);
        }
    }

    /// PUBACK or PUBCOMP. A source that does not tell its identifier says 0: it
    /// is that of the oldest, as servers acknowledge in order.
    pub(crate) fn finished(&mut self, id: u16, at: Time) {
        let oldest = || self.oldest().map_or(0, |flight| flight.publish.id);
        let id = if id == 0 { oldest() } else { id };
        match self.take(id) {
            Some(flight) if !flight.received => {
                self.slowest = self.slowest.max(at.since(flight.sent));
            }
            Some(_) => {}
            None => self.beyond = self.beyond.saturating_sub(1),
        }
        self.done = self.done.saturating_add(1);
        self.last_done = Some(at);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.all.iter()
    }

    /// How many are in flight.
    pub(crate) fn len(&self) -> usize {
        self.all.len().saturating_add(self.beyond as usize)
    }

    /// For how many of them there is memory.
    pub(crate) fn room(&self) -> usize {
        self.all.capacity()
    }

    /// The one that waits longest.
    pub(crate) fn oldest(&self) -> Option<&Flight> {
        self.all.front()
    }
}
