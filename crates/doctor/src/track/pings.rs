//! PINGREQ and PINGRESP of one connection.

use core::time::Duration;

use crate::event::{Moment, Place};
use crate::ring::Ring;
use crate::time::Time;

/// One PINGREQ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ping {
    pub(crate) asked: Time,
    pub(crate) place: Place,
    /// When its PINGRESP came.
    pub(crate) answered: Option<Time>,
    /// A later one was answered before it, or the client waits no longer: its answer
    /// never came.
    pub(crate) lost: bool,
    /// Bytes from the server since it was asked, the answer among them.
    pub(crate) heard: bool,
    /// The newest packet from the client before it, when this was sent.
    pub(crate) last_sent: Option<Time>,
}

/// The pings before the newest one, and how they follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// When the one before the newest was sent.
    pub(crate) asked: Option<Moment>,
    /// The newest answer before the newest was sent.
    pub(crate) answered: Option<Time>,
    /// The least distance of a PINGREQ from one before it that still waited.
    pub(crate) closest: Option<Duration>,
}

impl Earlier {
    /// The one before the newest, and an answer that came after it.
    pub(crate) fn answered(&self) -> bool {
        self.answered > self.asked.map(|asked| asked.at)
    }
}

impl Ping {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.asked, self.place)
    }

    /// Its answer has not come, and may still come.
    pub(crate) fn waits(&self) -> bool {
        self.answered.is_none() && !self.lost
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.answered.map(|at| at.since(self.asked))
    }
}

/// The pings of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pings {
    /// The newest eight.
    pub(crate) recent: Ring<Ping, 8>,
    pub(crate) asked: u32,
    pub(crate) answered: u32,
    pub(crate) first: Option<Time>,
    /// The least distance of a PINGREQ from one before it that still waited.
    pub(crate) closest: Option<Duration>,
}

impl Pings {
    /// The bytes at most of what they hold beside themselves.
    pub(crate) const BESIDE: usize = Ring::<Ping, 8>::FULL;

    pub(crate) fn ask(&mut self, at: Time, place: Place, last_sent: Option<Time>) {
        if let Some(waits) = self.last().filter(|ping| ping.waits()) {
            let distance = at.since(waits.asked);
            self.closest = Some(self.closest.map_or(distance, |least| least.min(distance)));
        }
        let ping = Ping { asked: at, place, last_sent, ..Ping::default() };
        self.recent.push(ping);
        self.asked = self.asked.saturating_add(1);
        self.first.get_or_insert(at);
    }

    /// A PINGRESP answers the oldest ping that waits; but one that comes soon
    /// after a ping, and long after the one before, is the answer of that ping.
    pub(crate) fn answer(&mut self, at: Time) {
        self.answered = self.answered.saturating_add(1);
        let asked: alloc::vec::Vec<Time> =
            self.recent.iter().filter(|ping| ping.waits()).map(|ping| ping.asked).collect();
        for (older, newer) in asked.iter().zip(asked.iter().skip(1)) {
            let apart = newer.since(*older);
            if apart >= Duration::from_secs(1) && at.since(*newer) < apart / 2 {
                let lost = self.recent.iter_mut().find(|ping| ping.asked == *older);
                lost.into_iter().for_each(|ping| ping.lost = true);
            }
        }
        if let Some(ping) = self.recent.iter_mut().find(|ping| ping.waits()) {
            ping.answered = Some(at);
        }
    }

    /// The client waits no longer for the newest.
    pub(crate) fn write_off(&mut self) {
        if let Some(ping) = self.recent.iter_mut().next_back().filter(|ping| ping.waits()) {
            ping.lost = true;
        }
    }

    pub(crate) fn heard(&mut self) {
        for ping in self.recent.iter_mut().rev().take_while(|ping| !ping.heard) {
            ping.heard = true;
        }
    }

    /// The newest PINGREQ.
    pub(crate) fn last(&self) -> Option<&Ping> {
        self.recent.last()
    }

    /// The PINGREQ before the newest.
    pub(crate) fn before_last(&self) -> Option<&Ping> {
        self.recent.iter().rev().nth(1)
    }

    /// What remains of those before the newest.
    pub(crate) fn earlier(&self) -> Earlier {
        let newest = self.last().map(|ping| ping.asked);
        let mut answers = self.recent.iter().rev().skip(1).filter_map(|ping| ping.answered);
        Earlier {
            asked: self.before_last().map(Ping::moment),
            answered: answers.find(|answered| Some(*answered) <= newest),
            closest: self.closest,
        }
    }
}
