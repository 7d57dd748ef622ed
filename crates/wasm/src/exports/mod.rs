//! The functions of the module. `ABI.md` says what each takes and returns; here
//! numbers become what they stand for, and nothing is decided.

mod commands;
mod configuration;
mod feed;
mod memory;
mod output;
#[cfg(feature = "sessions")]
mod store;

pub use commands::*;
pub use configuration::*;
pub use feed::*;
pub use memory::*;
pub use output::*;
#[cfg(feature = "sessions")]
pub use store::*;
