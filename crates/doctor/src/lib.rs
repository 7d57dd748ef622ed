//! Why does this connection flap? A timeline of evidence goes in, findings
//! come out: each one names a cause, shows its proof and says how to fix it.
//!
//! The crate reads no files and no clock. Who has evidence, such as a capture
//! or a log, registers a [`Source`] and feeds its [`Event`]s in the order of
//! their times; the [`Doctor`] follows every connection and client, asks its
//! [`rules`](rules()) at the moments that concern them, and keeps what they
//! find. [`Doctor::report`] weighs the findings against each other: what only
//! follows from a cause is listed beneath that cause.
//!
//! Each source is judged by itself, with what it can show. A client that
//! several sources name has its findings side by side in one report.
//!
//! # Memory
//!
//! Everything that is kept is bounded ([`Bounds`]): connections, clients,
//! texts, findings, and what is remembered of each. What does not fit is
//! forgotten, oldest first, and the report counts it.
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

mod arbitration;
mod bounds;
mod doctor;
mod event;
mod finding;
mod report;
mod ring;
mod rule;
mod rules;
mod sighting;
mod source;
mod steady;
mod texts;
mod time;
#[cfg(test)]
#[path = "tests/trace/mod.rs"]
mod trace;
mod track;

pub use bounds::Bounds;
pub use doctor::{Doctor, UnknownThreshold};
pub use event::{
    Address, Alpn, Begins, CloseHow, ConnAckSeen, ConnectSeen, ConnectionId, Denied, Event,
    OpenFailure, PacketSeen, Place, PublishSeen, Side, SubscribeSeen, What, Words,
};
pub use finding::{Confidence, Finding, Proof};
pub use report::{ClientSummary, Fate, Report, SourceSummary, Strip};
pub use rule::{Meta, Severity, Threshold, Vantages};
pub use rules::{rule, rules};
pub use source::{Source, SourceId, Vantage};
pub use texts::{TextId, Texts};
pub use time::Time;
