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
//! `Profile::from_toml`. [`Profile::from_written`] reads what another format's
//! parser gives, without serde and std.
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

mod adafruit_io;
mod alibaba_apsaramq;
mod alibaba_iot_platform;
mod aws_iot_core;
mod azure_event_grid;
mod azure_iot_hub;
mod baidu_iot_core;
mod built_in;
mod emqx_serverless;
mod google_like;
mod handling;
mod huawei_iotda;
mod limit;
mod limits;
#[cfg(feature = "std")]
mod load;
mod losant;
mod naver_iot_core;
mod plain;
mod profile;
mod standard;
mod tencent_iot_hub;
mod tencent_iot_hub_cn;
mod thingsboard_cloud;
mod unit;
#[cfg(feature = "std")]
mod units;
mod value;
mod write;
mod written;

pub use adafruit_io::adafruit_io;
pub use alibaba_apsaramq::alibaba_apsaramq;
pub use alibaba_iot_platform::alibaba_iot_platform;
pub use aws_iot_core::{aws_iot_core, aws_iot_core_vpc};
pub use azure_event_grid::azure_event_grid;
pub use azure_iot_hub::azure_iot_hub;
pub use baidu_iot_core::baidu_iot_core;
pub use built_in::{BUILT_IN, about};
pub use emqx_serverless::emqx_serverless;
pub use google_like::google_like;
pub use handling::{Action, HANDLINGS, Handling, Obeyed};
pub use huawei_iotda::huawei_iotda;
pub use limit::{Confidence, Limit, LimitInfo, OnBreak};
pub use limits::{ConnectionLimits, PublishLimits, SubscribeLimits};
#[cfg(feature = "std")]
pub use load::LoadError;
pub use losant::losant;
pub use naver_iot_core::naver_iot_core;
pub use plain::{LimitValue, Plain};
pub use profile::{Inconsistency, Profile};
pub use standard::standard;
pub use tencent_iot_hub::tencent_iot_hub;
pub use tencent_iot_hub_cn::tencent_iot_hub_cn;
pub use thingsboard_cloud::thingsboard_cloud;
pub use value::{
    AuthenticationKind, Ban, ConnectFloor, KeepAliveGrace, KeepAliveRange, LengthRange, List,
    ProtocolVersion, Rate, TopicPattern, TopicPrefixes,
};
pub use written::{Written, WrittenError};
