//! Custom authorizers: what a client presents, whether its token is signed, and
//! what the authorizer answers.
//!
//! An authorizer of AWS is a function in the cloud. Here it is a fixed answer,
//! or a command that the driver runs: it is given a [`Question`] and writes the
//! JSON of an [`Answer`].

mod answer;
mod key;
mod presented;
mod question;

use std::fmt;

pub use answer::{Answer, AnswerError, SPANS};
pub use key::{KeyError, TokenKey};
pub use presented::{Presented, Source};
pub use question::{Question, ShownCertificate, ShownLogin};

/// A custom authorizer.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Whether it may be used.
    pub is_active: bool,
    /// Whether clients sign their token.
    pub signing: Signing,
    /// Who answers.
    pub answer: AnswerFrom,
}

/// Whether clients sign their token.
#[derive(Clone, Debug)]
pub enum Signing {
    /// They do not, and need none.
    Disabled,
    /// They do: the authorizer is not asked before that has been checked.
    Required {
        /// The name under which the token is presented.
        token_key_name: String,
        /// The keys that are good.
        keys: Vec<TokenKey>,
    },
}

/// Who answers for an authorizer.
#[derive(Clone, Debug)]
pub enum AnswerFrom {
    /// Always the same answer.
    Fixed(Answer),
    /// The driver, asked each time.
    Driver,
}

/// Why a client may not ask its authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizerError {
    /// The client names none, and there is no default.
    NotNamed,
    /// No authorizer has this name.
    Unknown(String),
    /// It is switched off.
    NotActive(String),
    /// The user name's query, or the one of the target, cannot be read.
    Query(super::query::QueryProblem),
    /// The token is missing.
    TokenMissing {
        /// The name under which it is presented.
        key: String,
    },
    /// The token's signature is missing.
    SignatureMissing,
    /// The signature is not of this token, by none of the keys.
    SignatureWrong,
}

impl fmt::Display for AuthorizerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNamed => f.write_str(
                "the client names no authorizer and there is no default; \
                 hint: the user name NAME?x-amz-customauthorizer-name=AUTHORIZER",
            ),
            Self::Unknown(name) => write!(f, "there is no authorizer {name:?}"),
            Self::NotActive(name) => write!(f, "the authorizer {name:?} is not active"),
            Self::Query(problem) => write!(f, "what names the authorizer has {problem}"),
            Self::TokenMissing { key } => {
                write!(f, "the token is missing; hint: present it as {key:?}")
            }
            Self::SignatureMissing => f.write_str(
                "the token's signature is missing; hint: x-amz-customauthorizer-signature",
            ),
            Self::SignatureWrong => f.write_str(
                "the signature is not of this token; hint: base64 of RSA with SHA-256 \
                 (PKCS #1 v1.5) over the token, escaped in URLs",
            ),
        }
    }
}

impl std::error::Error for AuthorizerError {}

impl Signing {
    /// The token that a client has presented, if tokens are signed.
    pub(super) fn token<'a>(&self, presented: &'a Presented) -> Option<&'a str> {
        match self {
            Self::Disabled => None,
            Self::Required { token_key_name, .. } => presented.token(token_key_name),
        }
    }

    /// Checks what a client has presented: true if a signature was checked.
    pub(super) fn check(&self, presented: &Presented) -> Result<bool, AuthorizerError> {
        let Self::Required { token_key_name, keys } = self else { return Ok(false) };
        let missing = || AuthorizerError::TokenMissing { key: token_key_name.clone() };
        let token = presented.token(token_key_name).ok_or_else(missing)?;
        let signature = presented.signature().ok_or(AuthorizerError::SignatureMissing)?;
        if keys.iter().any(|key| key.has_signed(token, signature)) {
            Ok(true)
        } else {
            Err(AuthorizerError::SignatureWrong)
        }
    }
}
