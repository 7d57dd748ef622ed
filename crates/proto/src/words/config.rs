//! Why a configuration is refused.

use core::error::Error;
use core::fmt;

use crate::config::ConfigError;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoServer => "no server is given",
            Self::PingSpacing { spacing, keep_alive } => {
                return write!(
                    f,
                    "pings at least {spacing:?} apart cannot hold a keep-alive of {keep_alive:?}: \
                     the server closes after 1.5 times that; raise the keep-alive"
                );
            }
            Self::ResponseTimeout => "a ping response time-out of zero",
            Self::ReceiveMaximum => "receive maximum must not be 0",
            Self::MaximumPacketSize => "maximum packet size must not be 0",
            Self::InFlight => "in-flight bound must not be 0",
            Self::Rate => "a rate of 0, in a period of 0, or shared by 0 clients would never send",
            Self::Filters => "bounds of subscribe operations must not be 0",
            Self::WriteBuffer => "the write buffer's bound must not be 0",
            Self::Inbox => "the inbox's bounds must not be 0",
            Self::ClientIdRequired => {
                "MQTT 3.1.1 needs a client identifier for a session that is kept; \
                 give one or ask for a clean start"
            }
            Self::ClientIdLength { length } => {
                return write!(
                    f,
                    "MQTT 3.1 needs a client identifier of 1 to 23 bytes, not {length}"
                );
            }
            Self::PasswordWithoutUsername => "a password needs a user name beside it before MQTT 5",
            Self::Property(id) => {
                let id = id.0;
                return write!(f, "property 0x{id:02x} has its own setting or no place in CONNECT");
            }
            Self::AuthenticationVersion => "enhanced authentication needs MQTT 5",
            Self::NeedsV5(id) => {
                let id = id.0;
                return write!(
                    f,
                    "property 0x{id:02x} needs MQTT 5: leave it out, or ask for MQTT 5"
                );
            }
            Self::TooLong { field, length } => {
                return write!(f, "{field} has {length} bytes, and MQTT takes 65535 at most");
            }
            Self::DisconnectProperty(id) => {
                let id = id.0;
                return write!(f, "property 0x{id:02x} has no place in a client's DISCONNECT");
            }
            Self::DisconnectExpiry => {
                "DISCONNECT cannot prolong a session that ends with its connection; \
                 give a session expiry from the start"
            }
            Self::DisconnectReason(reason) => {
                return write!(
                    f,
                    "no DISCONNECT of a client in this version has the reason code {reason}"
                );
            }
            Self::ConnectionAge | Self::RetryVersion | Self::RetryTime => return self.times(f),
            Self::Window => "the queue's window must not be 0",
            Self::ClientIdOfStore => {
                "the store holds the session of another client identifier; \
                 give that one, none, or another store"
            }
            Self::Profile(broken) => return broken.fmt(f),
        })
    }
}

impl ConfigError {
    /// What a connection lasts for, and when anything is sent again on it.
    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionAge => {
                "a maximum connection age of zero: no connection could live; leave it out if \
                 connections have no end"
            }
            Self::RetryTime => "sending again after less than a second; give 1 s or more",
            _ => {
                "sending again on the same connection needs MQTT 3.1.1, as MQTT 5 forbids it; \
                 choose version 3.1.1, or leave retry_unacked out"
            }
        })
    }
}

impl Error for ConfigError {}
