//! Reconnecting: too soon, too often, too long, or never.

mod rc01_no_backoff;
mod rc03_backoff_reset_by_connack;
mod rc04_reconnect_storm;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] =
    &[rc01_no_backoff::RULE, rc03_backoff_reset_by_connack::RULE, rc04_reconnect_storm::RULE];
