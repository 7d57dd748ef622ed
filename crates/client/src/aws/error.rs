//! What can be wrong with an endpoint of AWS, or with the settings of a signer.

use std::convert::Infallible;
use std::fmt;

use crate::explain::{Below, explained_error};
use crate::tls::TlsConfigError;

/// Why there is no way in to AWS IoT Core with these settings. Found before any connection is
/// opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsError {
    /// The text has a scheme, a port or a path, or is empty: it is no host name.
    NotAHost,
    /// The host is none of AWS.
    NotAws {
        /// The host.
        host: String,
    },
    /// The host is one of AWS, but speaks no MQTT.
    NotMqtt {
        /// The host.
        host: String,
        /// What it is for.
        service: String,
    },
    /// A region is made of small letters, digits and `-`.
    Region,
    /// A signature is good for 1 s to 7 days.
    Expiry {
        /// The seconds asked for.
        seconds: u64,
    },
    /// The settings of TLS have no cryptography to sign with.
    Tls(TlsConfigError),
}

explained_error!(AwsError);

impl AwsError {
    pub(crate) const fn below(&self) -> Below<'_> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHost => f.write_str("the endpoint of AWS IoT Core is no host name"),
            Self::NotAws { host } => write!(f, "'{host}' is no endpoint of AWS IoT Core"),
            Self::NotMqtt { host, service } => {
                write!(f, "'{host}' is the endpoint of '{service}', which speaks no MQTT")
            }
            Self::Region => f.write_str("the AWS region is no region's name"),
            Self::Expiry { seconds } => {
                write!(f, "a signature can be good for 1 s to 604800 s, not for {seconds} s")
            }
            Self::Tls(_) => f.write_str("there is no cryptography to sign with"),
        }
    }

    /// Returns advice for the person who wrote the settings.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotAHost => "give the host name alone, without scheme, port and path",
            Self::NotAws { .. } => {
                "for a domain of your own use AwsIotEndpoint::custom_domain; else ask \
                 'aws iot describe-endpoint --endpoint-type iot:Data-ATS'"
            }
            Self::NotMqtt { .. } => {
                "ask 'aws iot describe-endpoint --endpoint-type iot:Data-ATS' for the one that does"
            }
            Self::Region => "write it like eu-west-1",
            Self::Expiry { .. } | Self::Tls(_) => return None,
        })
    }
}

impl From<Infallible> for AwsError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
