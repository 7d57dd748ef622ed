//! The queue of accepted messages, to look into and to work on.
//!
//! [`Client::queue`](crate::Client::queue) gives the [`Queue`].

pub use crate::client::queue::Queue;
#[doc(inline)]
pub use evenkeel_proto::ShutdownReport;
#[doc(inline)]
pub use evenkeel_proto::record::{
    Age, Priority, Serial, StoredMessage, StoredState, UnixMillis, Window,
};
