//! The transports through the public API, over loopback and in memory.

mod support;

#[cfg(feature = "websocket")]
mod answers;
#[cfg(all(feature = "aws", any(feature = "ring", feature = "aws-lc-rs")))]
mod aws;
#[cfg(all(feature = "azure", any(feature = "ring", feature = "aws-lc-rs")))]
mod azure;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod clocks;
mod features;
#[cfg(feature = "websocket")]
mod half_frames;
mod memory;
mod phases;
mod proxy;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod renewal;
#[cfg(feature = "websocket")]
mod retry_after;
mod servers;
mod tcp;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tls;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tls_files;
#[cfg(unix)]
mod unix;
mod url;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(all(any(feature = "ring", feature = "aws-lc-rs"), feature = "websocket"))]
mod wss;
