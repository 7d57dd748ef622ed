//! What a rule may look at.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::time::Duration;

use evenkeel_profile::Profile;

use super::Threshold;
use crate::event::{ConnectionId, Event, Side, What};
use crate::source::{Source, Vantage};
use crate::texts::{TextId, Texts};
use crate::time::Time;
use crate::track::{Client, Connection, Population, Round, Tracker};

/// Bytes of a text that a sentence shows.
const LONGEST: usize = 128;

/// Everything there is at one moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: Time,
    /// The event of this moment; `None` if only time has passed, and at `Finish`.
    pub(crate) event: Option<&'a Event>,
    /// Its connection; `None` only at `Finish`, if no connection is open.
    pub(crate) connection: Option<&'a Connection>,
    pub(crate) number: Option<ConnectionId>,
    pub(crate) tracker: &'a Tracker,
    pub(crate) client: &'a Client,
    pub(crate) all: &'a Population,
    pub(crate) source: &'a Source,
    pub(crate) profile: &'a Profile,
    pub(crate) texts: &'a Texts,
    pub(crate) thresholds: &'a BTreeMap<&'static str, u64>,
}

/// A text as sentences show it: the first 128 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.0.char_indices().map(|(at, char)| at + char.len_utf8());
        let end = bounds.take_while(|end| *end <= LONGEST).last().unwrap_or_default();
        match self.0.split_at_checked(end) {
            Some((_, "")) | None => f.write_str(self.0),
            Some((begin, _)) => write!(f, "{begin}..."),
        }
    }
}

impl View<'_> {
    /// A threshold, as it is set.
    pub(crate) fn number(&self, threshold: &Threshold) -> u64 {
        self.thresholds.get(threshold.name).copied().unwrap_or(threshold.value)
    }

    /// A threshold in milliseconds.
    pub(crate) fn millis(&self, threshold: &Threshold) -> Duration {
        Duration::from_millis(self.number(threshold))
    }

    /// A threshold in seconds.
    pub(crate) fn seconds(&self, threshold: &Threshold) -> Duration {
        Duration::from_secs(self.number(threshold))
    }

    /// How much two times may differ and still be called the same: 100 ms,
    /// three round trips, or twice what the source can tell.
    pub(crate) fn slack(&self) -> Duration {
        let trip = self.connection.map(Connection::round_trip).unwrap_or_default();
        Duration::from_millis(100)
            .max(trip.saturating_mul(3))
            .max(self.source.resolution.saturating_mul(2))
    }

    pub(crate) fn is(&self, vantage: Vantage) -> bool {
        self.source.vantage == vantage
    }

    /// The client's other connections that have not ended, the newest 32.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Connection> {
        let others = self.client.live.iter().rev().take(32);
        let others = others.filter(|number| Some(**number) != self.number);
        others.filter_map(|number| self.tracker.connection(self.client.source, *number))
    }

    /// The client's connections that have not ended, the newest 32, as they are now.
    pub(crate) fn open(&self) -> Vec<Round> {
        let open = self.client.live.iter().rev().take(32);
        let open = open.filter_map(|number| self.tracker.connection(self.client.source, *number));
        open.filter(|connection| connection.end.is_none()).map(Connection::round).collect()
    }

    /// All connections of the client that are remembered, ended or not, in the
    /// order of their beginnings.
    pub(crate) fn lives<'a>(&'a self, open: &'a [Round]) -> Vec<&'a Round> {
        let mut lives: Vec<&Round> = self.client.rounds.iter().chain(open).collect();
        lives.sort_by_key(|round| round.began());
        lives
    }

    /// Whether any connection of the client may have been taken over: a cheap look
    /// before they are compared.
    pub(crate) fn may_have_swaps(&self) -> bool {
        self.client.may_have_swaps(self.source.vantage.is_wire())
    }

    /// When this connection began, if that was seen.
    pub(crate) fn began(&self) -> Option<Time> {
        Some(self.connection?.tcp.opened?.at)
    }

    /// Who ended the connection, if it is the event of this moment: the server also if
    /// the client closed after its goodbye.
    pub(crate) fn closed_by(&self) -> Option<Side> {
        match self.event?.what {
            What::Closing { .. } => self.connection?.end?.by,
            _ => None,
        }
    }

    /// The round that has just ended; only at `End`.
    pub(crate) fn ended(&self) -> Option<&Round> {
        self.client.rounds.last()
    }

    /// The keep-alive in force, as the connection says; under TLS the longest pause
    /// before its pings that comes again and again.
    pub(crate) fn keep_alive(&self) -> Option<Duration> {
        let connection = self.connection?;
        if connection.mqtt.connect.is_some() || connection.mqtt.connack.is_some() {
            return connection.keep_alive();
        }
        // A ping comes one keep-alive after what was sent before; not after the
        // ping before, if there was traffic.
        let pings = connection.mqtt.pings.recent.iter();
        let spans: Vec<Duration> =
            pings.skip(1).filter_map(|ping| Some(ping.asked.since(ping.last_sent?))).collect();
        let again = |pause: &&Duration| {
            let same = spans.iter().filter(|span| crate::steady::alike(**span, **pause, 5)).count();
            same >= spans.len().min(2) && same * 3 >= spans.len()
        };
        spans.iter().filter(again).max().copied().filter(|pause| *pause >= Duration::from_secs(1))
    }

    /// A text for a sentence, cut if it is long; `texts` has all of it.
    pub(crate) fn text(&self, id: TextId) -> Shown<'_> {
        Shown(self.texts.text(id))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::Shown;
    use crate::trace::Trace;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let fits = "a".repeat(128);
        assert_eq!(Shown(&fits).to_string(), fits);
        assert_eq!(Shown(&"a".repeat(129)).to_string(), fits + "...");
        // 127 bytes and one character of two.
        let wide = "a".repeat(127) + "\u{e4}";
        assert_eq!(Shown(&wide).to_string(), "a".repeat(127) + "...");
        assert_eq!(Shown("").to_string(), "");
    }

    #[test]
    fn a_sentence_holds_the_beginning_of_a_topic() {
        let topic = "a/".repeat(30_000);
        let lines = alloc::format!("c1 0 open a b\nc1 1 words denied-publish {topic}");
        let finding = Trace::of(crate::Vantage::BrokerLog).lines(&lines).finds("AU02");
        assert!((128..256).contains(&finding.sentence.len()), "{}", finding.sentence.len());
    }
}
