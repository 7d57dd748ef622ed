//! Publishing: the request, its way into the core, and the receipt for it.

mod pause;
mod publishing;
mod receipt;
mod request;

pub use publishing::Publishing;
pub use receipt::Receipt;
pub(crate) use request::{Draft, user_property, whole_seconds};
pub use request::{PublishRequest, RejectedPublish};
