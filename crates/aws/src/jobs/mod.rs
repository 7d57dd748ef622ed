//! Jobs: what things are to do, and how far they are with it.

mod create;
mod error;
mod execution;
mod notify;
mod request;
mod service;

pub use create::{CancelError, CreateError};
pub use error::JobsError;
pub use execution::Status;
pub use service::Jobs;
