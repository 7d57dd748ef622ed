//! The broker behind its listeners: each transport on loopback, restarts, time.

mod admission;
mod client;
#[cfg(feature = "http")]
mod http;
mod memory;
mod order;
mod restart;
mod service;
mod snapshot;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(feature = "websocket")]
mod websocket;
