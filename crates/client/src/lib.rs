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
//! # What to know
//!
//! - [`ClientBuilder::start`] returns at once and connects in the background;
//!   a task of the library's keeps the connection and opens it again under the
//!   [`Reconnect`] policy. Nothing has to be polled.
//! - Awaiting [`Client::publish`] hands the message over and gives a
//!   [`Receipt`]; awaiting the receipt gives the acknowledgement. Messages
//!   published while offline are queued within bounds.
//! - Awaiting [`Client::subscribe`] gives a stream of [`Messages`]. A message
//!   is acknowledged when it is dropped, or by hand. A stream that is not read
//!   holds back the server; it never stops pings or acknowledgements of what
//!   this client publishes.
//! - What happens is told three ways: [`Client::state`] now,
//!   [`Client::watch_state`] when it changes, [`Client::events`] in full.
#![forbid(unsafe_code)]

#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod classify;
mod client;
mod clock;
mod describe;
mod driver;
mod error;
mod explain;
mod hooks;
mod message;
mod operations;
mod publish;
mod request;
mod routes;
mod shared;
mod streams;
mod subscribe;
pub mod tls;
mod topic;
pub mod transport;
pub mod url;
mod wakers;

pub use builder::{ClientBuilder, Will};
pub use client::Client;
pub use clock::Clock;
pub use describe::Words;
pub use error::{
    BuildError, ConnectError, PublishError, RequestError, SubscribeError, TransportError,
};
pub use hooks::{Authenticator, Credentials, CredentialsError, HookFuture};
pub use message::{Message, Messages};
pub use publish::{PublishOutcome, PublishRequest, Publishing, Receipt, RejectedPublish};
pub use request::Request;
pub use shared::Report;
pub use subscribe::{SubscribeRequest, UnsubscribeRequest};
pub use topic::{IntoFilter, IntoTopic};

pub use evenkeel_codec::{
    Bytes, Properties, Property, PropertyId, QoS, ReasonCode, RetainHandling, Text, TextError,
    TopicError, TopicFilter, TopicName, Version,
};
pub use evenkeel_profile as profile;
pub use evenkeel_proto::{
    Bounds, CauseClass, ConfigError, ConnectPhase, Connected, Delivered, DeliveryError,
    DisconnectCause, DrainReport, Effective, Event, Halt, Instant, Limits, OfflineQos0, Pace,
    ProtocolError, PublishLimit, QueueConfig, Reconnect, RefusedPolicy, RejectReason, Repetition,
    Retry, SetBy, State, Stats, TakeOverPolicy, TransportFailure, keepalive,
};
