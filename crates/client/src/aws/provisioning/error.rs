//! Why a device was not provisioned.

use std::fmt;
use std::time::Duration;

use evenkeel_codec::ReasonCode;

use crate::error::{DeliveryError, PublishError, SubscribeError};
use crate::explain::{Below, explained_error};

/// Which of the requests of fleet provisioning it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvisioningStep {
    /// A key and a certificate are to be made.
    CreateKeys,
    /// A certificate is to be made for a signing request.
    Sign,
    /// The device is to be registered.
    Register,
}

impl fmt::Display for ProvisioningStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateKeys => "make a key and a certificate",
            Self::Sign => "sign a certificate",
            Self::Register => "register the device",
        })
    }
}

/// Why a device was not provisioned. Holds no key, token or parameter; AWS's own words may name
/// parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// A template's name has 1 to 36 letters, digits, `-` and `_`.
    Template,
    /// The certificate signing request is not in PEM, or has more than 4096 bytes.
    SigningRequest,
    /// The certificate waited longer for its registration than AWS keeps it, an hour.
    TokenExpired {
        /// How long.
        age: Duration,
    },
    /// The topics of the answer could not be subscribed to.
    Subscribe {
        /// Of which request.
        step: ProvisioningStep,
        /// Why not.
        error: SubscribeError,
    },
    /// The server refused one of the topics of the answer.
    NotGranted {
        /// Of which request.
        step: ProvisioningStep,
        /// The topic.
        filter: String,
        /// Its reason.
        code: ReasonCode,
    },
    /// The request was not accepted by the client.
    Publish {
        /// Which request.
        step: ProvisioningStep,
        /// Why not.
        error: PublishError,
    },
    /// The request was not delivered; it may have been, if the connection was lost.
    Delivery {
        /// Which request.
        step: ProvisioningStep,
        /// Why not.
        error: DeliveryError,
    },
    /// No answer came in time. The request may have been carried out all the same.
    NoAnswer {
        /// To which request.
        step: ProvisioningStep,
        /// The time it had.
        after: Duration,
    },
    /// The client was closed while waiting for the answer.
    Closed {
        /// To which request.
        step: ProvisioningStep,
    },
    /// AWS said no.
    Rejected {
        /// To which request.
        step: ProvisioningStep,
        /// The status, as in HTTP.
        status: u16,
        /// AWS's name of the error, of 512 characters at most.
        code: String,
        /// AWS's words, of 512 characters at most; may be empty.
        message: String,
    },
    /// The answer is none that AWS gives.
    Answer {
        /// To which request.
        step: ProvisioningStep,
        /// What is wrong with it.
        problem: &'static str,
    },
}

explained_error!(ProvisioningError);

impl ProvisioningError {
    /// Whether it is not known if the request was carried out.
    pub const fn is_uncertain(&self) -> bool {
        matches!(
            self,
            Self::Delivery { .. }
                | Self::NoAnswer { .. }
                | Self::Closed { .. }
                | Self::Answer { .. }
        )
    }

    pub(crate) const fn below(&self) -> Below<'_> {
        match self {
            Self::Subscribe { error, .. } => Some(error),
            Self::Publish { error, .. } => Some(error),
            Self::Delivery { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template => f.write_str("the name of the provisioning template is none"),
            Self::SigningRequest => f.write_str("the certificate signing request is none in PEM"),
            Self::TokenExpired { age } => {
                let minutes = age.as_secs() / 60;
                write!(f, "the certificate waited {minutes} minutes for its registration")
            }
            Self::Subscribe { step, .. } => {
                write!(f, "cannot subscribe to the answer to the request to {step}")
            }
            Self::NotGranted { step, filter, code } => write!(
                f,
                "the server refused the subscription to '{filter}' ({code}), the answer to the \
                 request to {step}"
            ),
            Self::Publish { step, .. } => write!(f, "cannot send the request to {step}"),
            Self::Delivery { step, .. } => write!(f, "the request to {step} was not delivered"),
            Self::NoAnswer { step, after } => {
                write!(f, "the server gave no answer within {after:?} to the request to {step}")
            }
            Self::Closed { step } => {
                write!(f, "the client was closed before the answer to the request to {step}")
            }
            Self::Rejected { step, status, code, message } => {
                write!(f, "the server rejected the request to {step}: {status} {code}")?;
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            Self::Answer { step, problem } => {
                write!(f, "the server's answer to the request to {step} {problem}")
            }
        }
    }

    /// Returns advice.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Template => "it has 1 to 36 letters, digits, '-' and '_'",
            Self::SigningRequest => {
                "make one with 'openssl req -new -newkey rsa:2048 -nodes -keyout device.key \
                 -subj /CN=device'; 4096 bytes at most"
            }
            Self::TokenExpired { .. } => "begin again: AWS drops it after an hour",
            Self::Subscribe { .. } | Self::NotGranted { .. } | Self::Publish { .. } => POLICY,
            Self::Delivery { .. } | Self::NoAnswer { .. } => POLICY,
            Self::Closed { .. } => return None,
            Self::Rejected { status: 400, step: ProvisioningStep::Register, .. } => {
                "check the parameters against those of the template, and its hook"
            }
            Self::Rejected { status: 400, .. } => "check the certificate signing request",
            Self::Rejected { status: 401 | 403, .. } => {
                "check the claim certificate's policy, the template's role, and its hook"
            }
            Self::Rejected { status: 404, .. } => {
                "check the template's name, and that it is enabled"
            }
            Self::Rejected { status: 429 | 500..=599, .. } => "try again later",
            Self::Rejected { .. } => return None,
            Self::Answer { .. } => "check that the endpoint is AWS IoT Core",
        })
    }
}

const POLICY: &str = "check that the claim certificate's policy allows publish, receive and \
                      subscribe on $aws/certificates/* and the template's topics";
