//! Specification statements: what they are, where they are cited, which lack
//! a test.

mod citation;
mod coverage;
pub mod report;
mod statement;

pub use citation::{Citation, Kind, citations, mentions};
pub use coverage::{Coverage, Covered};
pub use statement::{Binds, LISTS, Level, Obligation, Statement, parse};
