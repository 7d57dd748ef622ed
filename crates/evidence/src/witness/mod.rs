//! Several sources of the same connections: how far their clocks are apart,
//! which connections they share, and what they do not agree on.
//!
//! It is for people: no time of an event is changed, and no rule looks at it.
//!
//! ```
//! use evenkeel_doctor::{Bounds, Doctor, SourceId};
//! use evenkeel_evidence::logs::{Log, Options};
//! use evenkeel_evidence::witness::Witnesses;
//! use evenkeel_profile::Profile;
//!
//! let log = |ahead: u32| {
//!     let line = |second: u32| {
//!         let at = 1_767_323_045 + ahead + second;
//!         format!("{at}: New client connected from 10.0.0.1:5{second:03} as pump (p2, c1, k60).\n")
//!     };
//!     [0, 7, 5310].map(line).concat()
//! };
//! let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
//! let mut witnesses = Witnesses::new();
//! for (name, ahead) in [("right.log", 0), ("summer.log", 3600)] {
//!     let mut sink = witnesses.watch(&mut doctor);
//!     let mut reading = Log::new(name, &Options::default());
//!     reading.feed(log(ahead).as_bytes(), &mut sink)?;
//!     reading.end(&mut sink)?;
//! }
//! let comparison = witnesses.compare();
//! let clocks = &comparison.clocks[0];
//! assert_eq!(clocks.sources, (SourceId(0), SourceId(1)));
//! let aligned = clocks.aligned.as_ref().expect("three connections match");
//! assert_eq!((aligned.ahead_nanos, aligned.joined, aligned.of), (3_600_000_000_000, 3, 3));
//! assert!(comparison.differences.is_empty());
//! # Ok::<(), evenkeel_evidence::logs::FormatError>(())
//! ```

mod align;
mod clients;
mod differ;
mod line;
mod matching;
mod seen;
#[cfg(test)]
mod tests;

use evenkeel_doctor::{Event, Source, SourceId, TextId, Time};

use crate::Sink;
pub use align::Unaligned;
use align::{Aligned, Pair};
use clients::{Clients, Hosts};
use differ::Differences;
pub use differ::{Contrary, Difference};
use line::Line;
use seen::Witness;

/// Sources that are compared with each other: the first.
const SOURCES: usize = 16;

/// Notes what several sources show of connections.
#[derive(Debug, Default)]
pub struct Witnesses {
    all: Vec<Witness>,
}

/// What a comparison of all sources gave.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The clocks of each two sources that have a client in common.
    pub clocks: Vec<Clocks>,
    /// What sources with aligned clocks do not agree on.
    pub differences: Vec<Difference>,
    /// Differences that were left out, as there were too many.
    pub differences_left_out: usize,
    /// Of compared sources with too many connections, how many of the oldest were
    /// left out.
    pub forgotten: Vec<(SourceId, usize)>,
    /// Hosts of sources that show no identifiers, and the identifier that another
    /// source shows of the same connections.
    pub identified: Vec<(TextId, TextId)>,
}

/// The clocks of two sources.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// The two; the first one is what the other is compared with.
    pub sources: (SourceId, SourceId),
    /// How they are aligned, or why they are not.
    pub aligned: Result<Alignment, Unaligned>,
}

/// How the clock of a source is aligned to that of another.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// How far it is ahead in the middle of what both show; below zero if it is behind.
    pub ahead_nanos: i64,
    /// What it gains, in nanoseconds per second; below zero if it loses. Zero if that is
    /// no more than noise.
    pub gains_nanos_per_second: i64,
    /// How many connections match.
    pub joined: usize,
    /// Of how many that could.
    pub of: usize,
    line: Line,
}

impl Alignment {
    fn new(aligned: &Aligned) -> Self {
        let line = aligned.matching.line;
        Self {
            ahead_nanos: line.offset,
            gains_nanos_per_second: (line.drift * 1e9) as i64,
            joined: aligned.matching.joined.len(),
            of: aligned.of.max(aligned.matching.joined.len()),
            line,
        }
    }

    /// A time of the clock that is compared, by the one that it is compared with.
    pub fn back(&self, at: Time) -> Time {
        self.line.back(at)
    }
}

impl Witnesses {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A sink that hands everything on, and notes what it shows.
    pub fn watch<'a>(&'a mut self, sink: &'a mut dyn Sink) -> Watched<'a> {
        Watched { witnesses: self, sink }
    }

    /// Notes a source.
    pub fn source(&mut self, id: SourceId, source: &Source) {
        if self.all.len() < SOURCES {
            self.all.push(Witness::new(id, source));
        }
    }

    /// Notes an event of a source.
    pub fn note(&mut self, event: &Event) {
        if let Some(witness) = self.all.iter_mut().find(|it| it.id == event.source) {
            witness.note(event);
        }
    }

    /// Compares each two sources, except those of one name, which are parts of one
    /// file, and logs of one kind of which one begins where the other has ended,
    /// which was rotated.
    pub fn compare(&self) -> Comparison {
        let clients: Vec<Clients<'_>> = self.all.iter().map(Clients::of).collect();
        let (mut clocks, mut differences) = (Vec::new(), Differences::default());
        let mut hosts = Hosts::default();
        for (number, (one, here)) in self.all.iter().zip(&clients).enumerate() {
            for (other, there) in self.all.iter().zip(&clients).skip(number + 1) {
                let pair = Pair { one, other, here, there };
                if one.name == other.name || one.follows(other) || !here.meets(there) {
                    continue;
                }
                let aligned = pair.align();
                if let Ok(aligned) = &aligned {
                    differences.of(&pair, aligned);
                    hosts.of(&pair, aligned);
                }
                let aligned = aligned.map(|aligned| Alignment::new(&aligned));
                clocks.push(Clocks { sources: (one.id, other.id), aligned });
            }
        }
        let differences_left_out = differences.left_out;
        let (differences, identified) = (differences.into_vec(), hosts.into_vec());
        let forgotten = self.forgotten(&clocks);
        Comparison { clocks, differences, differences_left_out, forgotten, identified }
    }

    fn forgotten(&self, clocks: &[Clocks]) -> Vec<(SourceId, usize)> {
        let compared = |it: &&Witness| {
            clocks.iter().any(|clocks| clocks.sources.0 == it.id || clocks.sources.1 == it.id)
        };
        let all = self.all.iter().filter(|it| it.forgotten > 0).filter(compared);
        all.map(|it| (it.id, it.forgotten)).collect()
    }
}

/// A sink that hands everything on, and notes what it shows of connections.
pub struct Watched<'a> {
    witnesses: &'a mut Witnesses,
    sink: &'a mut dyn Sink,
}

impl Sink for Watched<'_> {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        let noted = source.clone();
        let id = self.sink.source(source)?;
        self.witnesses.source(id, &noted);
        Some(id)
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.sink.keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.witnesses.note(event);
        self.sink.event(event);
    }
}
