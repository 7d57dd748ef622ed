//! What a [`ClientBuilder`] is given, beside what the modules
//! [`tls`](crate::tls), [`transport`](crate::transport), [`profile`](crate::profile) and
//! [`store`](crate::store) have.
//!
//! Policies begin with their defaults and are changed field by field:
//!
//! ```
//! use std::time::Duration;
//!
//! use evenkeel::Client;
//! use evenkeel::config::Reconnect;
//!
//! let mut policy = Reconnect::default();
//! policy.cap = Duration::from_secs(60);
//! let builder = Client::builder("mqtt://localhost").reconnect(policy);
//! ```

pub use crate::builder::ClientBuilder;
pub use crate::clock::Clock;
pub use crate::hooks::{Authenticator, Credentials, HookFuture};
pub use crate::server::IntoServer;
pub use crate::will::Will;
#[doc(inline)]
pub use evenkeel_proto::{
    Ban, Bounds, Expected, OfflineQos0, QueueConfig, RateLimit, Rates, Reconnect, RefusedPolicy,
    ServerHabits, TakeOverPolicy, WhenFull, WhenUncertain,
};
