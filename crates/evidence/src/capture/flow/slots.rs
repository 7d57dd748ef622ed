//! The connections by their numbers, and which was idle for longest.

use super::tcp::Flow;

/// Stands for no slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot {
    flow: Option<Box<Flow>>,
    /// The neighbours in the order of their newest packets.
    before: u32,
    after: u32,
}

#[derive(Debug)]
pub(super) struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    serial: u64,
    limit: usize,
}

impl Slots {
    /// The bytes of a place, in a list that may have grown to twice what is in it.
    pub(super) const EACH: usize = 2 * size_of::<Slot>();

    pub(super) fn new(limit: usize) -> Self {
        Self { all: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE, serial: 0, limit }
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Flow> {
        self.all.get(slot as usize)?.flow.as_deref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Flow> {
        self.all.get_mut(slot as usize)?.flow.as_deref_mut()
    }

    /// The connection that was idle for longest, if there is no room for more.
    pub(super) fn oldest_if_full(&self) -> Option<u32> {
        (self.free.is_empty() && self.all.len() >= self.limit).then_some(self.oldest)
    }

    /// Puts a connection into a free slot; `make` is told its serial number,
    /// which no other has.
    pub(super) fn insert(&mut self, make: impl FnOnce(u64) -> Flow) -> (u32, u64) {
        self.serial += 1;
        let flow = Some(Box::new(make(self.serial)));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.all.push(Slot { flow: None, before: NONE, after: NONE });
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        });
        if let Some(free) = self.all.get_mut(slot as usize) {
            free.flow = flow;
        }
        self.link(slot);
        (slot, self.serial)
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Box<Flow>> {
        let flow = self.all.get_mut(slot as usize)?.flow.take()?;
        self.unlink(slot);
        self.free.push(slot);
        Some(flow)
    }

    /// It was used just now.
    pub(super) fn touch(&mut self, slot: u32) {
        if self.newest != slot {
            self.unlink(slot);
            self.link(slot);
        }
    }

    /// The slots in use.
    pub(super) fn occupied(&self) -> Vec<u32> {
        let used = |(slot, it): (u32, &Slot)| it.flow.is_some().then_some(slot);
        (0..).zip(&self.all).filter_map(used).collect()
    }

    fn link(&mut self, slot: u32) {
        let newest = std::mem::replace(&mut self.newest, slot);
        if let Some(it) = self.all.get_mut(slot as usize) {
            (it.before, it.after) = (newest, NONE);
        }
        match self.all.get_mut(newest as usize) {
            Some(it) => it.after = slot,
            None => self.oldest = slot,
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some(it) = self.all.get(slot as usize) else { return };
        let (before, after) = (it.before, it.after);
        match self.all.get_mut(before as usize) {
            Some(it) => it.after = after,
            None => self.oldest = after,
        }
        match self.all.get_mut(after as usize) {
            Some(it) => it.before = before,
            None => self.newest = before,
        }
    }
}
