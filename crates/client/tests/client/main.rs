//! The client through its public API, at a server that does what the test says.

mod support;

mod acknowledge;
mod backpressure;
mod driver;
mod odd_streams;
mod online;
mod publish;
mod reconnect;
mod shutdown;
mod start;
mod streams;
mod subscribe;
