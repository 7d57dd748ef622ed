//! How the client behaves on the wire: bytes in, bytes out, virtual time.

mod connect;
mod support;
