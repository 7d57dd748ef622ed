//! The Evenkeel MQTT client as a state machine without I/O.
//!
//! The core has no clock, no randomness, no sockets and no threads. Time and a
//! seed come in as arguments; what to do comes out. One loop drives it, here on
//! a blocking socket; `examples/tcp` is the same loop as a program that runs:
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use bytes::BytesMut;
//! use evenkeel_proto::{
//!     Client, Config, Input, Instant, Output, State, TransportFailure, Transmit,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = std::time::Instant::now();
//! let now = || Instant::from_micros(clock.elapsed().as_micros() as u64);
//! let mut client = Client::new(Config::default(), 42, now())?;
//! // 1. Command: start, publish, subscribe, ... as the program likes.
//! client.start(now());
//! let (mut socket, mut input, mut output) = (None, BytesMut::new(), Transmit::default());
//! while client.state() != State::Closed {
//!     // 2. Drain: poll until the client waits, and do what it asks for.
//!     let deadline = loop {
//!         match client.poll(now()) {
//!             Output::Wait(deadline) => break deadline,
//!             Output::Event(event) => println!("{event}"),
//!             Output::Open(open) => {
//!                 (input, output) = (BytesMut::new(), Transmit::default());
//!                 socket = TcpStream::connect("localhost:1883").ok().map(|it| (open.conn, it));
//!                 client.handle(now(), match socket {
//!                     Some(_) => Input::Opened(open.conn, None),
//!                     None => Input::Closed(open.conn, TransportFailure::Refused),
//!                 });
//!             }
//!             Output::Close(_) => socket = None,
//!             Output::Authenticate(..) | Output::Commit(_) => {} // Neither is configured.
//!         }
//!     };
//!     // 3. Drain: outcomes and messages.
//!     while let Some(completion) = client.next_completion() {
//!         println!("{completion:?}");
//!     }
//!     while let Some(message) = client.next_message() {
//!         println!("{:?}", message.publish.payload);
//!     }
//!     let least = std::time::Duration::from_millis(1);
//!     let wait = deadline.map(|deadline| deadline.at.since(now()).max(least));
//!     let Some((conn, stream)) = &mut socket else {
//!         std::thread::sleep(wait.unwrap_or_default());
//!         continue;
//!     };
//!     // 4. Write what waits, and feed how much the transport took.
//!     client.take_transmit(&mut output);
//!     let whole = output.len();
//!     if whole > 0 && output.chunks().all(|chunk| stream.write_all(chunk).is_ok()) {
//!         output.advance(whole);
//!         client.handle(now(), Input::Written(*conn, whole));
//!     }
//!     // 5. Read until the deadline, and feed what came.
//!     stream.set_read_timeout(wait)?;
//!     let mut bytes = [0; 4096];
//!     match stream.read(&mut bytes) {
//!         Ok(0) => client.handle(now(), Input::Closed(*conn, TransportFailure::Eof)),
//!         Ok(count) => {
//!             input.extend_from_slice(&bytes[..count]);
//!             client.handle(now(), Input::Received(*conn, &mut input));
//!         }
//!         Err(_) => {} // The deadline has come; a real program looks at the kind.
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What the order of calls has to be stands at [`Client`].
//!
//! # Features
//!
//! All are on by default. A program that is to be small, such as a WebAssembly
//! module, leaves out what it does not use.
//!
//! | feature | what it brings |
//! |---|---|
//! | `store` | Sessions that outlive the process: `Client::recover` |
//! | `quarantine` | What connections die of is set aside; without it such a packet is sent again each time, as with [`Bounds::deaths_per_packet`] 0 |
//! | `profiles` | Limits of brokers beyond those of MQTT: `Config::obey` |
//! | `rates` | [`Config::rates`] are kept to; without it they are not |
//! | `trees` | Ordered maps are B-trees, fast with tens of thousands of entries; without it they are sorted lists, of less code |
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
mod hash;
mod io;
pub mod keepalive;
mod limits;
mod operation;
mod pace;
pub mod profile;
mod reconnect;
pub mod record;
mod reference;
mod rng;
mod session;
#[doc(hidden)]
pub mod sorted;
mod stats;
mod time;
mod trace;
mod transmit;
mod tuning;
mod words;

pub use cause::{
    CauseClass, Closer, ConnectPhase, DisconnectCause, ProtocolError, Refusal, TransportFailure,
};
pub use client::{Accepted, Client, ShutdownReport};
pub use config::{
    Bounds, Config, ConfigError, ConnectConfig, KeepAliveConfig, OfflineQos0, QueueConfig,
    TopicAliases, WhenFull, WhenUncertain,
};
pub use event::{Connected, Event, State};
pub use hash::hash;
pub use io::{
    AckKey, Challenge, Close, ConnectionId, Credentials, Incoming, Input, Open, Output, Served,
};
pub use limits::{Effective, Limits, SetBy};
pub use operation::{
    AckError, Acknowledged, Answer, Completion, Delivered, DeliveryError, PublishLimit, QueueError,
    RejectReason, SubscribeError, SubscribeFeature, Token,
};
pub use pace::{RateLeft, RateLimit, RateWait, Rates};
pub use reconnect::{
    Ban, Expected, Halt, Pace, Reconnect, RefusedPolicy, Repetition, Retry, ServerHabits,
    TakeOverPolicy, Verdict,
};
pub use reference::NamedServer;
pub use stats::Stats;
pub use time::{Deadline, Instant, Timer};
pub use trace::{Direction, Traced};
pub use transmit::Transmit;

pub use {bytes, evenkeel_codec as codec};
