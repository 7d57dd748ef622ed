//! The repository's own checks.
//!
//! - [`spec`]: every normative statement that binds a client is cited by a
//!   test or excepted in writing.
//! - [`tidy`]: sizes, layers, banned words, links.
//! - [`features`]: every package builds with each of its features alone.
//! - [`picture`]: draws the demo for the README.
//!
//! A check is a function from file contents to [`Fault`]s, so its tests feed
//! it contents that break the rule and contents that just keep it.
#![forbid(unsafe_code)]

mod fault;
pub mod features;
pub mod picture;
mod repository;
pub mod spec;
pub mod tidy;

pub use fault::Fault;
pub use repository::{Repository, Source};
