//! Clouds with rules of their own: judged only with their profile.

mod aw01_ping_below_spacing;
mod aw02_connect_floor;
mod aw03_assigned_id_reused;
mod aw04_keepalive_clamped;
mod aw05_will_not_sent;

pub(in crate::rules) use aw02_connect_floor::below_floor;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    aw01_ping_below_spacing::RULE,
    aw02_connect_floor::RULE,
    aw03_assigned_id_reused::RULE,
    aw04_keepalive_clamped::RULE,
    aw05_will_not_sent::RULE,
];
