//! How much a call may read.

use evenkeel_proto::record::{StoredMessage, Window};

use crate::weight;

/// Counts down how much more may be read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    left: Window,
    untouched: bool,
}

impl Budget {
    pub(crate) const fn new(limit: Window) -> Self {
        Self { left: limit, untouched: true }
    }

    /// True if the message is within the bound, or the first of all.
    pub(crate) fn takes(&mut self, message: &StoredMessage) -> bool {
        let bytes = usize::try_from(weight(&message.publish)).unwrap_or(usize::MAX);
        let fits = self.left.messages > 0 && bytes <= self.left.bytes;
        if !fits && !self.untouched {
            return false;
        }
        self.untouched = false;
        self.left.messages = self.left.messages.saturating_sub(1);
        self.left.bytes = self.left.bytes.saturating_sub(bytes);
        true
    }
}
