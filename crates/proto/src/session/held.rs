//! The messages of one priority that are in memory, in order.

use alloc::collections::VecDeque;

use crate::record::Serial;
use crate::tuning;

use super::queue::Queued;
use super::slots::{Slot, Slots};

/// Messages in order, mostly that of their names. Any of them leaves without the others
/// being moved: its entry stays behind as a gap, and gaps are swept out once
/// they are as many as the messages.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Neither the first nor the last is a gap.
    order: VecDeque<Entry>,
    messages: Slots,
    len: usize,
    /// A message that was read from the store may stand behind a later one that
    /// is not stored: then names do not ascend.
    mixed: bool,
    /// Entries moved by sweeping.
    #[cfg(test)]
    moved: usize,
}

/// A message, or a gap where one was.
#[derive(Clone, Copy, Debug)]
struct Entry {
    serial: Serial,
    slot: Option<Slot>,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self {
            order: VecDeque::new(),
            messages: Slots::new(),
            len: 0,
            mixed: false,
            #[cfg(test)]
            moved: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn front(&self) -> Option<&Queued> {
        self.messages.get(self.order.front()?.slot?)
    }

    /// Appends a message.
    pub(super) fn push_back(&mut self, queued: Queued) {
        let serial = queued.claim.serial;
        let slot = self.messages.insert(queued);
        self.mixed |= self.order.back().is_some_and(|last| last.serial > serial);
        self.order.push_back(Entry { serial, slot });
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<Queued> {
        let entry = self.order.pop_front()?;
        self.remove(entry.slot?)
    }

    pub(super) fn get(&self, serial: Serial) -> Option<&Queued> {
        self.messages.get(self.order.get(self.find(serial)?)?.slot?)
    }

    /// Takes out the message with this name, if it is as wanted.
    pub(super) fn take_if(
        &mut self,
        serial: Serial,
        is_wanted: impl Fn(&Queued) -> bool,
    ) -> Option<Queued> {
        let index = self.find(serial)?;
        let entry = self.order.get_mut(index)?;
        let slot = entry.slot.filter(|slot| self.messages.get(*slot).is_some_and(is_wanted))?;
        entry.slot = None;
        self.remove(slot)
    }

    /// The messages in order, from the first one after `after`.
    pub(super) fn iter_after(
        &self,
        after: Option<Serial>,
    ) -> impl DoubleEndedIterator<Item = &Queued> {
        let is_before = move |serial: Serial| after.is_some_and(|after| serial <= after);
        let ascend = !self.mixed;
        let begin = if ascend { self.order.partition_point(|it| is_before(it.serial)) } else { 0 };
        let rest = self.order.range(begin..).filter(move |entry| !is_before(entry.serial));
        rest.filter_map(|entry| self.messages.get(entry.slot?))
    }

    fn find(&self, serial: Serial) -> Option<usize> {
        if self.mixed {
            return self.order.iter().position(|entry| entry.serial == serial);
        }
        self.order.binary_search_by_key(&serial, |entry| entry.serial).ok()
    }

    /// The message leaves that has no entry any more.
    #[inline]
    fn remove(&mut self, slot: Slot) -> Option<Queued> {
        self.len -= 1;
        let queued = self.messages.take(slot);
        self.tidy();
        queued
    }

    #[inline]
    fn tidy(&mut self) {
        while let Some(Entry { slot: None, .. }) = self.order.front() {
            self.order.pop_front();
        }
        while let Some(Entry { slot: None, .. }) = self.order.back() {
            self.order.pop_back();
        }
        if self.len == 0 {
            self.mixed = false;
            self.messages.clear();
            self.order.shrink_to(tuning::QUEUE_ROOM);
        } else if self.order.len() > self.len * 2 + tuning::QUEUE_ROOM {
            self.sweep();
        } else if self.order.capacity() > self.order.len() * 4 + 4 * tuning::QUEUE_ROOM {
            self.give_back();
        }
    }

    /// Half of the room, long before all of it is free: giving back much at once
    /// takes the system's time, in one turn.
    #[cold]
    fn give_back(&mut self) {
        self.order.shrink_to(self.order.capacity() / 2);
    }

    #[cold]
    fn sweep(&mut self) {
        #[cfg(test)]
        {
            self.moved += self.order.len();
        }
        self.order.retain(|entry| entry.slot.is_some());
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use evenkeel_codec::Publish;

    use crate::operation::{Claim, Report};
    use crate::time::Instant;

    use super::*;

    fn queued(serial: u64) -> Queued {
        Queued {
            publish: Publish::default(),
            claim: Claim { report: Report::Nobody, serial: Serial(serial), stored: false },
            since: Instant::default(),
            before: Duration::ZERO,
            expires: None,
        }
    }

    fn take(held: &mut Held, serial: u64) -> Option<Queued> {
        held.take_if(Serial(serial), |_| true)
    }

    fn serials(held: &Held) -> Vec<u64> {
        held.iter_after(None).map(|queued| queued.claim.serial.0).collect()
    }

    /// Numbers below `bound` without any order.
    fn random(bound: u64) -> impl FnMut() -> u64 {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % bound
        }
    }

    /// Against a plain list, with gaps at the front, at the back and between.
    #[test]
    fn any_message_leaves_and_the_order_stays() {
        let (mut held, mut model) = (Held::default(), Vec::new());
        let mut random = random(1 << 20);
        for serial in 1..20_000 {
            // Long and empty in turns.
            let grows = serial / 2_000 % 2 == 0;
            let leaving = if grows { random() % 2 } else { 2 + random() % 3 };
            held.push_back(queued(serial));
            model.push(serial);
            for _ in 0..leaving {
                if model.is_empty() {
                    break;
                }
                if random().is_multiple_of(4) {
                    let first = held.pop_front().map(|queued| queued.claim.serial.0);
                    assert_eq!(first, Some(model.remove(0)));
                } else {
                    let gone = model.remove(random() as usize % model.len());
                    assert!(held.get(Serial(gone)).is_some());
                    assert!(held.take_if(Serial(gone), |_| false).is_none(), "not wanted");
                    assert_eq!(take(&mut held, gone).unwrap().claim.serial, Serial(gone));
                    assert!(take(&mut held, gone).is_none(), "a message leaves once");
                    assert!(held.get(Serial(gone)).is_none());
                }
            }
            assert_eq!(held.len(), model.len());
            assert_eq!(held.front().map(|it| it.claim.serial.0), model.first().copied());
            if serial % 100 == 0 {
                assert_eq!(serials(&held), model);
                let after = model.get(model.len() / 2).map(|serial| Serial(*serial));
                let rest = held.iter_after(after).count();
                assert_eq!(rest, after.map_or(0, |_| model.len() - model.len() / 2 - 1));
            }
        }
    }

    /// The cost of a message that takes the place of another does not grow with
    /// the queue, nor does what it holds beside its messages.
    #[test]
    fn a_replaced_message_moves_few_others() {
        for len in [10_u64, 1_000, 100_000] {
            let (mut held, mut random) = (Held::default(), random(len));
            let mut by_topic: Vec<u64> = (1..=len).collect();
            by_topic.iter().for_each(|serial| held.push_back(queued(*serial)));
            let rounds = 3 * len.max(100);
            for serial in len + 1..=len + rounds {
                let topic = &mut by_topic[random() as usize];
                assert!(take(&mut held, *topic).is_some());
                held.push_back(queued(serial));
                *topic = serial;
                assert!(held.order.len() <= 2 * held.len() + tuning::QUEUE_ROOM + 1);
            }
            assert_eq!(held.len() as u64, len);
            assert!(held.moved as u64 <= 3 * rounds, "{} for {rounds}", held.moved);
        }
    }

    #[test]
    fn memory_goes_back_while_messages_leave() {
        let mut held = Held::default();
        (1..=10_000).for_each(|serial| held.push_back(queued(serial)));
        let places = |held: &Held| held.messages.capacity();
        assert!(places(&held) >= 10_000);
        for left in (0..10_000).rev() {
            assert!(held.pop_front().is_some());
            assert!(places(&held) <= left + 3 * 64, "{left}: {}", places(&held));
            let room = held.order.capacity();
            assert!(room <= 4 * left + 4 * tuning::QUEUE_ROOM + 1, "{left}: {room}");
        }
        assert!(places(&held) <= 64, "one page is kept");
        assert!(held.order.capacity() <= 2 * tuning::QUEUE_ROOM);
    }
}
