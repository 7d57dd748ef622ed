//! What tells one client from another.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::driver::ConnectSettings;
use crate::hooks::Authenticator;

/// What requests are made of.
pub(crate) struct Identity {
    /// Tells the response topics of clients apart.
    pub(crate) seed: u64,
    pub(crate) requests: AtomicU64,
    /// First data of re-authentication.
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    /// The servers, for those who tell of them.
    pub(crate) connect: Arc<ConnectSettings>,
}
