//! D14: a server that sends more than the receive maximum is counted and told of
//! once for each connection. D10: an application that finishes
//! nothing is told of, and so is the end of that.

use std::collections::VecDeque;

use evenkeel_codec::{Packet, QoS, Version};
use evenkeel_proto::Event;

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation, Settled};
use crate::view::View;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Overruns {
    /// QoS 1 messages that nobody has taken; whether they came on this connection.
    untaken: VecDeque<bool>,
    /// More of them than the receive maximum were waiting at once.
    is_exceeded: bool,
    /// The client has told of it on this connection ...
    is_told: bool,
    /// ... or on one that ended since the counters were looked at.
    was_told: bool,
    /// The client has told of an application that finishes nothing.
    is_stalled: bool,
    /// Events of this connection were lost, and that was told: what was told is not known.
    is_lagged: bool,
    /// What the client had counted when it was last looked at.
    counted: u64,
}

impl Oracle for Overruns {
    fn see(&mut self, _: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Got(_, Packet::Publish(publish)) if publish.qos == QoS::AtLeastOnce => {
                self.untaken.push_back(true);
                let here = self.untaken.iter().filter(|here| **here).count();
                let maximum = usize::from(view.declared.connect.receive_maximum);
                self.is_exceeded |= here > maximum && speaks_5(view);
            }
            Observation::Taking(delivery) if delivery.qos == QoS::AtLeastOnce => {
                self.untaken.pop_front();
            }
            Observation::Event(event) => self.event(event, view, verdict),
            Observation::Settled(settled) => self.settled(settled, verdict),
            _ => {}
        }
    }
}

impl Overruns {
    fn event(&mut self, event: &Event, view: &View, verdict: &mut Verdict) {
        match event {
            Event::ReceiveMaximumExceeded { maximum } => {
                let announced = view.declared.connect.receive_maximum;
                verdict.require("D14", speaks_5(view) && *maximum == announced, || {
                    format!("a maximum of {maximum} was never announced on this connection")
                });
                let is_first = !self.is_told || self.is_lagged;
                verdict.require("D14", is_first, || "told twice".into());
                self.is_told = true;
            }
            Event::DeliveryStalled { .. } => {
                let begins = !self.is_stalled || self.is_lagged;
                verdict.require("D10", begins, || "a stall is told twice".into());
                self.is_stalled = true;
            }
            Event::DeliveryResumed => {
                let ends = self.is_stalled || self.is_lagged;
                verdict.require("D10", ends, || "an end of no stall is told".into());
                self.is_stalled = false;
            }
            Event::Lagged { .. } => self.is_lagged = true,
            Event::Disconnected { .. } => {
                verdict.require("D10", !self.is_stalled || self.is_lagged, || {
                    "a stall goes on without its connection".into()
                });
                let untaken = vec![false; self.untaken.len()].into();
                let was_told = self.was_told || self.is_told;
                *self = Self { untaken, was_told, counted: self.counted, ..Self::default() };
            }
            _ => {}
        }
    }

    fn settled(&mut self, settled: &Settled, verdict: &mut Verdict) {
        let counted = settled.stats.receive_maximum_exceeded;
        let is_told = self.is_told || self.is_lagged;
        verdict.require("D14", is_told || !self.is_exceeded, || {
            "the server has sent too much, and nothing is told".into()
        });
        let is_told = is_told || std::mem::take(&mut self.was_told);
        verdict.require("D14", is_told || counted == self.counted, || {
            "what the server sent too much was counted, and nothing is told".into()
        });
        verdict.require("D14", counted > self.counted || !self.is_exceeded, || {
            "what the server sent too much was not counted".into()
        });
        self.is_exceeded = false;
        self.counted = counted;
    }
}

fn speaks_5(view: &View) -> bool {
    view.online().is_some_and(|(_, online)| online.version == Version::V5)
}
