//! The acceptance tests' verdicts and reports, on written timelines.

mod hello;
mod judge;
mod long;
mod report;
mod scene;
mod service;
mod suite;
mod tls;
