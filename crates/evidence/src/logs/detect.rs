//! Which format a log has.

use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};

use super::format::Format;
use super::formats::ALL;

/// Hits that it takes to name a format.
const ENOUGH: usize = 2;

/// Labels of TLS key logs: of 1.2, and the first ones of 1.3.
const KEYS: [&str; 3] =
    ["CLIENT_RANDOM ", "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET "];

/// The format of a log is not clear from its first lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// Too few lines are of any known format.
    Unknown,
    /// A TLS key log: it opens captures, and tells nothing by itself.
    KeyLog,
    /// Lines of several formats: their names, the likeliest first.
    Ambiguous(Vec<&'static str>),
    /// There is no format with this name.
    NoSuch(String),
    /// The sink takes no more sources.
    TooManySources,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(
                "the format is not known: fewer than two of its first lines are of one format; \
                 name it with --input",
            ),
            Self::KeyLog => f.write_str("it is a TLS key log; give it with --keylog"),
            Self::Ambiguous(names) => {
                write!(f, "lines of several formats: {}; name one with --input", names.join(", "))
            }
            Self::TooManySources => f.write_str("there are too many sources already"),
            Self::NoSuch(name) => {
                write!(f, "there is no log format {name:?}; known are ")?;
                let names: Vec<_> = ALL.iter().map(|format| format.name).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl std::error::Error for FormatError {}

/// The format with this name.
pub(crate) fn named(name: &str) -> Result<&'static Format, FormatError> {
    let found = ALL.iter().find(|format| format.name.eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| FormatError::NoSuch(name.chars().take(64).collect()))
}

/// Counts lines with signs of each format.
#[derive(Debug)]
pub(crate) struct Detector {
    signs: AhoCorasick,
    /// The format of each sign.
    of: Vec<usize>,
    hits: Vec<usize>,
    /// A line of a TLS key log was seen.
    keys: bool,
}

impl Detector {
    pub(crate) fn new() -> Self {
        let all = ALL.iter().enumerate();
        let (signs, of): (Vec<&str>, Vec<usize>) =
            all.flat_map(|(at, format)| format.signs.iter().map(move |sign| (*sign, at))).unzip();
        Self { signs: automaton(&signs), of, hits: vec![0; ALL.len()], keys: false }
    }

    /// A line counts once for each format of which it has a sign.
    pub(crate) fn line(&mut self, text: &str) {
        self.keys |= KEYS.iter().any(|label| text.starts_with(label));
        let text = format!("{}\n", text.trim_end());
        let mut seen = 0_u64;
        for found in self.signs.find_iter(&text) {
            let Some(&format) = self.of.get(found.pattern().as_usize()) else { continue };
            if seen & (1 << format) == 0
                && let Some(hits) = self.hits.get_mut(format)
            {
                *hits += 1;
                seen |= 1 << format;
            }
        }
    }

    /// The format of the lines so far.
    pub(crate) fn verdict(&self) -> Result<&'static Format, FormatError> {
        let mut ranking: Vec<_> =
            self.hits.iter().zip(ALL).filter(|(hits, _)| **hits >= ENOUGH).collect();
        ranking.sort_by(|one, other| other.0.cmp(one.0));
        let Some((best, format)) = ranking.first() else {
            return Err(if self.keys { FormatError::KeyLog } else { FormatError::Unknown });
        };
        // A few lines of another program are in many logs; a third of them is
        // a log of two programs.
        if ranking.get(1).is_some_and(|(second, _)| *second * 3 > **best) {
            let names = ranking.iter().map(|(_, format)| format.name).collect();
            return Err(FormatError::Ambiguous(names));
        }
        Ok(format)
    }
}

/// Finds any of `texts`: the first in a line, the longest at one place.
pub(crate) fn automaton(texts: &[&str]) -> AhoCorasick {
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts);
    // A hundred short texts are far below what an automaton can hold.
    built.unwrap_or_else(|_| unreachable!("anchors fit"))
}
