//! Reconnecting: too soon, too often, too long, or never.

mod rc01_no_backoff;
mod rc02_no_jitter;
mod rc03_backoff_reset_by_connack;
mod rc04_reconnect_storm;
mod rc05_overlapping_own_connections;
mod rc06_retrying_refusal;
mod rc07_gave_up;
mod rc08_connack_timeout_too_short;
mod rc09_herd;
mod rc10_interleaved_loops;
mod rc11_stampede_after_connect;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    rc01_no_backoff::RULE,
    rc02_no_jitter::RULE,
    rc03_backoff_reset_by_connack::RULE,
    rc04_reconnect_storm::RULE,
    rc05_overlapping_own_connections::RULE,
    rc06_retrying_refusal::RULE,
    rc07_gave_up::RULE,
    rc08_connack_timeout_too_short::RULE,
    rc09_herd::RULE,
    rc10_interleaved_loops::RULE,
    rc11_stampede_after_connect::RULE,
];
