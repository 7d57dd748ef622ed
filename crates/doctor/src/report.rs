//! What is told at the end.

use alloc::string::String;
use alloc::vec::Vec;

use crate::doctor::Followed;
use crate::event::Side;
use crate::finding::Finding;
use crate::source::{Source, SourceId};
use crate::texts::Texts;
use crate::time::Time;
use crate::track::{Client, Key, Round, Tracker};

/// Everything the doctor has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The causes, the strongest first.
    pub findings: Vec<Finding>,
    /// The sources, in the order of their [`SourceId`]s.
    pub sources: Vec<SourceSummary>,
    /// The clients, by name, then by source.
    pub clients: Vec<ClientSummary>,
    /// Events left out as there were too many connections at one time.
    pub events_left_out: u64,
    /// Clients forgotten as there were too many.
    pub clients_forgotten: u64,
    /// How often something was found that was left out, as there were too many
    /// findings.
    pub findings_left_out: u64,
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSummary {
    /// The source.
    pub source: Source,
    /// How many events it gave.
    pub events: u64,
    /// The time of its first event; `None` if it gave none.
    pub first: Option<Time>,
    /// The time of its last event.
    pub last: Time,
}

/// A client as one source saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSummary {
    /// Its identifier or host.
    pub name: String,
    /// Which source.
    pub source: SourceId,
    /// How many of its connections ended.
    pub ended: u32,
    /// Its newest connections, at most 32, then those still open.
    pub strip: Vec<Strip>,
}

/// One connection, for a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strip {
    /// When it began; `None` if that was not seen.
    pub from: Option<Time>,
    /// When it ended; `None` if it did not.
    pub to: Option<Time>,
    /// How it ended.
    pub fate: Fate,
    /// PINGREQs on it.
    pub pings: u32,
    /// When the newest PINGREQ was sent, and answered.
    pub last_ping: Option<(Time, Option<Time>)>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is open, as far as the source goes.
    Open,
    /// The client said DISCONNECT.
    Goodbye,
    /// It never came up.
    Failed,
    /// CONNACK refused it, with this code.
    Refused(u8),
    /// The client ended it without DISCONNECT.
    Client,
    /// The server ended it.
    Server,
    /// It ended; who ended it is not known.
    Ended,
}

impl Report {
    pub(crate) fn new(
        findings: Vec<Finding>,
        findings_left_out: u64,
        tracker: &Tracker,
        texts: &Texts,
        sources: &[Followed],
    ) -> Self {
        let mut clients: Vec<ClientSummary> = tracker
            .clients()
            .map(|client| ClientSummary::new(client, tracker, texts))
            .filter(|client| !client.strip.is_empty())
            .collect();
        clients.sort_by(|one, other| (&one.name, one.source).cmp(&(&other.name, other.source)));
        let sources = sources.iter().map(|followed| SourceSummary {
            source: followed.source.clone(),
            events: followed.events,
            first: followed.first,
            last: followed.last,
        });
        Self {
            findings,
            sources: sources.collect(),
            clients,
            events_left_out: tracker.ignored,
            clients_forgotten: tracker.clients_forgotten(),
            findings_left_out,
        }
    }
}

impl ClientSummary {
    fn new(client: &Client, tracker: &Tracker, texts: &Texts) -> Self {
        let name = match client.key {
            Key::Id(id) => texts.text(id),
            Key::Host { host, .. } => texts.text(tracker.only_id(host).unwrap_or(host)),
        };
        let live = client.live.iter().filter_map(|number| {
            let connection = tracker.connection(client.source, *number)?;
            Some(Strip::new(&connection.round()))
        });
        Self {
            name: name.into(),
            source: client.source,
            ended: client.ended,
            strip: client.rounds.iter().map(Strip::new).chain(live).collect(),
        }
    }
}

impl Strip {
    fn new(round: &Round) -> Self {
        Self {
            from: round.began(),
            to: round.end.map(|end| end.at),
            fate: Fate::new(round),
            pings: round.pings,
            last_ping: round.last_ping.map(|ping| (ping.asked, ping.answered)),
        }
    }
}

impl Fate {
    fn new(round: &Round) -> Self {
        let Some(end) = round.end else { return Self::Open };
        match (round.said.code, end.by) {
            _ if end.failure.is_some() => Self::Failed,
            _ if end.goodbye => Self::Goodbye,
            (Some(code), _) if code != 0 => Self::Refused(code),
            (_, Some(Side::Client)) => Self::Client,
            (_, Some(Side::Server)) => Self::Server,
            (_, None) => Self::Ended,
        }
    }
}
