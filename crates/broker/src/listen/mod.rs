//! Transports: everything that turns a socket into a stream of bytes.

mod acceptor;
mod address;
mod listener;
mod socket;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(feature = "websocket")]
mod websocket;

pub(crate) use address::{BindAddress, Endpoint, Layers};
pub(crate) use listener::{Accepting, Reserved};
pub(crate) use stream::ByteStream;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError, TlsPart};
