//! The path: silence, loss, addresses, names.

mod nw01_half_open;
mod nw02_suspend_or_clock_jump;
mod nw03_address_change;
mod nw04_tcp_refused;
mod nw05_dns_failure;
mod nw06_link_down;
mod nw07_mtu_black_hole;
mod nw08_lossy_path;
mod nw09_no_backend;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    nw01_half_open::RULE,
    nw02_suspend_or_clock_jump::RULE,
    nw03_address_change::RULE,
    nw04_tcp_refused::RULE,
    nw05_dns_failure::RULE,
    nw06_link_down::RULE,
    nw07_mtu_black_hole::RULE,
    nw08_lossy_path::RULE,
    nw09_no_backend::RULE,
];
