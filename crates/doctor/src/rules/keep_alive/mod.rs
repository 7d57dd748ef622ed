//! Keep-alive: pings that come too often, too late, or are judged wrongly.

mod ka01_double_ping;
mod ka02_ping_too_often;
mod ka03_queued_pings_flushed;
mod ka04_server_ignores_ping;
mod ka05_false_keepalive_death;
mod ka06_stale_ping_flag;
mod ka07_ping_postponed_by_inbound;
mod ka08_ping_not_sent;
mod ka09_ping_counted_from_answer;
mod ka10_dead_link_masked;
mod ka11_server_keepalive_ignored;
mod ka12_path_forgets_idle;
mod ka13_ping_timeout_too_long;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    ka01_double_ping::RULE,
    ka02_ping_too_often::RULE,
    ka03_queued_pings_flushed::RULE,
    ka04_server_ignores_ping::RULE,
    ka05_false_keepalive_death::RULE,
    ka06_stale_ping_flag::RULE,
    ka07_ping_postponed_by_inbound::RULE,
    ka08_ping_not_sent::RULE,
    ka09_ping_counted_from_answer::RULE,
    ka10_dead_link_masked::RULE,
    ka11_server_keepalive_ignored::RULE,
    ka12_path_forgets_idle::RULE,
    ka13_ping_timeout_too_long::RULE,
];
