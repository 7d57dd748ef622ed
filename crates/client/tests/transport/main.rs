//! The transports through the public API, over loopback and in memory.

mod support;

mod memory;
mod phases;
mod proxy;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_files;
#[cfg(unix)]
mod unix;
mod url;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(all(feature = "tls", feature = "websocket"))]
mod wss;
