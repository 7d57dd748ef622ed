//! What a policy allows by a wildcard.

use std::fmt;

use super::{Choice, Policy};

/// Something that a policy allows without naming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wildcard {
    /// The number of the statement, from 0.
    pub statement: usize,
    /// The field of the statement.
    pub field: &'static str,
}

impl Policy {
    /// The first wildcard in what the policy allows, or the first exception: what
    /// is allowed with exceptions is not named either.
    #[must_use]
    pub fn first_wildcard(&self) -> Option<Wildcard> {
        let allowing = self.statements.iter().enumerate().filter(|(_, one)| one.is_allow);
        allowing
            .flat_map(|(statement, one)| {
                let fields = [
                    (&one.actions, "Action", "NotAction"),
                    (&one.resources, "Resource", "NotResource"),
                ];
                fields.into_iter().filter_map(move |(choice, plain, negated)| {
                    let field = if choice.except { negated } else { plain };
                    choice.is_wide().then_some(Wildcard { statement, field })
                })
            })
            .next()
    }
}

impl Choice {
    fn is_wide(&self) -> bool {
        self.except || self.patterns.iter().any(super::Pattern::has_wildcard)
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a wildcard in Statement[{}].{}", self.statement, self.field)
    }
}
