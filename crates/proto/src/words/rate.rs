//! What waits for which rate.

use core::fmt;

use crate::pace::{RateLimit, RateWait};

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in {:?}", self.name, self.amount, self.period)?;
        if self.source.is_empty() { Ok(()) } else { write!(f, " ({})", self.source) }
    }
}

impl fmt::Display for RateWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is used up", self.limit)?;
        match self.queued {
            0 => Ok(()),
            queued => write!(f, ", {queued} messages wait"),
        }
    }
}
