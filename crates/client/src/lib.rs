//! An MQTT client whose connections stay up.
#![forbid(unsafe_code)]

mod explain;
pub mod tls;
pub mod transport;
pub mod url;
