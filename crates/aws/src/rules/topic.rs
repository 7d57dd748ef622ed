//! The topic that a rule publishes on: its template, and what is made of it.

use std::fmt;

use super::Refused;
use crate::RuleLimits;

/// Characters of a refused topic that are told.
const TOLD: usize = 256;

/// A topic in pieces, some of which come from the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `${topic()}`
    Topic,
    /// `${topic(n)}`, counted from 1.
    Level(usize),
    /// `${clientid()}`
    Client,
}

/// The message that a topic is made for.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) client: &'a str,
    pub(super) topic: &'a str,
}

/// Why a rule cannot publish on the topic that it has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicProblem {
    /// It is empty.
    Empty,
    /// It has `+` or `#`, as topics of messages and client identifiers may have.
    Wildcard,
    /// It has more bytes than a topic may have.
    TooLong {
        /// How many are allowed.
        limit: usize,
    },
    /// It has more levels than a topic may have.
    TooDeep {
        /// How many are allowed.
        limit: usize,
    },
    /// It is one of AWS's own that no message may come on.
    Reserved,
}

impl fmt::Display for TopicProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Wildcard => f.write_str("it has a wildcard"),
            Self::TooLong { limit } => write!(f, "it has more than {limit} bytes"),
            Self::TooDeep { limit } => write!(f, "it has more than {limit} levels"),
            Self::Reserved => f.write_str("it is reserved"),
        }
    }
}

impl Pieces {
    /// Takes a template apart; `Err` is the piece that is wrong.
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        let wrong = |piece: &str| piece.to_owned();
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            if let Some(behind) = from.strip_prefix("$$") {
                text.push('$');
                rest = behind;
            } else if let Some(behind) = from.strip_prefix("${") {
                let (function, behind) = behind.split_once('}').ok_or_else(|| wrong(from))?;
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(function_of(function).ok_or_else(|| wrong(function))?);
                rest = behind;
            } else {
                return Err(wrong(from));
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        let has_wildcard =
            |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains(['+', '#', '\0']));
        if template.is_empty() || pieces.iter().any(has_wildcard) {
            return Err(wrong(template));
        }
        Ok(Self(pieces))
    }

    /// The topic for a message, if one may be published on it.
    pub(super) fn made_of(
        &self,
        source: Source<'_>,
        limits: &RuleLimits,
    ) -> Result<String, Refused> {
        let mut made = String::new();
        for piece in &self.0 {
            made.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Topic => source.topic,
                Piece::Level(level) => source.topic.split('/').nth(level - 1).unwrap_or_default(),
                Piece::Client => source.client,
            });
            if made.len() > limits.topic_bytes {
                // A template that repeats the topic is not built to its end.
                return Err(refused(&made, TopicProblem::TooLong { limit: limits.topic_bytes }));
            }
        }
        match problem(&made, limits) {
            None => Ok(made),
            Some(problem) => Err(refused(&made, problem)),
        }
    }
}

/// What makes a topic none to publish on, reserved ones apart.
fn problem(topic: &str, limits: &RuleLimits) -> Option<TopicProblem> {
    if topic.is_empty() {
        Some(TopicProblem::Empty)
    } else if topic.contains(['+', '#', '\0']) {
        Some(TopicProblem::Wildcard)
    } else if topic.split('/').count() > limits.topic_levels {
        Some(TopicProblem::TooDeep { limit: limits.topic_levels })
    } else {
        None
    }
}

fn refused(topic: &str, problem: TopicProblem) -> Refused {
    Refused { topic: topic.chars().take(TOLD).collect(), problem }
}

fn function_of(text: &str) -> Option<Piece> {
    let (name, argument) = text.trim().strip_suffix(')')?.split_once('(')?;
    match (name.to_ascii_lowercase().as_str(), argument.trim()) {
        ("topic", "") => Some(Piece::Topic),
        ("topic", level) => {
            level.parse::<usize>().ok().filter(|level| (1..=256).contains(level)).map(Piece::Level)
        }
        ("clientid", "") => Some(Piece::Client),
        _ => None,
    }
}
