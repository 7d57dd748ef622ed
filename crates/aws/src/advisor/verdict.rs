//! How a case ended.

use std::time::Duration;

use super::{Case, Moment};

/// How a case ended, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client does what it must.
    Pass(String),
    /// It does, and could do better.
    Warn(String),
    /// It does not.
    Fail(String),
    /// Nothing can be said.
    NotRun(String),
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Warn(_) => "warn",
            Self::Fail(_) => "fail",
            Self::NotRun(_) => "not run",
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Pass(reason) | Self::Warn(reason) | Self::Fail(reason) | Self::NotRun(reason) => {
                reason
            }
        }
    }
}

/// A case that has ended, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The case.
    pub case: &'static Case,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// What was seen, in order.
    pub moments: Vec<Moment>,
}
