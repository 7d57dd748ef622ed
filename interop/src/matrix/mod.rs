//! Which broker can do what: every conversation tried on every broker that can
//! be had, each within its time, and the answers written down.

pub mod brokers;
mod cell;
mod install;
mod plan;
mod report;
mod visit;

pub use cell::{Cell, Fared};
pub use install::Cache;
pub use plan::{Row, rows};
pub use report::{replace_between_marks, write};
pub use visit::{Column, visit};
