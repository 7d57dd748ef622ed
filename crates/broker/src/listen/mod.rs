//! Transports: everything that turns a socket into a stream of bytes.

mod acceptor;
mod address;
#[cfg(feature = "http")]
mod http;
mod listener;
#[cfg(feature = "http")]
mod role;
mod socket;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(feature = "websocket")]
mod websocket;

pub(crate) use address::{BindAddress, Endpoint, Layers, Protocol};
pub(crate) use listener::{Accepting, Reserved};
#[cfg(feature = "http")]
pub use role::Role;
pub(crate) use stream::ByteStream;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError, TlsPart};
