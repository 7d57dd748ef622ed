//! Why a text is no policy.

use std::fmt;

use super::pattern::VariableProblem;

/// Why a text is no policy, and the position of the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The position in the text.
    pub at: Position,
    /// What is wrong there.
    pub problem: PolicyProblem,
}

/// A position in the text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// The text as a whole.
    Whole,
    /// Where the text stops being JSON, from 1.
    Text {
        /// Number of the line.
        line: usize,
        /// Number of the byte in it.
        column: usize,
    },
    /// A path through the document: `Statement[0].Condition.Bool`.
    Path(String),
}

/// What is wrong with the text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// More bytes than a policy may have, white space aside.
    TooLong {
        /// Bytes without white space.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// No JSON; why, in the words of the parser.
    Json(String),
    /// Something else is needed here.
    Expected(&'static str),
    /// A field is missing.
    Missing(&'static str),
    /// A field that policies do not have.
    UnknownField(String),
    /// Two fields exclude each other.
    Both(&'static str, &'static str),
    /// No version of the policy language.
    Version(String),
    /// Neither `Allow` nor `Deny`.
    Effect(String),
    /// No name of an action, nor a pattern for one.
    Action(String),
    /// No ARN, nor a pattern for one.
    Resource(String),
    /// No operator of conditions that is known here.
    Operator(String),
    /// A value that its operator cannot compare; what it needs.
    Value {
        /// The value.
        found: String,
        /// What the operator needs.
        expected: &'static str,
    },
    /// A variable is malformed.
    Variable(VariableProblem),
}

impl PolicyError {
    pub(super) fn at(path: &str, problem: PolicyProblem) -> Self {
        let at = if path.is_empty() { Position::Whole } else { Position::Path(path.to_owned()) };
        Self { at, problem }
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        let at = Position::Text { line: error.line(), column: error.column() };
        Self { at, problem: PolicyProblem::Json(what.to_owned()) }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Position::Whole => {}
            Position::Text { line, column } => write!(f, "line {line} column {column}: ")?,
            Position::Path(path) => write!(f, "{}: ", path.escape_debug())?,
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => write!(
                f,
                "{bytes} bytes without white space, at most {limit}; \
                 hint: wildcards and variables in place of lists, or several policies"
            ),
            Self::Json(what) => write!(f, "no JSON: {what}"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::UnknownField(name) => write!(
                f,
                "policies have no field {name:?}; hint: a statement has Effect, Action, \
                 Resource, and if need be Sid and Condition, with capital letters"
            ),
            Self::Both(one, other) => {
                write!(f, "{one} and {other} exclude each other; hint: a statement for each")
            }
            Self::Version(found) => {
                write!(f, "{found:?} is no version of the language; hint: \"2012-10-17\"")
            }
            Self::Effect(found) => {
                write!(f, "{found:?} is no effect; hint: \"Allow\" or \"Deny\"")
            }
            Self::Action(found) => {
                write!(f, "{found:?} is no action; hint: \"iot:Publish\" or \"iot:*\"")
            }
            Self::Resource(found) => write!(
                f,
                "{found:?} is no ARN; hint: \"arn:aws:iot:REGION:ACCOUNT:topic/NAME\", \
                 topicfilter/ to subscribe, client/ to connect"
            ),
            Self::Operator(found) => write!(
                f,
                "{found:?} is no operator known here; hint: StringEquals, StringLike, Bool, \
                 NumericEquals, IpAddress and their like, with ForAllValues: or ForAnyValue:"
            ),
            Self::Value { found, expected } => {
                write!(f, "{found:?} cannot be compared; hint: {expected}")
            }
            Self::Variable(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for PolicyError {}
