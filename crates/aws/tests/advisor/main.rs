//! The acceptance tests' verdicts and reports, on written timelines.

mod judge;
mod report;
mod scene;
