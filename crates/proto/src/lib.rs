//! The Evenkeel MQTT client as a state machine without I/O.
//!
//! The core has no clock, no randomness, no sockets and no threads. Time and
//! a seed come in as arguments; what to do comes out. One loop drives it:
//!
//! 1. Feed an [`Input`] with the present [`Instant`], or call a command such
//!    as [`Client::publish`].
//! 2. Call [`Client::poll`] until it returns [`Output::Wait`]; do what the
//!    other outputs ask.
//! 3. Take outcomes with [`Client::next_completion`] and messages with
//!    [`Client::next_message`].
//! 4. If no write is under way, take bytes with [`Client::take_transmit`],
//!    write them, and report [`Input::Written`] for what the transport took.
//! 5. Read while [`Client::wants_read`], handing over the buffer by
//!    [`Input::Received`].
//! 6. Sleep until the deadline of the wait, a readable socket, or a command.
//!    Before a deadline is reported, the socket is read until it is empty, and
//!    what it takes is written.
//!
//! ```
//! use evenkeel_proto::{Client, Config, Input, Instant, Output};
//!
//! let now = Instant::from_micros(0);
//! let mut client = Client::new(Config::default(), 42, now)?;
//! client.start(now);
//! let Output::Event(_) = client.poll(now) else { panic!("the attempt is announced") };
//! let Output::Open(open) = client.poll(now) else { panic!("then asked for") };
//! client.handle(now, Input::Opened(open.conn, None));
//! while !matches!(client.poll(now), Output::Wait(_)) {}
//! let mut bytes = evenkeel_proto::Transmit::default();
//! assert_eq!(client.take_transmit(&mut bytes), Some(open.conn));
//! assert_eq!(bytes.chunks().next().unwrap()[0], 0x10, "CONNECT comes first");
//! # Ok::<(), evenkeel_proto::ConfigError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::alloc_instead_of_core
    )
)]

extern crate alloc;

mod alias;
mod cause;
mod client;
mod config;
mod connection;
mod event;
mod io;
pub mod keepalive;
mod limits;
mod operation;
mod reconnect;
pub mod record;
mod reference;
mod rng;
mod session;
mod stats;
mod time;
mod transmit;

pub use cause::{
    CauseClass, ConnectPhase, DisconnectCause, ProtocolError, Refusal, TransportFailure,
};
pub use client::{Accepted, Client, ShutdownReport};
pub use config::{
    Bounds, Config, ConfigError, ConnectConfig, KeepAliveConfig, OfflineQos0, QueueConfig,
    WhenFull, WhenUncertain,
};
pub use event::{Connected, Event, State};
pub use io::{
    AckKey, Challenge, Close, ConnectionId, Credentials, Incoming, Input, Open, Output, Served,
};
pub use limits::{Effective, Limits, SetBy};
pub use operation::{
    Completion, Delivered, DeliveryError, PublishLimit, QueueError, RejectReason, SubscribeError,
    SubscribeFeature, Token,
};
pub use reconnect::{
    Halt, Pace, Reconnect, RefusedPolicy, Repetition, Retry, TakeOverPolicy, Verdict,
};
pub use reference::NamedServer;
pub use stats::Stats;
pub use time::{Deadline, Instant, Timer};
pub use transmit::Transmit;

pub use evenkeel_codec as codec;
