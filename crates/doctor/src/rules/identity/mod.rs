//! Client identifiers and sessions.

mod id01_client_id_conflict;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[id01_client_id_conflict::RULE];
