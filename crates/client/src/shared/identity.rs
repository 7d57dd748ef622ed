//! What tells one client from another.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::driver::ConnectSettings;

/// What requests are made of.
pub(crate) struct Identity {
    /// Tells the response topics of clients apart.
    pub(crate) seed: u64,
    pub(crate) requests: AtomicU64,
    /// The servers and hooks, which the driver has as well.
    pub(crate) connect: Arc<ConnectSettings>,
}
