//! Who gets which message and which outcome of an MQTT client, for any runtime.
//!
//! [`evenkeel_proto::Client`] says what came and what ended. A library on top of
//! it has many tasks that wait for parts of that. This crate holds what such a
//! library needs whatever its runtime: no clock, no I/O, no locks, no task. The
//! tokio client `evenkeel` keeps all of it behind one lock, beside the core.
//!
//! - [`Operations`]: who waits for the outcome of which publish, subscribe or
//!   unsubscribe. A slab gives the tokens, so no operation needs a channel.
//! - [`Streams`]: each message goes once to every stream with a matching filter.
//!   A full stream holds back the messages behind it; messages for
//!   streams that are not open yet are held.
//! - [`Routes`]: the filters of all streams as a tree, for those who need the
//!   matching alone.
//! - [`Waiters`] and [`Wakers`]: tasks that wait for one thing, and wakers to be
//!   woken once the lock is released.
//!
//! # One turn
//!
//! 1. A command to the core takes a token of [`Operations::begin`].
//! 2. After every change of the core, give each
//!    [completion](evenkeel_proto::Client::next_completion) to
//!    [`Operations::complete`], and call [`Streams::route`].
//! 3. Release the lock, then [wake](Wakers::wake).
//! 4. A task takes its outcome with [`Operations::poll`], and the messages of its
//!    stream with [`Streams::take`]; what it took beside the first it gives out
//!    of its [`Prefetched`] without a lock.
//!
//! ```
//! use std::task::Waker;
//!
//! use evenkeel_dispatch::{Operations, Wakers};
//! use evenkeel_proto::{Client, Config, Instant};
//!
//! let now = Instant::from_micros(0);
//! let mut client = Client::new(Config::default(), 42, now)?;
//! let (mut operations, mut wakers) = (Operations::default(), Wakers::default());
//!
//! let token = operations.begin();
//! let filters = vec!["site/+/alarm".try_into()?];
//! client.unsubscribe(now, filters, Default::default(), token)?;
//! assert!(operations.poll(token, Waker::noop()).is_none(), "it waits for a server");
//!
//! client.shutdown(now, core::time::Duration::ZERO);
//! while !matches!(client.poll(now), evenkeel_proto::Output::Wait(_)) {}
//! while let Some(completion) = client.next_completion() {
//!     wakers.extend(operations.complete(completion));
//! }
//! wakers.wake();
//! assert!(operations.poll(token, Waker::noop()).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
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
#[cfg(test)]
extern crate std;

mod operations;
mod routes;
mod streams;
mod tuning;
mod wakers;

pub use operations::Operations;
pub use routes::Routes;
pub use streams::{AckShare, Next, Notice, Opened, Prefetched, StreamMessage, Streams};
pub use wakers::{Waiter, Waiters, Wakers};

/// Identifies an open stream among those of one client.
pub type StreamId = usize;
