//! Device shadows, classic and named.

mod delta;
mod document;
mod error;
mod request;
mod service;

pub use error::ShadowError;
pub use service::Shadows;
