//! What is told of a run: JSON for programs, JUnit for CI, HTML for people.

mod html;
mod json;
mod junit;

use std::time::Duration;

use super::{Outcome, Verdict};

pub use json::JSON_VERSION;

/// A run of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The program that was tested, without its arguments, which may be secret.
    pub program: String,
    /// When the run began, as time since the beginning of 1970.
    pub began: Duration,
    /// What came out.
    pub outcomes: Vec<Outcome>,
}

/// How many cases have ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub pass: u64,
    /// Passed with a warning.
    pub warn: u64,
    /// Failed.
    pub fail: u64,
    /// Not run.
    pub not_run: u64,
}

impl Report {
    /// How many cases have ended in which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in &self.outcomes {
            match outcome.verdict {
                Verdict::Pass(_) => counts.pass += 1,
                Verdict::Warn(_) => counts.warn += 1,
                Verdict::Fail(_) => counts.fail += 1,
                Verdict::NotRun(_) => counts.not_run += 1,
            }
        }
        counts
    }
}

/// The text as content of XML and HTML, and of their attributes. What XML must
/// not hold even escaped is written as Rust writes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                out.extend(letter.escape_default());
            }
            letter => out.push(letter),
        }
    }
    out
}

fn seconds(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64())
}
