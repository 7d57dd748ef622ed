//! Transports: everything that turns a socket into a stream of bytes.

mod accept;
mod address;
mod door;
mod socket;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(feature = "websocket")]
mod websocket;

pub(crate) use accept::{Accepting, Resting};
pub(crate) use address::{Endpoint, Layers, Place};
pub(crate) use stream::ByteStream;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError, TlsPart};
