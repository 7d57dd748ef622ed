//! Errors, one enum per operation, and what they hold.
//!
//! An error says what failed (`{}`) and gives what lies below as its
//! [`source`](std::error::Error::source); the alternate form (`{:#}`) has both in one
//! line. The [front page](crate#errors-and-what-to-do) says what to do about each.

use std::error::Error;
use std::fmt;

use evenkeel_proto::Retry;

use crate::explain::{Below, end_with};
use crate::hints;
use crate::transport::{self, StreamError};
use crate::url::UrlError;

pub use crate::hooks::{AuthenticatorError, CredentialsError, EndpointError};
#[doc(inline)]
pub use evenkeel_codec::{
    DecodeError, EncodeError, PropertyError, QoSError, TextError, TopicError, VersionError,
};
#[doc(inline)]
pub use evenkeel_proto::keepalive::Death;
#[doc(inline)]
pub use evenkeel_proto::profile::BrokenLimit;
#[doc(inline)]
pub use evenkeel_proto::record::StorageFailure;
#[doc(inline)]
pub use evenkeel_proto::{
    CauseClass, Closer, ConfigError, DeliveryError, DisconnectCause, Halt, NamedServer,
    ProtocolError, PublishLimit, QueueError, Refusal, RejectReason,
    SubscribeError as OperationError, SubscribeFeature, TransportFailure,
};

/// Why a client was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A server's URL is not understood.
    Url(UrlError),
    /// A text or topic breaks the rules of MQTT strings.
    Topic {
        /// Which setting.
        field: &'static str,
        /// What is wrong.
        error: TopicError,
    },
    /// Two settings, or a setting and the profile, contradict each other.
    Config(ConfigError),
    /// The transport's settings cannot work, such as a missing certificate file.
    Transport(transport::ConfigError),
    /// The keep-alive is not a whole number of seconds from 0 to 65,535.
    KeepAlive(std::time::Duration),
    /// The reconnect policy lacks this bound, which protects servers from a
    /// storm of connects.
    Reconnect(&'static str),
    /// [`start`](crate::ClientBuilder::start) was called outside of a tokio runtime.
    NoRuntime,
    /// The operating system gives the runtime of a blocking client no thread, or
    /// no means to wait for sockets.
    Runtime(std::io::Error),
    /// The store does not say what it holds.
    Store(evenkeel_store::StoreError),
    /// The builder was cloned from one with a store. A store serves one
    /// client: each clone is to be given one of its own.
    StoreOfClone,
    /// The operating system gives the store no thread.
    StoreThread(std::io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Topic { field, .. } => write!(f, "the {field} is not valid"),
            Self::Config(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::KeepAlive(value) => write!(
                f,
                "keep-alive of {value:?} is not a whole number of seconds from 0 to 65535"
            ),
            Self::Reconnect(bound) => write!(
                f,
                "the reconnect policy has no {bound}, which keeps clients from storming a server: \
                 leave the default, or set another one"
            ),
            Self::NoRuntime => f.write_str("no tokio runtime: call start() inside one"),
            Self::Store(error) => error.fmt(f),
            Self::StoreOfClone => f.write_str(
                "a store serves one client: give each clone of a builder one of its own",
            ),
            Self::Runtime(_) => f.write_str("the client's runtime cannot start"),
            Self::StoreThread(_) => f.write_str("no thread for the store"),
        }?;
        end_with(self.below(), f)
    }
}

impl BuildError {
    /// The error below, if the text is not its own.
    fn below(&self) -> Below<'_> {
        match self {
            Self::Topic { error, .. } => Some(error),
            Self::Runtime(error) | Self::StoreThread(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Url(error) => error.source(),
            Self::Transport(error) => error.source(),
            Self::Store(error) => error.source(),
            _ => self.below(),
        }
    }
}

/// What a transport failed with, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// The transport could not be opened.
    Connect(transport::ConnectError),
    /// An open transport broke.
    Stream(StreamError),
    /// The credentials hook failed.
    Credentials(CredentialsError),
    /// The endpoint hook failed.
    Endpoint(EndpointError),
    /// The authenticator panicked or ran out of time.
    Authenticator(AuthenticatorError),
    /// Code of the application's that was called while connecting panicked, such
    /// as a connector of its own.
    Panicked,
    /// A WebSocket server closed with this code and text.
    WebSocketClosed(transport::WebSocketClose),
}

impl TransportError {
    /// What happened, in a clause without advice.
    pub fn fact(&self) -> String {
        match self {
            Self::Connect(error) => error.fact(),
            Self::Stream(error) => error.fact(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::Endpoint(error) => error.fmt(f),
            Self::Authenticator(error) => error.fmt(f),
            Self::Panicked => f.write_str("a panic while connecting"),
            Self::WebSocketClosed(close) => write!(f, "the WebSocket server closed: {close}"),
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Connect(error) => error.source(),
            Self::Stream(error) => error.source(),
            Self::Credentials(error) => error.source(),
            Self::Endpoint(error) => error.source(),
            Self::Authenticator(error) => error.source(),
            Self::Panicked | Self::WebSocketClosed(_) => None,
        }
    }
}

/// Why a client is not online and will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The reconnect policy has stopped.
    Halted {
        /// Which rule stopped it.
        halt: Halt,
        /// The end of the last connection or attempt.
        cause: Option<Box<DisconnectCause>>,
        /// The transport's own words about it.
        detail: Option<TransportError>,
    },
    /// The server refused, as if for good; the client goes on trying, since
    /// its policy is [`RefusedPolicy::SlowLane`](crate::RefusedPolicy::SlowLane)
    /// or it was accepted before.
    Refused {
        /// The next attempt.
        retry: Retry,
        /// The refusal.
        cause: Box<DisconnectCause>,
        /// The transport's own words about it.
        detail: Option<TransportError>,
    },
    /// An attempt failed; the client goes on trying. Only from
    /// [`try_online`](crate::Client::try_online).
    Failed {
        /// The next attempt.
        retry: Retry,
        /// How it ended.
        cause: Box<DisconnectCause>,
        /// The transport's own words about it.
        detail: Option<TransportError>,
    },
    /// The client was shut down.
    Closed,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halted { cause, detail, .. } => match (detail, cause) {
                (Some(detail), _) => detail.fmt(f),
                (None, Some(cause)) => cause.fmt(f),
                (None, None) => f.write_str("the client has halted"),
            },
            Self::Refused { detail: Some(detail), .. }
            | Self::Failed { detail: Some(detail), .. } => detail.fmt(f),
            Self::Refused { cause, .. } | Self::Failed { cause, .. } => cause.fmt(f),
            Self::Closed => f.write_str("the client is closed"),
        }?;
        match self.hint() {
            Some(hint) if f.alternate() => write!(f, "; {hint}"),
            _ => Ok(()),
        }
    }
}

impl ConnectError {
    /// What to do about it, if the text does not say so; the alternate form does.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Halted { detail: None, cause: Some(cause), .. }
            | Self::Refused { detail: None, cause, .. }
            | Self::Failed { detail: None, cause, .. } => hints::of_cause(cause),
            _ => None,
        }
    }
}

/// The text is that of the transport's error, or else of the cause.
impl Error for ConnectError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Halted { detail, .. }
            | Self::Refused { detail, .. }
            | Self::Failed { detail, .. } => detail.as_ref().and_then(Error::source),
            Self::Closed => None,
        }
    }
}

/// Why a publish was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is no topic name.
    Topic(TopicError),
    /// A property's text is no MQTT string.
    Property(TextError),
    /// The client does not take it, now or ever; see [`RejectReason::is_temporary`].
    Rejected(RejectReason),
    /// The client has halted: why, is the error that
    /// [`online`](crate::Client::online) gives, and its text is this one's.
    Halted(Box<ConnectError>),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halted(error) => return error.fmt(f),
            Self::Topic(_) => f.write_str("the topic is no topic name"),
            Self::Property(_) => f.write_str("a property is no MQTT string"),
            Self::Rejected(reason) => reason.fmt(f),
        }?;
        end_with(self.source(), f)
    }
}

impl Error for PublishError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Topic(error) => Some(error),
            Self::Property(error) => Some(error),
            Self::Halted(error) => error.source(),
            Self::Rejected(_) => None,
        }
    }
}

/// Why a subscribe or unsubscribe failed as a whole. Filters that the server
/// refused one by one are in the result of a subscribe that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// A filter is no topic filter.
    Filter(TopicError),
    /// A property's text is no MQTT string.
    Property(TextError),
    /// The server refused every filter; the codes are in their order.
    Refused(Vec<evenkeel_codec::ReasonCode>),
    /// The operation could not be done.
    Operation(OperationError),
    /// The client has halted: why, is the error that
    /// [`online`](crate::Client::online) gives, and its text is this one's.
    Halted(Box<ConnectError>),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halted(error) => return error.fmt(f),
            Self::Filter(_) => f.write_str("this is no topic filter"),
            Self::Property(_) => f.write_str("a property is no MQTT string"),
            Self::Refused(codes) => {
                f.write_str("the server refused the subscription: ")?;
                for (index, code) in codes.iter().enumerate() {
                    write!(f, "{}{code}", if index > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Self::Operation(error) => error.fmt(f),
        }?;
        end_with(self.source(), f)
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Filter(error) => Some(error),
            Self::Property(error) => Some(error),
            Self::Halted(error) => error.source(),
            Self::Refused(_) | Self::Operation(_) => None,
        }
    }
}

/// Why a request had no response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The response topic could not be subscribed to.
    Subscribe(SubscribeError),
    /// The request was not accepted.
    Publish(PublishError),
    /// The request was not delivered.
    Delivery(DeliveryError),
    /// The server speaks MQTT 3.1.1, in which a request cannot say where its
    /// response is expected: name a topic that the responder knows.
    NoResponseTopic,
    /// No response came in time.
    TimedOut(std::time::Duration),
    /// The client was closed while waiting.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribe(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
            Self::Delivery(error) => error.fmt(f),
            Self::NoResponseTopic => f.write_str(
                "the server speaks MQTT 3.1.1, in which a request cannot say where its response \
                 is expected: name a topic that the responder knows by response_topic()",
            ),
            Self::TimedOut(after) => write!(f, "no response within {after:?}"),
            Self::Closed => f.write_str("the client was closed while waiting for the response"),
        }
    }
}

impl Error for RequestError {
    fn source(&self) -> Below<'_> {
        match self {
            Self::Subscribe(error) => error.source(),
            Self::Publish(error) => error.source(),
            Self::Delivery(error) => error.source(),
            Self::NoResponseTopic | Self::TimedOut(_) | Self::Closed => None,
        }
    }
}

/// Why [`PublishRequest::delivered`](crate::PublishRequest::delivered) failed: its text
/// is that of the error it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishFailure {
    /// The client did not take the message.
    NotAccepted(PublishError),
    /// The client took it, and it was not delivered.
    NotDelivered(DeliveryError),
}

impl fmt::Display for PublishFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted(error) => error.fmt(f),
            Self::NotDelivered(error) => error.fmt(f),
        }
    }
}

impl Error for PublishFailure {
    fn source(&self) -> Below<'_> {
        match self {
            Self::NotAccepted(error) => error.source(),
            Self::NotDelivered(error) => error.source(),
        }
    }
}
