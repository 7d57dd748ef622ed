//! Any input: what it is, is told from its first bytes.
//!
//! ```
//! use evenkeel_doctor::{Bounds, Doctor};
//! use evenkeel_evidence::reader::{Evidence, Options};
//! use evenkeel_profile::Profile;
//!
//! let log = b"1767323045: New connection from 10.0.0.1:5000 on port 1883.
//! 1767323045: New client connected from 10.0.0.1:5000 as pump (p2, c1, k60).
//! 1767323135: Client pump has exceeded timeout, disconnecting.
//! ";
//! let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
//! let mut evidence = Evidence::new("mosquitto.log", &Options::default());
//! for bytes in log.chunks(16) {
//!     evidence.feed(bytes, &mut doctor)?;
//! }
//! let summary = evidence.end(&mut doctor)?;
//! assert_eq!(summary.to_string(), "mosquitto: 3 of 3 lines understood");
//! doctor.finish();
//! assert_eq!(doctor.report().clients[0].name, "pump");
//! # Ok::<(), evenkeel_evidence::reader::EvidenceError>(())
//! ```

mod error;
mod formats;
mod kind;

use std::fmt;

pub use error::EvidenceError;
pub use formats::{FormatInfo, formats};

use crate::Sink;
use crate::capture::{self, Capture};
use crate::logs::{self, Log, LogSummary};
use crate::text::thousands;
use kind::Kind;

/// How evidence is to be read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// For captures.
    pub capture: capture::Options,
    /// For logs.
    pub log: logs::Options,
}

/// One file or stream, fed in pieces of any size.
pub struct Evidence {
    name: String,
    options: Options,
    state: State,
}

enum State {
    /// Too few bytes to tell what it is.
    Begins(Vec<u8>),
    Capture(Box<Capture>),
    Log(Box<Log>),
    /// It cannot be told, or cannot be read.
    Failed(EvidenceError),
}

/// What was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Summary {
    /// A capture.
    Capture(capture::Summary),
    /// A log.
    Log(LogSummary),
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(summary) => summary.fmt(f),
            Self::Capture(summary) => {
                let (packets, connections) = (summary.packets, summary.connections);
                let (packets, connections) = (thousands(packets), thousands(connections));
                write!(f, "capture: {packets} packets, {connections} connections of MQTT")?;
                match summary.gaps {
                    0 => Ok(()),
                    gaps => write!(f, ", {} gaps", thousands(gaps)),
                }
            }
        }
    }
}

impl fmt::Debug for Evidence {
    /// Shows nothing of what was fed: passwords and payloads are among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Evidence {
    /// Evidence that people call `name`.
    pub fn new(name: &str, options: &Options) -> Self {
        Self { name: name.into(), options: options.clone(), state: State::Begins(Vec::new()) }
    }

    /// Takes bytes in. An error is for good.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), EvidenceError> {
        match &mut self.state {
            State::Capture(capture) => Ok(capture.feed(bytes, sink)?),
            State::Log(log) => Ok(log.feed(bytes, sink)?),
            State::Failed(error) => Err(error.clone()),
            State::Begins(first) => {
                first.extend_from_slice(bytes);
                if Kind::needs_more(first, true) {
                    return Ok(());
                }
                self.begin(sink)
            }
        }
    }

    /// No more is there for now: what waits for more to be told what it is, is
    /// read if it can be told already. For files that grow slowly.
    pub fn settle(&mut self, sink: &mut dyn Sink) {
        if let State::Begins(first) = &self.state
            && !Kind::needs_more(first, false)
        {
            // What it fails with is told by the next bytes.
            let _ = self.begin(sink);
        }
        if let State::Log(log) = &mut self.state {
            log.settle(sink);
        }
    }

    /// The input has ended. A capture that ends within a packet is an error,
    /// after all before it was told.
    pub fn end(mut self, sink: &mut dyn Sink) -> Result<Summary, EvidenceError> {
        if matches!(self.state, State::Begins(_)) {
            self.begin(sink)?;
        }
        match self.state {
            State::Capture(mut capture) => {
                capture.end(sink)?;
                Ok(Summary::Capture(capture.summary()))
            }
            State::Log(log) => Ok(Summary::Log(log.end(sink)?)),
            State::Failed(error) => Err(error),
            State::Begins(_) => Err(EvidenceError::Empty),
        }
    }

    /// The first bytes name what it is; the reader for it takes them.
    fn begin(&mut self, sink: &mut dyn Sink) -> Result<(), EvidenceError> {
        let State::Begins(first) = &mut self.state else { return Ok(()) };
        let first = core::mem::take(first);
        let (state, skipped) = match Kind::of(&first) {
            Ok(Kind::Capture) => {
                let capture = Capture::new(&self.name, &self.options.capture);
                (State::Capture(Box::new(capture)), 0)
            }
            Ok(Kind::Text(mark)) => {
                let log = Log::new(&self.name, &self.options.log);
                (State::Log(Box::new(log)), mark)
            }
            Err(error) => (State::Failed(error), 0),
        };
        self.state = state;
        self.feed(first.get(skipped..).unwrap_or_default(), sink)
    }
}
