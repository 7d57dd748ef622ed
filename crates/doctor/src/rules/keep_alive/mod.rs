//! Keep-alive: pings that come too often, too late, or are judged wrongly.

mod ka01_double_ping;
mod ka04_server_ignores_ping;
mod ka05_false_keepalive_death;
mod ka07_ping_postponed_by_inbound;
mod ka12_path_forgets_idle;
mod ka13_ping_timeout_too_long;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    ka01_double_ping::RULE,
    ka04_server_ignores_ping::RULE,
    ka05_false_keepalive_death::RULE,
    ka07_ping_postponed_by_inbound::RULE,
    ka12_path_forgets_idle::RULE,
    ka13_ping_timeout_too_long::RULE,
];
