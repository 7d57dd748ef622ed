//! An MQTT 3.1, 3.1.1 and 5 client whose connections stay up.
//!
//! # Quick start
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel::{Client, QoS};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("mqtt://localhost").client_id("pump-17").start()?;
//! if let Err(why) = client.try_online().await {
//!     eprintln!("{why:#}"); // the address, TLS, the password; the client tries on
//! }
//! let mut alarms = client.subscribe("site/+/alarm").qos(QoS::AtLeastOnce).await?;
//!
//! let receipt = client.publish("site/7/level", "4.2").qos(QoS::AtLeastOnce).await?;
//! let delivered = receipt.await?; // the server has it
//! println!("acknowledged after {:?}", delivered.round_trip);
//!
//! while let Some(alarm) = alarms.next().await {
//!     println!("{}: {:?}", alarm.topic(), alarm.payload());
//! }
//! client.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! [`Client`] is the handle, [`ClientBuilder`] makes it. Their methods return what
//! [`request`] has; what a client tells of itself is in [`events`], what can go wrong in
//! [`error`]. Settings are in [`config`], [`tls`], [`transport`] and [`profile`]; topics,
//! properties and reason codes in [`packet`]; messages that wait in [`queue`], and what lets
//! them outlive the process in [`store`]. Programs without async use [`blocking`](blocking::Client).
//!
//! # What to know
//!
//! - [`ClientBuilder::start`] returns at once and connects in the background;
//!   a task of the library's keeps the connection and opens it again under the
//!   [`Reconnect`] policy. Nothing has to be polled.
//! - Awaiting [`Client::publish`] hands the message over and gives a
//!   [`Receipt`]; awaiting the receipt gives the acknowledgement. Messages
//!   published while offline are queued within bounds.
//! - With a [`ClientBuilder::store`] QoS 1 and 2 messages and the session
//!   outlive the process: a publish is accepted once it is stored, and the
//!   next client with that store goes on. [`Client::queue`] looks into the
//!   queue, [`Client::drained`] waits until it is empty.
//! - Awaiting [`Client::subscribe`] gives a stream of [`Messages`]. A message
//!   is acknowledged when it is dropped, or by hand. A stream that is not read
//!   holds back the server; it never stops pings or acknowledgements of what
//!   this client publishes.
//! - What happens is told three ways: [`Client::state`] now,
//!   [`Client::watch_state`] when it changes, [`Client::events`] in full, also
//!   as lines of JSON for a file (`Report::to_json`, feature `json`). The same
//!   goes to `tracing`, in a span `evenkeel` with the client identifier:
//!   the life of connections at `INFO`, what was given up at `WARN`, packets
//!   and pings at `TRACE`; never a payload, a password or authentication data.
//! - The library's task needs its share of a thread. A handler that computes
//!   for seconds belongs into [`tokio::task::spawn_blocking`] or a thread of
//!   its own: a late turn ends no connection from this side, but a server closes
//!   one that is silent for one and a half times the keep-alive.
//!
//! # Sessions that go on
//!
//! With [`clean_start(false)`](ClientBuilder::clean_start) and a
//! [`session_expiry`](ClientBuilder::session_expiry) the server keeps the
//! session while the program is away, and sends what it has stored as soon as
//! the client is back: before the application has subscribed to anything.
//! Nothing of that is lost:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use evenkeel::{Client, QoS};
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("mqtt://localhost")
//!     .client_id("pump-17")
//!     .clean_start(false)
//!     .session_expiry(Duration::from_secs(24 * 3600))
//!     .start()?;
//! // Has what was stored for it, then what comes.
//! let mut alarms = client.subscribe("site/+/alarm").qos(QoS::AtLeastOnce).await?;
//! // Has the rest: subscriptions of an earlier run, that no stream is for.
//! let unmatched = client.unmatched();
//! # Ok(())
//! # }
//! ```
//!
//! - A message that no open stream matches is held, unacknowledged, for the
//!   first stream that does, or for [`Client::unmatched`]. A stream that is
//!   opened gets what is held for it in the order it came, before what follows.
//! - An application that has opened no stream yet is waited for, within the
//!   inbox's [`Bounds`]. Once it has opened one, what is held holds back the
//!   acknowledgements of what follows, so it is given up 30 s after the last
//!   stream was opened: acknowledged, logged and counted by
//!   [`Client::discarded`]. The time, or not to hold anything, is set by
//!   [`hold_unmatched`](ClientBuilder::hold_unmatched), which has the rules in full.
//! - To end a subscription that an earlier run left behind, call
//!   [`Client::unsubscribe`]. To leave one to the next run, call
//!   [`Messages::keep`] or shut down before dropping its stream.
//!
//! # Errors, and what to do
//!
//! | Error | Means | What to do |
//! |---|---|---|
//! | [`BuildError`] | Settings that cannot work; nothing was started. | Fix what the text names. |
//! | [`ConnectError::Failed`] | An attempt failed, told by [`try_online`](Client::try_online); the client tries on. | Show it; wait with [`Client::online`]. |
//! | [`ConnectError::Refused`] | The server refused; the client tries on, once a minute or more rarely. | Show it; fix the cause. |
//! | [`ConnectError::Closed`] | The client was shut down. | Nothing. |
//! | [`ConnectError::Halted`] | The server refused for good, or the [`Reconnect`] policy stopped. | Show it; fix the cause; [`Client::reconnect`] tries again. |
//! | [`PublishError::Topic`], [`PublishError::Property`] | The message breaks a rule of MQTT. | Fix it. |
//! | [`PublishError::Rejected`] | No room ([`is_temporary`](RejectReason::is_temporary); only from [`try_send`](PublishRequest::try_send)), more than the server or profile takes, or the client is closed. | Await the publish instead of `try_send`; obey [`Client::limits`]. |
//! | [`PublishError::Halted`], [`SubscribeError::Halted`] | The client has halted; the text says why. | As for [`ConnectError::Halted`]. |
//! | [`DeliveryError::Refused`] | The server has it and says no. | Look at the code; the same message again has the same fate. |
//! | [`DeliveryError::WrongAcknowledgement`] | The server took it with another QoS: RabbitMQ 3 has no QoS 2. | Use the QoS that the text names. |
//! | [`DeliveryError::ConnectionLost`] | QoS 0, and the connection broke before it was written. | Publish with QoS 1 what must arrive. |
//! | [`DeliveryError::Uncertain`] | QoS 2: the server took it, and may have lost it with its session. | Publish it again if it may arrive twice; [`ClientBuilder::when_uncertain`] does so by itself. |
//! | [`DeliveryError::Expired`] | Its expiry passed in the queue. | Nothing, if the expiry was meant. |
//! | [`DeliveryError::Quarantined`] | Connections die with it in flight. | Report the message to those who run the server. |
//! | [`DeliveryError::Abandoned`] | The client closed or halted first. | Keep it for the next run; with attempts above 0 the server may have it. |
//! | [`DeliveryError::ConnectionRefused`] | The client halted, as it was refused for good. | Fix what the refusal names; with attempts above 0 the server may have the message. |
//! | [`DeliveryError::StillStored`] | The client closed first; the store has it. | Start a client with that store. |
//! | [`DeliveryError::NotStored`] | The store failed: the message was never accepted. | Fix the disk; publish it again. |
//! | [`DeliveryError::Dropped`], [`DeliveryError::Superseded`] | It gave way in the queue, by [`WhenFull`]. | Nothing, if the policy was meant. |
//! | [`DeliveryError::Removed`] | The application took it out of the queue. | Nothing. |
//! | [`DeliveryError::NotAllowed`] | More than the server, or the profile, takes by now. | Obey [`Client::limits`]. |
//! | [`DeliveryError::Withdrawn`] | The application gave it up. | Nothing; with attempts above 0 the server may have it. |
//! | [`SubscribeError::Filter`], [`SubscribeError::Property`] | The filter or a property breaks a rule of MQTT. | Fix it. |
//! | [`SubscribeError::Operation`] | It could not be done: the client is closed, or the server cannot do what was asked for. | What the text names. |
//! | [`SubscribeError::Refused`] | The server granted no filter. | Look at the codes: mostly permissions. |
//! | [`RequestError::TimedOut`] | No response. | See that the responder is there and answers to the response topic. |
//! | [`RequestError::NoResponseTopic`] | MQTT 3.1.1 has no response topic. | Agree on a topic, publish and subscribe. |
//! | [`RequestError::Subscribe`], [`RequestError::Publish`], [`RequestError::Delivery`] | A part of the request failed. | As for that error. |
//! | [`RequestError::Closed`] | The client was closed while waiting. | Nothing. |
//! | [`QueueError::Unknown`], [`QueueError::InFlight`], [`QueueError::NotQuarantined`] | The message is not, or no longer, in that state. | Look again: [`Queue::list`](queue::Queue::list). |
//! | [`QueueError::Rejected`], [`QueueError::Storage`] | No room, or the store failed. | Later again; fix the disk. |
//! | [`Event::Disconnected`] | A connection ended; the client comes back by itself. | Nothing; [`Report::error`] has the transport's words. |
#![forbid(unsafe_code)]

/// Compiles the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

mod arguments;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
mod base64;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod client;
mod clock;
pub mod config;
mod driver;
#[cfg(any(feature = "aws", feature = "azure"))]
mod encode;
pub mod error;
pub mod events;
mod explain;
mod hints;
mod hooks;
mod io_error;
mod measures;
pub mod packet;
mod publish;
pub mod queue;
mod receive;
pub mod request;
mod server;
mod shared;
mod snapshot;
pub mod tls;
pub mod transport;
mod tuning;
pub mod url;
mod will;

pub use builder::ClientBuilder;
pub use client::Client;
#[doc(inline)]
pub use evenkeel_codec::{QoS, Version};
#[doc(inline)]
pub use evenkeel_proto::{Event, State};
pub use publish::Receipt;
pub use receive::{Message, Messages};
pub use will::Will;

pub use evenkeel_profile as profile;
pub use evenkeel_store as store;

/// The paths of 0.1, which had all names here. They go with 0.3.
#[doc(hidden)]
pub use {
    config::{
        Authenticator, Bounds, Clock, Credentials, HookFuture, IntoServer, OfflineQos0,
        QueueConfig, Reconnect, RefusedPolicy, TakeOverPolicy, WhenFull, WhenUncertain,
    },
    error::{
        AuthenticatorError, BuildError, CauseClass, ConfigError, ConnectError, CredentialsError,
        DecodeError, DeliveryError, DisconnectCause, EncodeError, EndpointError, Halt, NamedServer,
        OperationError, PropertyError, ProtocolError, PublishError, PublishFailure, PublishLimit,
        QueueError, Refusal, RejectReason, RequestError, StorageFailure, SubscribeError,
        SubscribeFeature, TextError, TopicError, TransportError, TransportFailure,
    },
    evenkeel_proto::keepalive,
    events::{
        ConnectPhase, Connected, ConnectionId, Effective, Events, Instant, Limits, Pace,
        Repetition, Report, Retry, SetBy, Stats,
    },
    packet::{
        Bytes, PacketId, Properties, Property, PropertyId, ReasonCode, RetainHandling,
        SubscribeOptions, Text, TopicFilter, TopicName,
    },
    queue::{Priority, Queue, Serial, ShutdownReport, StoredMessage, StoredState, Window},
    request::{
        Delivered, IntoBytes, IntoFilter, IntoFilters, IntoTopic, PublishRequest, Publishing,
        RejectedPublish, Request, SubscribeRequest, UnsubscribeRequest,
    },
};
