//! The client through its public API, at a server that does what the test says.

mod support;

mod acknowledge;
mod backpressure;
mod driver;
mod publish;
mod shutdown;
mod streams;
mod subscribe;
