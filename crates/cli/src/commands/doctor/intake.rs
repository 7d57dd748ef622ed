//! What of the evidence reaches the doctor, and under which names.

use std::hash::{DefaultHasher, Hash, Hasher};

use evenkeel_doctor::{Doctor, Event, Source, SourceId, TextId, Time};
use evenkeel_evidence::Sink;
use jiff::Timestamp;

use crate::args::ReadingFlags;

/// Hands events on: those that are not too old (`--since`), with the names that
/// may be shown (`--redact`).
#[derive(Debug)]
pub(super) struct Intake<'a> {
    doctor: &'a mut Doctor,
    from: Option<Time>,
    redact: bool,
    /// How many events came, old ones too: whether a file had anything.
    pub(super) events: u64,
}

impl<'a> Intake<'a> {
    pub(super) fn new(doctor: &'a mut Doctor, flags: &ReadingFlags) -> Self {
        Self { doctor, from: flags.since.map(time), redact: flags.redact, events: 0 }
    }
}

/// A time of the calendar.
pub(super) fn time(stamp: Timestamp) -> Time {
    Time(i64::try_from(stamp.as_nanosecond()).unwrap_or(i64::MAX))
}

impl Sink for Intake<'_> {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        self.doctor.source(source)
    }

    fn keep(&mut self, text: &str) -> TextId {
        if !self.redact || text.is_empty() {
            return self.doctor.texts().keep(text);
        }
        // The same name for the same text within a run; what it was cannot be read.
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        self.doctor.texts().keep(&format!("name-{:08x}", hasher.finish() >> 32))
    }

    fn event(&mut self, event: &Event) {
        self.events += 1;
        if self.from.is_none_or(|from| event.at >= from) {
            self.doctor.take(event);
        }
    }
}
