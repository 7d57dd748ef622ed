//! Keep-alive: pings that come too often, too late, or are judged wrongly.

mod ka05_false_keepalive_death;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[ka05_false_keepalive_death::RULE];
