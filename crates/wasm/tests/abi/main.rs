//! The ABI, driven natively through the functions that the module exports.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod arguments;
mod configuration;
mod connection;
mod fuzzed;
mod hostile;
mod large;
mod publish;
mod receive;
#[cfg(feature = "sessions")]
mod store;
mod subscribe;
mod world;
