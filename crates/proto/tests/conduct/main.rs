//! How the client behaves on the wire: bytes in, bytes out, virtual time.

mod connect;
mod publish;
mod quota;
mod resume;
mod support;
