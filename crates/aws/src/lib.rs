//! AWS IoT Core behind the development broker: who may do what, and the
//! services behind reserved topics; and the verdicts of its acceptance tests.
//!
//! Nothing here knows a clock, a socket or a file: time comes in with each
//! call, and state goes out as a value that the driver writes down.
//!
//! # The services
//!
//! [`Services`] takes what clients do and says what is to be done about it.
//! The driver asks [`Services::claims`] for each PUBLISH that the gate has let
//! through, gives all but the forbidden ones to [`Services::on_publish`], tells
//! of connections and subscriptions, calls [`Services::tick`] at
//! [`Services::deadline`], and carries out the [`Effects`] in their order.
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_aws::{Claim, Effect, Effects, NoIssuer, Request, Services, Time, WrittenState};
//!
//! let mut services = Services::default();
//! let time = Time { elapsed: Duration::ZERO, unix: Duration::from_secs(1_800_000_000) };
//! let request = Request {
//!     time,
//!     client: "lamp-1",
//!     topic: "$aws/things/lamp/shadow/update",
//!     payload: br#"{"state": {"desired": {"on": true}}}"#,
//! };
//! assert_eq!(services.claims(request.topic), Claim::Consume);
//!
//! let mut effects = Effects::new();
//! services.on_publish(&request, &mut NoIssuer, &mut effects);
//! let topics: Vec<&str> = effects
//!     .iter()
//!     .filter_map(|effect| match effect {
//!         Effect::Publish(message) => Some(message.topic.as_str()),
//!         _ => None,
//!     })
//!     .collect();
//! assert_eq!(topics, [
//!     "$aws/things/lamp/shadow/update/accepted",
//!     "$aws/things/lamp/shadow/update/delta",
//!     "$aws/things/lamp/shadow/update/documents",
//! ]);
//!
//! // What must survive the process; the driver writes it before it answers.
//! let changes = services.changes(time);
//! assert!(changes.contains_key("shadows/lamp/"));
//! let mut written = WrittenState::default();
//! for (name, value) in services.state(time) {
//!     written.add(WrittenState::line([(name.as_str(), Some(value.as_str()))]).as_bytes()).unwrap();
//! }
//! let mut later = Services::default();
//! later.load(written, time).unwrap();
//! assert_eq!(later.shadows().get(time, "lamp", None).unwrap()["state"]["delta"]["on"], true);
//! ```

#![forbid(unsafe_code)]

pub mod advisor;
mod effects;
pub mod emulator;
pub mod gate;
mod http;
pub mod jobs;
mod json;
mod lifecycle;
mod limits;
mod names;
mod note;
pub mod provisioning;
mod request;
mod reserved;
pub mod rules;
mod service;
pub mod shadow;
mod state;
mod time;

pub use effects::{Effect, Effects, Message, QoS};
pub use lifecycle::{ConnectFailed, Connected, DisconnectReason};
pub use limits::{
    JobLimits, LifecycleLimits, Limits, ProvisioningLimits, RuleLimits, ShadowLimits,
};
pub use names::is_thing as is_thing_name;
pub use note::Note;
pub use provisioning::{Issuer, NoIssuer};
pub use request::Request;
pub use reserved::{
    Claim, Format, JobsOperation, ProvisioningOperation, Reserved, ShadowOperation, claim,
    may_subscribe,
};
pub use service::Services;
pub use state::{Parts, StateError, WrittenState};
pub use time::Time;
