//! What the services have to tell their operator.

use std::fmt;

use crate::rules::TopicProblem;

/// Something for the log, as CloudWatch would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A message came for a rule that does not exist.
    RuleNotFound {
        /// The rule of the topic.
        rule: String,
    },
    /// A rule wanted to publish on a topic that it may not use.
    RuleTopicRefused {
        /// The rule.
        rule: String,
        /// The topic it made; of a long one the beginning.
        topic: String,
        /// Why not.
        problem: TopicProblem,
    },
    /// A bound of the emulator was reached and something was left out.
    LimitReached {
        /// Which one, as in [`Limits`](crate::Limits).
        limit: &'static str,
        /// Its value.
        value: usize,
    },
    /// The topic is one of AWS's that nothing answers here.
    NotEmulated {
        /// The topic.
        topic: String,
    },
}

impl Note {
    /// Its name in logs: those of CloudWatch if there is one.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RuleNotFound { .. } => "RuleNotFound",
            Self::RuleTopicRefused { .. } => "RuleTopicRefused",
            Self::LimitReached { .. } => "LimitReached",
            Self::NotEmulated { .. } => "NotEmulated",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleNotFound { rule } => {
                write!(f, "there is no rule {rule:?}; hint: rules are in aws.toml")
            }
            Self::RuleTopicRefused { rule, topic, problem } => {
                write!(f, "rule {rule:?} cannot publish on {topic:?}: {problem}")
            }
            Self::LimitReached { limit, value } => {
                write!(f, "the limit {limit} = {value} is reached, the rest is left out")
            }
            Self::NotEmulated { topic } => write!(f, "nothing answers {topic:?} here"),
        }
    }
}
