//! The client through its public API, at a server that does what the test says.

mod support;
mod version;

mod acknowledge;
mod aged;
mod arguments;
mod authentication;
mod backpressure;
#[cfg(feature = "blocking")]
mod blocking;
mod credentials;
mod driver;
mod durable;
mod end_to_end;
mod errors;
mod hold;
#[cfg(feature = "json")]
mod json;
mod observer;
mod odd_streams;
mod online;
mod overlap;
mod panics;
mod payloads;
mod profile;
#[cfg(feature = "aws")]
mod provisioning;
mod publish;
mod rates;
mod readme;
mod reconnect;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod renewal;
mod request;
mod resume;
mod scram;
mod shutdown;
mod snapshot;
mod sources;
mod stall;
mod start;
mod streams;
mod subscribe;
mod writes;
