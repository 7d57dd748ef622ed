//! The queue's messages by priority.

use alloc::boxed::Box;

use crate::record::{Count, Priority, Window};

use super::held::Held;

/// The messages of one priority, in order: the first ones here, the rest in
/// the store alone.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) here: Held,
    pub(super) here_bytes: usize,
    /// What is in the store alone, as far as that counts right.
    pub(super) rest: Count,
    /// A part of the rest is being read, which was so much when it was asked for.
    pub(super) loading: Option<Count>,
}

/// The levels of a queue. Most programs use one priority: there is room for
/// others once one of them is used.
#[derive(Debug, Default)]
pub(super) struct Levels {
    normal: Level,
    others: Option<Box<Others>>,
}

#[derive(Debug, Default)]
struct Others {
    low: Level,
    high: Level,
}

/// What a level is that is not used.
static UNUSED: Level = Level {
    here: Held::new(),
    here_bytes: 0,
    rest: Count { messages: 0, bytes: 0 },
    loading: None,
};

impl Levels {
    #[inline]
    pub(super) fn get(&self, priority: Priority) -> &Level {
        match (priority, &self.others) {
            (Priority::Normal, _) => &self.normal,
            (Priority::Low, Some(others)) => &others.low,
            (Priority::High, Some(others)) => &others.high,
            (Priority::Low | Priority::High, None) => &UNUSED,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, priority: Priority) -> &mut Level {
        match priority {
            Priority::Low => &mut self.others.get_or_insert_default().low,
            Priority::Normal => &mut self.normal,
            Priority::High => &mut self.others.get_or_insert_default().high,
        }
    }

    /// The level, if there is room for it.
    pub(super) fn used_mut(&mut self, priority: Priority) -> Option<&mut Level> {
        match (priority, &mut self.others) {
            (Priority::Normal, _) => Some(&mut self.normal),
            (Priority::Low, Some(others)) => Some(&mut others.low),
            (Priority::High, Some(others)) => Some(&mut others.high),
            (Priority::Low | Priority::High, None) => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Level> {
        let others = self.others.iter().flat_map(|others| [&others.low, &others.high]);
        core::iter::once(&self.normal).chain(others)
    }
}

impl Level {
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty() && self.rest.messages == 0
    }

    pub(super) fn len(&self) -> usize {
        let rest = usize::try_from(self.rest.messages).unwrap_or(usize::MAX);
        rest.saturating_add(self.here.len())
    }

    pub(super) fn bytes(&self) -> usize {
        let rest = usize::try_from(self.rest.bytes).unwrap_or(usize::MAX);
        rest.saturating_add(self.here_bytes)
    }

    /// Messages are in the store alone no more. How many that leaves is what the
    /// store said, which may be wrong.
    pub(super) const fn forget_rest(&mut self, gone: Count) {
        self.rest.messages = self.rest.messages.saturating_sub(gone.messages);
        self.rest.bytes = match self.rest.messages {
            0 => 0,
            _ => self.rest.bytes.saturating_sub(gone.bytes),
        };
    }

    pub(super) fn has_room(&self, window: Window) -> bool {
        self.here.is_empty() || self.here.len() < window.messages && self.here_bytes < window.bytes
    }
}
