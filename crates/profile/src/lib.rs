//! What MQTT brokers allow, as data.
//!
//! A [`Profile`] is a set of limits. Each limit carries where its number comes
//! from, how far it can be trusted and what the broker does when it is broken.
//! The numbers live here once and have several readers: the client shapes its
//! traffic by them, the development broker enforces them, and tools judge
//! recorded traffic by them.
//!
//! ```
//! use core::time::Duration;
//!
//! let aws = evenkeel_profile::aws_iot_core();
//! assert_eq!(aws.min_ping_spacing(), Some(Duration::from_millis(30_500)));
//! assert_eq!(aws.max_subscribe_filters(), Some(8));
//! ```
//!
//! With the feature `std`, profiles are also read from TOML files: see
//! `Profile::from_toml`.
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core
)]

extern crate alloc;

mod aws_iot_core;
mod limit;
mod limits;
#[cfg(feature = "std")]
mod load;
mod profile;
mod standard;
mod value;

pub use aws_iot_core::{aws_iot_core, aws_iot_core_vpc};
pub use limit::{Confidence, Limit, LimitInfo, OnBreak};
pub use limits::{ConnectionLimits, PublishLimits, SubscribeLimits};
#[cfg(feature = "std")]
pub use load::LoadError;
pub use profile::{BUILT_IN, Inconsistency, Profile};
pub use standard::standard;
pub use value::{ConnectFloor, KeepAliveRange, LengthRange, Rate, TopicPrefixes};
