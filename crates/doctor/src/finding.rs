//! What the doctor found.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::Place;
use crate::rule::{Meta, Severity};
use crate::source::SourceId;
use crate::time::Time;

/// Places kept of one cause.
pub(crate) const PROOF: usize = 8;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Seen once, or by a source that can only support it.
    Suspect,
    /// The pattern of encrypted traffic, or of one side alone.
    Inferred,
    /// The pattern is there, often enough.
    Shown,
    /// A reason code, an alert or the broker's own words.
    Proven,
}

impl Confidence {
    /// In lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Inferred => "inferred",
            Self::Shown => "shown",
            Self::Proven => "proven",
        }
    }
}

/// One place that shows a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When.
    pub at: Time,
    /// In which source.
    pub source: SourceId,
    /// Where in it.
    pub place: Place,
    /// What it shows, in a few words.
    pub shows: &'static str,
}

/// A cause that was found of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Meta,
    /// The client's identifier, or its host if no source shows one; empty if
    /// neither is known.
    pub client: String,
    /// How sure.
    pub confidence: Confidence,
    /// How bad.
    pub severity: Severity,
    /// A kind within the rule; empty if there is one kind alone.
    pub class: &'static str,
    /// What is wrong, as the rest of a sentence that begins with the client.
    pub sentence: String,
    /// How often it was seen.
    pub times: u32,
    /// When it was first seen, and last.
    pub first: Time,
    /// The newest time.
    pub last: Time,
    /// Places that show it, at most eight: the first ones seen.
    pub proof: Vec<Proof>,
    /// Sources that show it.
    pub sources: Vec<SourceId>,
    /// What follows from it, found of the same client.
    pub consequences: Vec<Self>,
}
