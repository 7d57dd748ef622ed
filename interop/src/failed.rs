//! How a conversation can go wrong.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::time::Duration;

use evenkeel::{
    BuildError, ConnectError, DeliveryError, PublishError, PublishFailure, RequestError,
    SubscribeError,
};

/// How long one step of a conversation may take. Generous: the machines that
/// run this are often busy with other things.
const STEP: Duration = Duration::from_secs(20);

/// Why a conversation did not go as it must.
#[derive(Debug)]
pub enum Failed {
    /// A client could not be made.
    Build(BuildError),
    /// A client gave up connecting.
    Connect(ConnectError),
    /// A message was not accepted.
    Publish(PublishError),
    /// A message was not delivered.
    Delivery(DeliveryError),
    /// A subscribe or unsubscribe failed.
    Subscribe(SubscribeError),
    /// A request had no response.
    Request(RequestError),
    /// A step took too long.
    TimedOut {
        /// What was waited for.
        step: String,
        /// For how long.
        after: Duration,
    },
    /// Something happened that must not, or the other way round.
    Wrong(String),
    /// The server under test could not be run.
    Server(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
            Self::Delivery(error) => error.fmt(f),
            Self::Subscribe(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::TimedOut { step, after } => write!(f, "{step}: nothing for {after:?}"),
            Self::Wrong(text) => f.write_str(text),
            Self::Server(text) => write!(f, "the server: {text}"),
        }
    }
}

impl std::error::Error for Failed {}

/// Makes `?` work on the library's errors.
macro_rules! from {
    ($($error:ident => $variant:ident),*) => {
        $(impl From<$error> for Failed {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(
    BuildError => Build,
    ConnectError => Connect,
    PublishError => Publish,
    DeliveryError => Delivery,
    SubscribeError => Subscribe,
    RequestError => Request
);

impl From<PublishFailure> for Failed {
    fn from(outcome: PublishFailure) -> Self {
        match outcome {
            PublishFailure::NotAccepted(error) => Self::Publish(error),
            PublishFailure::NotDelivered(error) => Self::Delivery(error),
        }
    }
}

/// Waits for a step, but not without end.
pub async fn soon<F: IntoFuture>(step: &str, future: F) -> Result<F::Output, Failed> {
    within(STEP, step, future.into_future()).await
}

/// Waits for a step up to `limit`.
pub async fn within<F: Future>(
    limit: Duration,
    step: &str,
    future: F,
) -> Result<F::Output, Failed> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| Failed::TimedOut { step: step.to_owned(), after: limit })
}

/// Ends the conversation unless the condition holds.
#[macro_export]
macro_rules! must {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::failed::Failed::Wrong(format!($($text)+)));
        }
    };
}
