//! What a client asks of a service.

use std::fmt;

use crate::Time;

/// A PUBLISH of a client, after the gate and the quotas have let it through.
///
/// Its payload may hold an ownership token, so `Debug` shows its length alone.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// When it came.
    pub time: Time,
    /// The client id of the connection; answers go back to it.
    pub client: &'a str,
    /// The topic it was published on.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, topic, payload, .. } = self;
        write!(f, "Request({client:?}, {topic:?}, {} bytes)", payload.len())
    }
}
