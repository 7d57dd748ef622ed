//! Client identifiers and sessions.

mod id01_client_id_conflict;
mod id02_self_takeover;
mod id03_random_id_persistent;
mod id04_lost_session_ignored;
mod id05_needless_resubscribe;
mod id06_clean_session_loses;
mod id07_will_says_offline;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    id01_client_id_conflict::RULE,
    id02_self_takeover::RULE,
    id03_random_id_persistent::RULE,
    id04_lost_session_ignored::RULE,
    id05_needless_resubscribe::RULE,
    id06_clean_session_loses::RULE,
    id07_will_says_offline::RULE,
];
