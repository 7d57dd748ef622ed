//! Attempts to connect: what is asked before, where they go, and what is
//! remembered of those before.

mod addresses;
pub(super) mod attempt;
pub(super) mod history;
pub(super) mod hooks;
mod password_file;
