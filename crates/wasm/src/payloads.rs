//! Large payloads that stay with the caller: the core is given memory of the same
//! length that nobody reads, and the caller writes the payload where it is named.
//!
//! The core never looks into a payload, and writes one of this size from where it is
//! ([`Transmit::SHARED_FROM`]). Each of these begins at another place in one large
//! piece of memory, so that its address says which it is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use evenkeel_proto::Transmit;

use crate::failure::Failure;
use crate::module;
use crate::slots::Slots;

/// The longest that a PUBLISH can have room for.
const LONGEST: usize = 268_435_455;
/// How many there may be at a time.
const MOST: u32 = 65_535;

/// The payloads that there are.
#[derive(Debug)]
pub(crate) struct Payloads {
    /// What was not published yet.
    waiting: Slots<Option<Bytes>>,
    /// Memory that the core's payloads are parts of; only the last is used anew.
    regions: Vec<&'static [u8]>,
}

impl Payloads {
    pub(crate) const fn new() -> Self {
        Self { waiting: Slots::new(), regions: Vec::new() }
    }

    /// A number for a payload of this length.
    pub(crate) fn reserve(&mut self, len: u32) -> Result<u32, Failure> {
        let len = len as usize;
        if !(Transmit::SHARED_FROM..=LONGEST).contains(&len) {
            return Err(Failure::Argument(
                "a payload that stays with the caller has 16,384 to 268,435,455 bytes",
            ));
        }
        let number = self.waiting.put(None, MOST).ok_or(Failure::Memory)?;
        let Some(memory) = self.region(number, len) else {
            self.waiting.take(number);
            return Err(Failure::Memory);
        };
        let bytes = Bytes::from_owner(Held { number, memory });
        if let Some(waiting) = self.waiting.get_mut(number) {
            *waiting = Some(bytes);
        }
        Ok(number)
    }

    /// Takes the payload, to be published; once only.
    pub(crate) fn publish(&mut self, number: u32) -> Result<Bytes, Failure> {
        let waiting = self.waiting.get_mut(number).and_then(Option::take);
        waiting.ok_or(Failure::NoSuchNumber(number))
    }

    /// Which payload these bytes are, if they are one.
    pub(crate) fn number_of(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() < Transmit::SHARED_FROM {
            return None;
        }
        let at = bytes.as_ptr() as usize;
        self.regions.iter().find_map(|region| {
            let number = at.checked_sub(region.as_ptr() as usize)?;
            if number < region.len() { u32::try_from(number).ok() } else { None }
        })
    }

    /// The number may be given to another.
    pub(crate) fn forget(&mut self, number: u32) {
        self.waiting.take(number);
    }

    /// Memory that begins at this number in the present region.
    fn region(&mut self, number: u32, len: usize) -> Option<&'static [u8]> {
        let from = number as usize;
        let to = from + len;
        if let Some(memory) = self.regions.last().and_then(|region| region.get(from..to)) {
            return Some(memory);
        }
        let mut region = Vec::new();
        let size = to.next_power_of_two();
        region.try_reserve_exact(size).ok()?;
        region.resize(size, 0);
        // Payloads of the region before are still in use: it stays, and as each
        // is twice as large, all of them take no more than the last.
        self.regions.push(Box::leak(region.into_boxed_slice()));
        self.regions.last()?.get(from..to)
    }
}

/// What the core holds. When it lets go of it, the caller may, too.
struct Held {
    number: u32,
    memory: &'static [u8],
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.memory
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        module::release(self.number);
    }
}
