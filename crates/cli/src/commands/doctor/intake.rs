//! What of the evidence reaches the doctor, and what of it is remembered here.

use std::time::Instant;

use evenkeel_doctor::{Doctor, Event, Source, SourceId, TextId, Time};
use evenkeel_evidence::Sink;
use evenkeel_evidence::witness::Witnesses;
use jiff::Timestamp;

use super::redact::Names;

/// Hands all on to the doctor.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) doctor: Doctor,
    /// The names to be hidden in the end (`--redact`).
    pub(super) names: Option<Names>,
    /// How many events came: whether a file had anything.
    pub(super) events: u64,
    /// A signal came before a file had been read to its end.
    pub(super) stopped: bool,
    /// What the sources show of the same connections, if there are several.
    pub(super) witnesses: Option<Witnesses>,
    /// Of each source its newest time, and when that was read.
    newest: Vec<Option<(Time, Instant)>>,
    /// When the newest bytes were read.
    read: Instant,
}

impl Intake {
    pub(super) fn new(doctor: Doctor, redact: bool) -> Self {
        let names = redact.then(Names::default);
        let (newest, read) = (Vec::new(), Instant::now());
        Self { doctor, names, events: 0, stopped: false, witnesses: None, newest, read }
    }

    /// The sources to come are to be compared with each other.
    pub(super) fn compare_sources(&mut self) {
        self.witnesses = Some(Witnesses::new());
    }

    /// How many sources there are.
    pub(super) fn sources(&self) -> usize {
        self.newest.len()
    }

    /// More bytes are read now.
    pub(super) fn reads_now(&mut self) {
        self.read = Instant::now();
    }

    /// Time has passed for a source. Its clock is that of its own words, as a
    /// log may be of another zone, and goes on as the time since they were read.
    pub(super) fn tick(&mut self, source: usize) {
        let newest = self.newest.get(source).copied().flatten();
        if let (Some((at, read)), Ok(source)) = (newest, u16::try_from(source)) {
            self.doctor.tick(SourceId(source), at.plus(read.elapsed()));
        }
    }
}

/// A time of the calendar.
pub(super) fn time(stamp: Timestamp) -> Time {
    Time(i64::try_from(stamp.as_nanosecond()).unwrap_or(i64::MAX))
}

impl Sink for Intake {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        let noted = self.witnesses.is_some().then(|| source.clone());
        let id = self.doctor.source(source)?;
        if let (Some(witnesses), Some(source)) = (&mut self.witnesses, noted) {
            witnesses.source(id, &source);
        }
        self.newest.push(None);
        Some(id)
    }

    fn keep(&mut self, text: &str) -> TextId {
        let id = self.doctor.texts().keep(text);
        // What the doctor has no room for is in none of its words.
        if let (Some(names), false) = (&mut self.names, id.is_none() || id == TextId::OTHER) {
            names.add(text);
        }
        id
    }

    fn event(&mut self, event: &Event) {
        self.events += 1;
        if let Some(newest) = self.newest.get_mut(usize::from(event.source.0))
            && newest.is_none_or(|(at, _)| event.at > at)
        {
            *newest = Some((event.at, self.read));
        }
        if let Some(witnesses) = &mut self.witnesses {
            witnesses.note(event);
        }
        self.doctor.take(event);
    }
}
