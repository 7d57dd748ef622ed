//! What waits for which rate.

use core::fmt;

use crate::limits::SetBy;
use crate::pace::{RateLimit, RateWait};

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in {:?}", self.name, self.amount, self.period)?;
        match (&*self.source, self.set_by) {
            ("", SetBy::Withheld) => f.write_str(" (lowered for a time)"),
            ("", _) => Ok(()),
            (source, SetBy::Withheld) => write!(f, " (lowered for a time; {source})"),
            (source, _) => write!(f, " ({source})"),
        }
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
