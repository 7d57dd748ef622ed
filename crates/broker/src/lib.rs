//! An MQTT broker for development and tests: MQTT 3.1, 3.1.1 and 5 on one
//! port, over TCP, TLS, WebSocket and Unix sockets or in memory, with faults on
//! purpose and an event for every decision.
//!
//! It enforces the specification to the letter and keeps everything in memory,
//! bounded. It is no production broker: passwords are plain text, nothing
//! survives its process, one lock serves all connections.
//!
//! # Quick start
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_broker::{Broker, fault::When};
//! use evenkeel_codec::PacketType;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::builder()
//!     .bind_tcp("127.0.0.1:0")
//!     .fault(When::sent(PacketType::PingResp).nth(1).named("one lost answer").drop())
//!     .start()
//!     .await?;
//! println!("listening at {}", broker.url());
//!
//! // ... run a client against it; here, by hand: CONNECT and PINGREQ twice.
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! let mut client = tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await?;
//! client.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x\xc0\0\xc0\0").await?;
//! let mut answers = [0; 6];
//! client.read_exact(&mut answers).await?;
//! assert_eq!(&answers, b"\x20\x02\0\0\xd0\0", "CONNACK, and one PINGRESP");
//!
//! let stats = broker.stats();
//! assert_eq!((stats.pings_received(), stats.pings_answered()), (2, 1));
//! let fault = broker.wait_for(Duration::from_secs(5), |event| event.name() == "fault").await;
//! println!("{}", fault.unwrap().to_json());
//! broker.restart(true, Duration::from_millis(10)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! - [`core`] is the broker itself, without I/O and without a clock, for tests
//!   on virtual time.
//! - [`fault`] are the rules for what goes wrong, in Rust or as a TOML file.
//! - [`relay`] does the faults of a script on connections that somebody else serves.
//! - [`Broker`] runs a core behind listeners; [`Config`] is everything it can
//!   be told.
//!
//! # Memory and back-pressure
//!
//! Everything is bounded by [`Limits`]. A subscriber that does not keep up
//! first stops its connection's output, then fills its session's queue. While a
//! connected subscriber's queue is more than half full, publishers get their
//! acknowledgements late ([`Limits::hold_acks_for`]); when it is full, messages
//! are dropped for that subscriber, counted and told as an event. A client that
//! does not read what it asked for is not read from either.

#![forbid(unsafe_code)]

mod arrivals;
mod barrier;
mod broker;
mod builder;
pub mod core;
pub mod fault;
mod listen;
mod reader;
pub mod relay;
mod serve;
mod shared;
mod text;

pub use crate::broker::Broker;
pub use crate::builder::{Builder, StartError};
pub use crate::core::{
    Access, Behaviour, By, Challenge, ClientStats, CloseReason, Closer, Config, ConnectionId,
    Denial, Event, EventKind, Instant, Limits, Memory, Offer, PacketCounts, Quota, Situation,
    Snapshot, Span, Stats, Strictness, Users, UsersError, UsersProblem,
};
#[cfg(feature = "http")]
pub use crate::listen::Role;
#[cfg(feature = "tls")]
pub use crate::listen::{Tls, TlsError, TlsPart};
pub use crate::shared::SaveState;
