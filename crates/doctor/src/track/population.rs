//! What all clients of a source do together.

use alloc::vec::Vec;
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
    /// The newest end that was not on purpose.
    pub(crate) loss: Option<Ending>,
    /// How many of the newest ends are in the order of their times: in a log that
    /// begins anew, time goes back.
    in_order: usize,
}

impl Population {
    /// The bytes at most of what it holds beside itself.
    #[cfg(test)]
    pub(crate) const BESIDE: usize = Ring::<Ending, 512>::FULL + Ring::<Beginning, 512>::FULL;

    /// A connection has ended.
    pub(super) fn ends(&mut self, ending: Ending) {
        let later = self.endings.last().is_none_or(|last| last.at <= ending.at);
        self.in_order = if later { self.in_order.saturating_add(1) } else { 1 };
        if !ending.goodbye {
            self.loss = Some(ending);
        }
        self.endings.push(ending);
    }

    /// How many different clients' connections ended in the `window` before
    /// `now`, of those that `which` picks; 0 if they are fewer than `least`.
    pub(crate) fn ended_within(
        &self,
        window: Duration,
        now: Time,
        least: usize,
        which: impl Fn(&Ending) -> bool,
    ) -> usize {
        let recent = self.endings.iter().rev().take_while(|ending| now.since(ending.at) <= window);
        clients(recent.filter(|ending| which(ending)), least)
    }

    /// The same for all that ended in the `window` before or after a time.
    pub(crate) fn ended_around(&self, at: Time, window: Duration, least: usize) -> usize {
        // If all are in order, none before the first one that is too old is nearer.
        let in_order = self.in_order >= self.endings.len();
        let newest = self.endings.iter().rev();
        let newest = newest.take_while(|it| !in_order || at.since(it.at) <= window);
        let near = |it: &&Ending| at.since(it.at).max(it.at.since(at)) <= window;
        clients(newest.filter(near), least)
    }
}

/// How many different clients' these are; 0 if they are fewer than `least`.
fn clients<'a>(endings: impl Iterator<Item = &'a Ending> + Clone, least: usize) -> usize {
    if endings.clone().take(least).count() < least {
        return 0;
    }
    let mut clients: Vec<u32> = endings.map(|ending| ending.client).collect();
    clients.sort_unstable();
    clients.dedup();
    if clients.len() < least { 0 } else { clients.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(times: &[i64]) -> Population {
        let mut population = Population::default();
        for (client, at) in (0..).zip(times) {
            let (place, server) = (Place(0), TextId::NONE);
            let at = Time(*at * 1_000_000_000);
            population.ends(Ending { at, place, client, by: None, goodbye: false, server });
        }
        population
    }

    #[test]
    fn endings_around_a_time_are_found_in_any_order() {
        let around = |times: &[i64], least| {
            population(times).ended_around(Time(10_000_000_000), Duration::from_secs(5), least)
        };
        assert_eq!(around(&[1, 4, 5, 9, 15, 16, 30], 0), 3);
        assert_eq!(around(&[5, 9, 15, 1, 2, 30], 0), 3);
        assert_eq!(around(&[30, 1, 5, 9, 15], 0), 3);
        assert_eq!((around(&[5, 9, 15], 3), around(&[5, 9, 15], 4)), (3, 0));
    }

    #[test]
    fn a_client_whose_connections_end_often_counts_once() {
        let mut population = population(&[1, 2, 3]);
        let last = population.loss.expect("the third");
        (0..5).for_each(|_| population.ends(last));
        let within = |least| {
            population.ended_within(Duration::from_secs(9), last.at, least, |it| it.client > 0)
        };
        assert_eq!((within(0), within(2), within(3)), (2, 2, 0));
    }
}
