//! How the client behaves on the wire: bytes in, bytes out, virtual time.

mod authentication;
mod causes;
mod certainty;
mod chaos;
mod connect;
mod durable;
mod identify;
mod inbound;
mod keep_alive;
mod limits;
mod malformed;
mod overrun;
mod patience;
mod policy;
mod publish;
mod quarantine;
mod queue;
mod quota;
mod reconnect;
mod resume;
mod servers;
mod shutdown;
mod sign_of_life;
mod subscribe;
mod support;
mod version;
