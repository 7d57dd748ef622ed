//! How the client behaves on the wire: bytes in, bytes out, virtual time.

mod connect;
mod inbound;
mod limits;
mod publish;
mod queue;
mod quota;
mod resume;
mod subscribe;
mod support;
