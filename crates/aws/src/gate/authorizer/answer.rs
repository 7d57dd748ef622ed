//! What an authorizer answers.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::super::policy::{POLICIES, POLICY_BYTES, Policy, PolicyError};

/// Seconds that a connection may last, and that an answer may be good.
pub const SPANS: RangeInclusive<u64> = 300..=86_400;
/// Characters of a principal's identifier.
const PRINCIPAL: usize = 128;
/// Bytes of an answer that are read.
const BYTES: usize = 64 * 1024;

/// What an authorizer has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The client may come in.
    Yes {
        /// Who it is.
        principal: String,
        /// The connection ends after this time.
        disconnect_after: Duration,
        /// The authorizer is asked again after this time.
        refresh_after: Duration,
        /// What it may do.
        policies: Vec<Policy>,
    },
    /// It may not.
    No,
}

impl Answer {
    /// Reads the JSON that an authorizer has written.
    pub fn parse(text: &str) -> Result<Self, AnswerError> {
        if text.len() > BYTES {
            return Err(AnswerError::TooLong { bytes: text.len(), limit: BYTES });
        }
        let document: Value = serde_json::from_str(text)
            .map_err(|error| AnswerError::Json { line: error.line(), column: error.column() })?;
        let fields = document.as_object().ok_or(AnswerError::Form {
            field: "the answer",
            expected: "an object with isAuthenticated",
        })?;
        let is_authenticated = required(fields, "isAuthenticated")?.as_bool();
        match is_authenticated {
            Some(true) => yes(fields),
            Some(false) => Ok(Self::No),
            None => Err(AnswerError::Form { field: "isAuthenticated", expected: "true or false" }),
        }
    }
}

fn yes(fields: &Map<String, Value>) -> Result<Answer, AnswerError> {
    Ok(Answer::Yes {
        principal: principal(required(fields, "principalId")?)?,
        disconnect_after: span(fields, "disconnectAfterInSeconds")?,
        refresh_after: span(fields, "refreshAfterInSeconds")?,
        policies: policies(required(fields, "policyDocuments")?)?,
    })
}

fn required<'a>(
    fields: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a Value, AnswerError> {
    fields.get(field).ok_or(AnswerError::Missing(field))
}

fn principal(value: &Value) -> Result<String, AnswerError> {
    let is_good = |text: &&str| {
        (1..=PRINCIPAL).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    let text = value.as_str().filter(is_good);
    text.map(str::to_owned).ok_or(AnswerError::Form {
        field: "principalId",
        expected: "1 to 128 letters and digits of ASCII",
    })
}

fn span(fields: &Map<String, Value>, field: &'static str) -> Result<Duration, AnswerError> {
    let seconds = required(fields, field)?
        .as_u64()
        .ok_or(AnswerError::Form { field, expected: "a whole number of seconds" })?;
    if SPANS.contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(AnswerError::Span { field, seconds })
    }
}

/// Policies as texts or as objects: both are in use.
fn policies(value: &Value) -> Result<Vec<Policy>, AnswerError> {
    let form = AnswerError::Form { field: "policyDocuments", expected: "a list of policies" };
    let list = value.as_array().ok_or(form)?;
    if list.len() > POLICIES {
        return Err(AnswerError::TooManyPolicies { count: list.len(), limit: POLICIES });
    }
    let each = list.iter().enumerate().map(|(index, document)| {
        let text = match document {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Policy::parse_within(&text, POLICY_BYTES)
            .map_err(|error| AnswerError::Policy { index, error })
    });
    each.collect()
}

/// Why the output of an authorizer is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// More bytes than are read.
    TooLong {
        /// Bytes of the answer.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// No JSON from here on.
    Json {
        /// Number of the line, from 1.
        line: usize,
        /// Number of the byte in it.
        column: usize,
    },
    /// A field is missing.
    Missing(&'static str),
    /// A field has another form.
    Form {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A number of seconds is out of [`SPANS`].
    Span {
        /// The field.
        field: &'static str,
        /// The number.
        seconds: u64,
    },
    /// More policies than there may be.
    TooManyPolicies {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A policy cannot be read.
    Policy {
        /// Its number, from 0.
        index: usize,
        /// Why.
        error: PolicyError,
    },
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => write!(f, "{bytes} bytes, at most {limit}"),
            Self::Json { line, column } => {
                write!(f, "no JSON from line {line} column {column} on")
            }
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Form { field, expected } => write!(f, "{field} is malformed; hint: {expected}"),
            Self::Span { field, seconds } => write!(
                f,
                "{field} is {seconds}; hint: {} to {} seconds",
                SPANS.start(),
                SPANS.end()
            ),
            Self::TooManyPolicies { count, limit } => {
                write!(f, "{count} policies, at most {limit}")
            }
            Self::Policy { index, error } => write!(f, "policyDocuments[{index}]: {error}"),
        }
    }
}

impl std::error::Error for AnswerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Policy { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "isAuthenticated": true,
            "principalId": "device17",
            "disconnectAfterInSeconds": 3600,
            "refreshAfterInSeconds": 300,
            "policyDocuments": [{"Version": "2012-10-17", "Statement":
                {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}}],
        })
    }

    fn with(field: &str, value: Value) -> Result<Answer, AnswerError> {
        let mut answer = good();
        answer[field] = value;
        Answer::parse(&answer.to_string())
    }

    #[test]
    fn good_answers() {
        let answer = Answer::parse(&good().to_string()).unwrap();
        let Answer::Yes { principal, disconnect_after, refresh_after, policies } = answer else {
            panic!("no");
        };
        assert_eq!(principal, "device17");
        assert_eq!(disconnect_after, Duration::from_secs(3600));
        assert_eq!(refresh_after, Duration::from_secs(300));
        assert_eq!(policies.len(), 1);
        assert_eq!(Answer::parse(r#"{"isAuthenticated": false}"#), Ok(Answer::No));
        let text = good()["policyDocuments"][0].to_string();
        assert_eq!(with("policyDocuments", json!([text])), Answer::parse(&good().to_string()));
        assert!(with("policyDocuments", json!([])).is_ok(), "it may come in and do nothing");
    }

    #[test]
    fn both_sides_of_each_bound() {
        for field in ["disconnectAfterInSeconds", "refreshAfterInSeconds"] {
            for (seconds, fits) in [(299, false), (300, true), (86_400, true), (86_401, false)] {
                assert_eq!(with(field, json!(seconds)).is_ok(), fits, "{field} {seconds}");
            }
            for value in [json!("300"), json!(-1), json!(300.5), json!(null)] {
                let error = with(field, value).unwrap_err();
                assert!(matches!(error, AnswerError::Form { .. }), "{error}");
            }
        }
        for (principal, fits) in [
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            (String::new(), false),
            ("a-b".into(), false),
        ] {
            assert_eq!(with("principalId", json!(principal)).is_ok(), fits, "{principal}");
        }
        let policy = good()["policyDocuments"][0].clone();
        assert!(with("policyDocuments", json!(vec![policy.clone(); 10])).is_ok());
        let error = with("policyDocuments", json!(vec![policy; 11])).unwrap_err();
        assert_eq!(error, AnswerError::TooManyPolicies { count: 11, limit: 10 });
    }

    #[test]
    fn bad_answers_say_why() {
        for (text, part) in [
            ("", "line 1 column 0"),
            ("[]", "the answer is malformed"),
            ("{}", "isAuthenticated is missing"),
            (r#"{"isAuthenticated": "true"}"#, "isAuthenticated is malformed"),
            (r#"{"isAuthenticated": true}"#, "principalId is missing"),
        ] {
            let error = Answer::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let error = with("policyDocuments", json!(["{}"])).unwrap_err().to_string();
        assert_eq!(error, "policyDocuments[0]: Version is missing");
        let error = Answer::parse(&" ".repeat(BYTES + 1)).unwrap_err();
        assert_eq!(error, AnswerError::TooLong { bytes: BYTES + 1, limit: BYTES });
    }
}
