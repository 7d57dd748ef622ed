//! Reads one log from its first byte to its last.

use core::time::Duration;
use std::fmt;

use aho_corasick::AhoCorasick;
use evenkeel_doctor::{Source, SourceId};

use super::clock::{Clock, Stamp, resolution};
use super::detect::{Detector, FormatError, automaton, named};
use super::facts::{Facts, moment};
use super::format::{Format, Hit, Times};
use super::line::{Line, Lines};
use super::memory::Memory;
use super::options::Options;
use super::threads::{Moment, Threads};
use crate::Sink;
use crate::recent::Recent;
use crate::text::thousands;

/// Lines from which the format is told.
const FIRST: usize = 200;

/// Bytes of them that are kept meanwhile.
const FIRST_BYTES: usize = 1 << 20;

/// A log that is being read. Bytes go in, in pieces of any size.
pub struct Log {
    name: String,
    options: Options,
    lines: Lines,
    state: State,
}

enum State {
    /// The first lines are collected: their format is not known.
    Looking(Vec<(u64, Box<[u8]>)>, usize),
    Reading(Box<Reading>),
    Failed(FormatError),
}

/// What was read of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSummary {
    /// The source of its events.
    pub source: SourceId,
    /// Its format's name.
    pub format: &'static str,
    /// How many lines it has.
    pub lines: u64,
    /// How many of them mean something here.
    pub understood: u64,
    /// Lines that were too long to be read.
    pub too_long: u64,
}

impl fmt::Display for LogSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (understood, lines) = (thousands(self.understood), thousands(self.lines));
        write!(f, "{}: {understood} of {lines} lines understood", self.format)?;
        match self.too_long {
            0 => Ok(()),
            n => write!(f, ", {} too long to be read", thousands(n)),
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Lines may hold secrets.
        f.debug_struct("Log").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Log {
    /// A log that people call `name`.
    pub fn new(name: &str, options: &Options) -> Self {
        Self {
            name: name.into(),
            options: options.clone(),
            lines: Lines::default(),
            state: State::Looking(Vec::new(), 0),
        }
    }

    /// Takes bytes in. An error is for good, and comes again with each call.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), FormatError> {
        let Self { name, options, lines, state } = self;
        lines.feed(bytes, |number, raw| state.line(number, raw, name, options, sink));
        self.failure()
    }

    /// No more is there for now: tells the format from the lines so far, if
    /// they are enough for it, and reads them. For logs that grow slowly.
    pub fn settle(&mut self, sink: &mut dyn Sink) {
        let Self { name, options, state, .. } = self;
        let State::Looking(first, _) = &*state else { return };
        if options.format.is_some() || detect(first).is_ok() {
            state.begin(name, options, sink);
        }
    }

    /// The log has ended.
    pub fn end(mut self, sink: &mut dyn Sink) -> Result<LogSummary, FormatError> {
        let Self { name, options, lines, state } = &mut self;
        lines.end(|number, raw| state.line(number, raw, name, options, sink));
        state.begin(name, options, sink);
        self.failure()?;
        let State::Reading(mut reading) = self.state else { return Err(FormatError::Unknown) };
        reading.finish(sink);
        Ok(LogSummary {
            source: reading.source,
            format: reading.format.name,
            lines: self.lines.number,
            understood: reading.understood,
            too_long: self.lines.too_long,
        })
    }

    fn failure(&self) -> Result<(), FormatError> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl State {
    fn line(
        &mut self,
        number: u64,
        raw: &[u8],
        name: &str,
        options: &Options,
        sink: &mut dyn Sink,
    ) {
        match self {
            Self::Reading(reading) => reading.line(number, raw, sink),
            Self::Looking(first, bytes) => {
                first.push((number, raw.into()));
                *bytes = bytes.saturating_add(raw.len());
                if first.len() >= FIRST || *bytes >= FIRST_BYTES {
                    self.begin(name, options, sink);
                }
            }
            Self::Failed(_) => {}
        }
    }

    /// Tells the format from the first lines, and reads them.
    fn begin(&mut self, name: &str, options: &Options, sink: &mut dyn Sink) {
        let Self::Looking(first, _) = self else { return };
        let first = core::mem::take(first);
        let format = match &options.format {
            Some(format) => named(format),
            None => detect(&first),
        };
        *self = match format.map(|format| Reading::new(format, &first, name, options, sink)) {
            Ok(Some(mut reading)) => {
                for (number, raw) in &first {
                    reading.line(*number, raw, sink);
                }
                Self::Reading(Box::new(reading))
            }
            Ok(None) => Self::Failed(FormatError::TooManySources),
            Err(error) => Self::Failed(error),
        };
    }
}

fn detect(first: &[(u64, Box<[u8]>)]) -> Result<&'static Format, FormatError> {
    let mut detector = Detector::new();
    for (_, raw) in first {
        detector.line(Line::read(raw).text());
    }
    detector.verdict()
}

/// A log whose format is known.
struct Reading {
    format: &'static Format,
    anchors: AhoCorasick,
    source: SourceId,
    clock: Clock,
    threads: Threads,
    memory: Memory,
    texts: Recent,
    understood: u64,
    newest: Moment,
}

impl Reading {
    fn new(
        format: &'static Format,
        first: &[(u64, Box<[u8]>)],
        name: &str,
        options: &Options,
        sink: &mut dyn Sink,
    ) -> Option<Self> {
        let (resolution, calendar) = times(format, first, options);
        let vantage = format.vantage;
        let source = sink.source(Source { name: name.into(), vantage, resolution, calendar })?;
        let anchors: Vec<&str> = format.anchors.iter().map(|(text, _)| *text).collect();
        Some(Self {
            format,
            anchors: automaton(&anchors),
            source,
            clock: Clock::new(options.start),
            threads: Threads::new(source),
            memory: Memory::default(),
            texts: Recent::default(),
            understood: 0,
            newest: Moment::default(),
        })
    }

    fn facts<'a>(&'a mut self, sink: &'a mut dyn Sink) -> Facts<'a> {
        Facts {
            sink,
            texts: &mut self.texts,
            threads: &mut self.threads,
            clock: &mut self.clock,
            memory: &mut self.memory,
            moment: self.newest,
            understood: false,
            stamped: false,
        }
    }

    fn line(&mut self, number: u64, raw: &[u8], sink: &mut dyn Sink) {
        let line = Line::read(raw);
        let text = line.text();
        let found = self.anchors.find(text);
        let format = self.format;
        let last = self.clock.last();
        self.newest = moment(last, number);
        let mut facts = self.facts(sink);
        facts.stamped = line.stamp.is_some();
        if let (Some(stamp), Times::Before | Times::Either(_)) = (line.stamp, format.times) {
            facts.set_time(stamp);
        }
        let consumed = (format.before)(text, &mut facts);
        if let (false, Some(found)) = (consumed, found)
            && let Some((_, read)) = format.anchors.get(found.pattern().as_usize())
        {
            let before = text.get(..found.start()).unwrap_or_default();
            let after = text.get(found.end()..).unwrap_or_default();
            facts.understood = true;
            read(&Hit { line: text, before, after }, &mut facts);
        }
        let understood = consumed || facts.understood;
        self.newest = facts.moment;
        self.understood = self.understood.saturating_add(understood.into());
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        let finish = self.format.finish;
        finish(&mut self.facts(sink));
    }
}

/// The resolution of a log's times, and whether they are of the calendar.
fn times(format: &Format, first: &[(u64, Box<[u8]>)], options: &Options) -> (Duration, bool) {
    let stamps: Vec<Stamp> = first.iter().filter_map(|(_, raw)| Line::read(raw).stamp).collect();
    let finest = stamps.iter().map(|stamp| stamp.resolution).min();
    match (format.times, finest) {
        (Times::Within(resolution, dated), _) => (resolution, dated),
        (Times::WithinBy(resolution, sign), _) => {
            (resolution, first.iter().any(|(_, raw)| Line::read(raw).text().contains(sign)))
        }
        (_, Some(finest)) => {
            let dated = stamps.iter().any(|stamp| stamp.has_year())
                || (options.start.is_some() && !stamps.iter().all(|stamp| stamp.is_since_start()));
            (resolution(finest), dated)
        }
        (Times::Either(resolution), None) => (resolution, true),
        // Without any time, no difference of times means anything.
        (Times::Before, None) => (Duration::from_secs(86_400 * 365), false),
    }
}
