//! What a rule says when it has seen what it looks for.

use alloc::string::String;
use alloc::vec::Vec;

use super::Severity;
use crate::event::{Event, Moment};
use crate::track::{End, Ping};

/// One sighting.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hit {
    /// What is wrong, as the rest of a sentence that begins with the client:
    /// "its client gives up although the broker answers".
    pub(crate) sentence: String,
    /// A kind within the rule, empty if there is one kind alone.
    pub(crate) class: &'static str,
    /// The events that show it, each with a word on what it shows.
    pub(crate) proof: Vec<(Moment, &'static str)>,
    /// A reason code, an alert or the broker's own words say so: one is enough.
    pub(crate) proven: bool,
    /// The other side, which this source does not show, may be the cause as well:
    /// it is inferred, not shown.
    pub(crate) one_sided: bool,
    /// How often this must be seen, if not as often as the rule says.
    pub(crate) rounds: Option<u32>,
    /// How bad this kind is, if not as bad as the rule says.
    pub(crate) severity: Option<Severity>,
}

impl Hit {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), ..Self::default() }
    }

    pub(crate) fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    pub(crate) fn proven(mut self) -> Self {
        self.proven = true;
        self
    }

    pub(crate) fn one_sided(mut self) -> Self {
        self.one_sided = true;
        self
    }

    pub(crate) fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = Some(rounds);
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// A moment, if there is one.
    pub(crate) fn at(mut self, moment: impl Into<Option<Moment>>, shows: &'static str) -> Self {
        self.proof.extend(moment.into().map(|moment| (moment, shows)));
        self
    }

    /// An event, if there is one.
    pub(crate) fn event<'a>(
        self,
        event: impl Into<Option<&'a Event>>,
        shows: &'static str,
    ) -> Self {
        self.at(event.into().map(Event::moment), shows)
    }

    pub(crate) fn ping(self, ping: &Ping, shows: &'static str) -> Self {
        self.at(ping.moment(), shows)
    }

    /// An end, if there is one.
    pub(crate) fn end<'a>(self, end: impl Into<Option<&'a End>>, shows: &'static str) -> Self {
        self.at(end.into().map(End::moment), shows)
    }
}

/// Where a rule puts what it has seen.
#[derive(Debug, Default)]
pub(crate) struct Hits(pub(crate) Vec<Hit>);

impl Hits {
    pub(crate) fn add(&mut self, hit: Hit) {
        self.0.push(hit);
    }
}
