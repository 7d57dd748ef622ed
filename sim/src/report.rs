//! What a run leaves behind.

use std::collections::BTreeMap;
use std::fmt;

use evenkeel_proto::Stats;

use crate::message::MessageId;
use crate::observation::Violation;
use crate::observers::Record;
use crate::time::Time;
use crate::trace::Entry;

/// A run.
#[derive(Debug)]
pub struct Report {
    /// The seed it was made from.
    pub seed: u64,
    /// Stands for everything that happened.
    pub hash: u64,
    /// Steps of the world.
    pub steps: u64,
    /// Events of the timeline.
    pub events: u64,
    /// When it ended, on the world's clock.
    pub ended: Time,
    /// When the faults stopped.
    pub calm: Time,
    /// The first law that was broken.
    pub violation: Option<Violation>,
    /// How often each client got each message.
    pub got: Vec<BTreeMap<MessageId, u32>>,
    /// Each client's own counters.
    pub stats: Vec<Stats>,
    /// What was seen of each client.
    pub records: Vec<Record>,
    /// Events of the broker by name.
    pub broker: BTreeMap<&'static str, u64>,
    /// The last events, oldest first.
    pub timeline: Vec<Entry>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}  hash {:016x}  {} steps  {} events  ended at {}",
            self.seed, self.hash, self.steps, self.events, self.ended
        )?;
        for (client, record) in self.records.iter().enumerate() {
            writeln!(
                f,
                "  c{client}: {} connects, {} accepted, {} ends, {} pings ({} written off), \
                 {} published ({} delivered, {} failed), {} taken, {} deaths, longest silence {:?}",
                record.opens.len(),
                record.accepted.len(),
                record.ends.len(),
                record.pings.len(),
                record.tolerated.written_off,
                record.published,
                record.delivered,
                record.failed,
                record.taken,
                record.deaths,
                record.silence.longest,
            )?;
        }
        match &self.violation {
            None => write!(f, "  all laws kept"),
            Some(violation) => write!(f, "  BROKEN {violation}"),
        }
    }
}

impl Report {
    /// The last events that have to do with the broken law, oldest first.
    pub fn relevant(&self, most: usize) -> impl Iterator<Item = &Entry> {
        let client = self.violation.as_ref().and_then(|violation| violation.client);
        let id = client.map(|client| format!(" c{client} "));
        let concerns = move |entry: &&Entry| match (client, &entry.what) {
            (None, _) => true,
            (Some(client), _) if entry.client == Some(client) => true,
            (Some(_), crate::trace::What::Note(text)) if entry.client.is_none() => {
                !text.starts_with("broker") || id.as_ref().is_some_and(|id| text.contains(id))
            }
            _ => false,
        };
        let found: Vec<&Entry> = self.timeline.iter().filter(concerns).collect();
        let skip = found.len().saturating_sub(most);
        found.into_iter().skip(skip)
    }
}
