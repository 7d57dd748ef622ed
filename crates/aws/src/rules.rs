//! Rules that republish: `SELECT * FROM 'filter'` and a topic.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use evenkeel_codec::TopicFilter;

use crate::RuleLimits;
use crate::effects::{Message, QoS};
use crate::names;

/// A rule with one action: publish what came on another topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    filter: String,
    topic: Vec<Piece>,
    qos: QoS,
}

/// A piece of the topic that a rule publishes on.
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

/// A rule that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// Its name has other characters than letters, digits and `_`, or is too long.
    Name {
        /// The name.
        name: String,
    },
    /// Its SQL is not `SELECT * FROM 'filter'`.
    Sql {
        /// The SQL.
        sql: String,
    },
    /// Its filter is no filter of MQTT, or selects basic ingest.
    Filter {
        /// The filter.
        filter: String,
    },
    /// Its topic has a wildcard, or a `${..}` that is not known.
    Topic {
        /// The piece that is wrong.
        piece: String,
    },
    /// There are as many as the limits allow.
    TooMany {
        /// How many.
        limit: usize,
    },
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "{name:?} is no name of a rule; hint: 1 to 128 letters, digits and underscores"
            ),
            Self::Sql { sql } => write!(
                f,
                "{sql:?} is more SQL than is emulated; hint: SELECT * FROM 'topic/filter'"
            ),
            Self::Filter { filter } => write!(
                f,
                "{filter:?} is no topic filter of a rule; hint: + and # stand for whole levels, \
                 # is the last one, and $aws/rules cannot be selected"
            ),
            Self::Topic { piece } => write!(
                f,
                "{piece:?} in the topic to publish on; hint: no wildcards, and of functions \
                 ${{topic()}}, ${{topic(1)}} and ${{clientid()}}; $$ stands for $"
            ),
            Self::TooMany { limit } => write!(f, "there are {limit} rules, which is the limit"),
        }
    }
}

impl Error for RuleError {}

impl Rule {
    /// A rule of its SQL, and the topic that it publishes on.
    ///
    /// # Errors
    /// If SQL or topic say more than is emulated.
    pub fn new(sql: &str, topic: &str, qos: QoS) -> Result<Self, RuleError> {
        let filter = filter_of(sql).ok_or_else(|| RuleError::Sql { sql: sql.to_owned() })?;
        if TopicFilter::try_from(filter).is_err() || filter.starts_with("$aws/rules") {
            return Err(RuleError::Filter { filter: filter.to_owned() });
        }
        Ok(Self { filter: filter.to_owned(), topic: pieces(topic)?, qos })
    }

    /// What it publishes because of a message.
    fn republish(&self, client: &str, topic: &str, payload: &[u8]) -> Message {
        let mut made = String::new();
        for piece in &self.topic {
            made.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Topic => topic,
                Piece::Level(level) => topic.split('/').nth(level - 1).unwrap_or_default(),
                Piece::Client => client,
            });
        }
        Message { topic: made, payload: payload.to_vec(), qos: self.qos }
    }
}

/// The rules by name.
#[derive(Debug)]
pub struct Rules {
    limits: RuleLimits,
    rules: BTreeMap<String, Rule>,
}

impl Rules {
    pub(crate) const fn new(limits: RuleLimits) -> Self {
        Self { limits, rules: BTreeMap::new() }
    }

    /// Adds a rule, or replaces the one of this name.
    ///
    /// # Errors
    /// If the name is none, or there are too many.
    pub fn set(&mut self, name: &str, rule: Rule) -> Result<(), RuleError> {
        if !names::is_rule(name) {
            return Err(RuleError::Name { name: name.to_owned() });
        }
        let limit = self.limits.rules;
        if self.rules.len() >= limit && !self.rules.contains_key(name) {
            return Err(RuleError::TooMany { limit });
        }
        self.rules.insert(name.to_owned(), rule);
        Ok(())
    }

    /// True if there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What all rules whose filter matches publish, with their names.
    pub(crate) fn of_message<'a>(
        &'a self,
        client: &'a str,
        topic: &'a str,
        payload: &'a [u8],
    ) -> impl Iterator<Item = (String, Message)> + 'a {
        let matching = self.rules.iter().filter(move |(_, rule)| matches(&rule.filter, topic));
        matching.map(move |(name, rule)| (name.clone(), rule.republish(client, topic, payload)))
    }

    /// What one rule publishes that is named by the topic; its filter does not
    /// count then.
    pub(crate) fn of_ingest(
        &self,
        name: &str,
        client: &str,
        topic: &str,
        payload: &[u8],
    ) -> Option<(String, Message)> {
        let rule = self.rules.get(name)?;
        Some((name.to_owned(), rule.republish(client, topic, payload)))
    }
}

/// The filter of `SELECT * FROM 'filter'`.
fn filter_of(sql: &str) -> Option<&str> {
    let rest = word(sql, "select")?;
    let rest = rest.trim_start().strip_prefix('*')?;
    let rest = word(rest, "from")?.trim();
    let filter = rest.strip_prefix('\'')?.strip_suffix('\'')?;
    (!filter.contains('\'')).then_some(filter)
}

/// What follows a word, whatever its case.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let is_word = text.get(..word.len())?.eq_ignore_ascii_case(word);
    if is_word { text.get(word.len()..) } else { None }
}

/// Takes a topic template apart.
fn pieces(template: &str) -> Result<Vec<Piece>, RuleError> {
    let wrong = |piece: &str| RuleError::Topic { piece: piece.to_owned() };
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
    Ok(pieces)
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

/// True if the filter selects the topic, as AWS has it: `a/#` does not select
/// `a`, and a wildcard in front selects nothing that begins with `$`.
fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        let Some(level) = levels.next() else { return false };
        match wanted {
            "#" => return true,
            "+" => {}
            _ if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}
