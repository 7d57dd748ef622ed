//! What all clients of a source do together.

use core::time::Duration;

use crate::event::{Moment, Place, Side};
use crate::ring::Ring;
use crate::texts::TextId;
use crate::time::Time;

/// How one connection ended, in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) at: Time,
    pub(crate) place: Place,
    pub(crate) client: u32,
    pub(crate) by: Option<Side>,
    pub(crate) goodbye: bool,
    /// The server's host.
    pub(crate) server: TextId,
}

impl Ending {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.at, self.place)
    }
}

/// How one connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) at: Time,
    pub(crate) client: u32,
    pub(crate) host: TextId,
    pub(crate) server: TextId,
}

/// All clients of a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Population {
    /// How many clients were ever seen.
    pub(crate) clients: u32,
    /// How many connections are open.
    pub(crate) live: u32,
    /// The newest ends and beginnings.
    pub(crate) endings: Ring<Ending, 512>,
    pub(crate) beginnings: Ring<Beginning, 512>,
}

impl Population {
    /// The bytes at most of what it holds beside itself.
    #[cfg(test)]
    pub(crate) const BESIDE: usize = Ring::<Ending, 512>::FULL + Ring::<Beginning, 512>::FULL;

    /// How many different clients' connections ended in the `window` before
    /// `now`, of those that `which` picks.
    pub(crate) fn ended_within(
        &self,
        window: Duration,
        now: Time,
        which: impl Fn(&Ending) -> bool,
    ) -> usize {
        let recent = self.endings.iter().rev().take_while(|ending| now.since(ending.at) <= window);
        let mut clients: alloc::vec::Vec<u32> =
            recent.filter(|ending| which(ending)).map(|ending| ending.client).collect();
        clients.sort_unstable();
        clients.dedup();
        clients.len()
    }
}
