//! Rules that republish: `SELECT * FROM 'filter'` and a topic.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use evenkeel_codec::{Bytes, TopicFilter};

use crate::RuleLimits;
use crate::effects::{Message, QoS};
use crate::names;

mod topic;

pub use topic::TopicProblem;
use topic::{Pieces, Source};

/// A rule with one action: publish what came on another topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    filter: String,
    topic: Pieces,
    qos: QoS,
}

/// What one rule makes of a message.
pub(crate) struct Made {
    /// Its name.
    pub(crate) rule: String,
    /// The message, or why its topic is none to publish on.
    pub(crate) outcome: Result<Message, Refused>,
}

/// A topic that a rule has made and may not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The beginning of it.
    pub(crate) topic: String,
    pub(crate) problem: TopicProblem,
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
        let topic = Pieces::parse(topic).map_err(|piece| RuleError::Topic { piece })?;
        Ok(Self { filter: filter.to_owned(), topic, qos })
    }

    /// What it publishes because of a message; the payload is shared.
    fn republish(
        &self,
        limits: &RuleLimits,
        source: Source<'_>,
        payload: &Bytes,
    ) -> Result<Message, Refused> {
        let topic = self.topic.made_of(source, limits)?;
        Ok(Message { topic, payload: payload.clone(), qos: self.qos })
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

    /// What all rules whose filter matches publish.
    pub(crate) fn of_message<'a>(
        &'a self,
        client: &'a str,
        topic: &'a str,
        payload: &'a Bytes,
    ) -> impl Iterator<Item = Made> + 'a {
        let matching = self.rules.iter().filter(move |(_, rule)| matches(&rule.filter, topic));
        let source = Source { client, topic };
        matching.map(move |(name, rule)| {
            let outcome = rule.republish(&self.limits, source, payload);
            Made { rule: name.clone(), outcome }
        })
    }

    /// What one rule publishes that is named by the topic; its filter does not
    /// count then.
    pub(crate) fn of_ingest(
        &self,
        name: &str,
        client: &str,
        topic: &str,
        payload: &Bytes,
    ) -> Option<Made> {
        let rule = self.rules.get(name)?;
        let outcome = rule.republish(&self.limits, Source { client, topic }, payload);
        Some(Made { rule: name.to_owned(), outcome })
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
