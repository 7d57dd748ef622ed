//! How the client behaves on the wire: bytes in, bytes out, virtual time.

mod connect;
mod inbound;
mod keep_alive;
mod limits;
mod publish;
mod queue;
mod quota;
mod reconnect;
mod resume;
mod shutdown;
mod subscribe;
mod support;
