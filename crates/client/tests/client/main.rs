//! The client through its public API, at a server that does what the test says.

mod support;

mod acknowledge;
mod authentication;
mod backpressure;
mod credentials;
mod driver;
mod odd_streams;
mod online;
mod publish;
mod reconnect;
mod request;
mod shutdown;
mod start;
mod streams;
mod subscribe;
