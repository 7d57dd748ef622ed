//! Jobs: what things are to do, and how far they are with it.

mod create;
mod delete;
mod error;
mod events;
mod execution;
mod job;
mod notify;
mod request;
mod service;

pub use create::{CancelError, CreateError, NewJob};
pub use delete::DeleteError;
pub use error::JobsError;
pub use execution::Status;
pub use job::JobStatus;
pub use service::Jobs;
