//! Addresses at which an attempt failed, remembered for a while (R10).

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_proto::{Instant, Served};

use crate::transport::{Failed, Route};

/// How long an address that failed comes behind the others of its host.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The most addresses remembered; the oldest failure is forgotten for more.
const KEPT: usize = 64;

/// The addresses at which attempts of one client failed. The core says which did.
#[derive(Debug, Default)]
pub(super) struct FailedAddresses {
    /// Those that took a connection first, then the oldest failure first.
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    address: SocketAddr,
    at: Instant,
    round: u32,
    served: Served,
}

impl FailedAddresses {
    /// Notes what a connection of this round said of an address.
    pub(super) fn note(&mut self, address: SocketAddr, served: Served, now: Instant, round: u32) {
        if served == Served::Unknown {
            return;
        }
        self.failures.retain(|failure| failure.address != address);
        if served != Served::Yes {
            if self.failures.len() == KEPT {
                self.forget_oldest();
            }
            self.failures.push(Failure { address, at: now, round, served });
            self.failures.sort_by_key(|failure| (failure.served == Served::No, failure.at));
        }
        // Most clients have nothing to remember, most of the time.
        self.failures.shrink_to_fit();
    }

    fn forget_oldest(&mut self) {
        let ages = self.failures.iter().enumerate().map(|(index, failure)| (failure.at, index));
        if let Some((_, oldest)) = ages.min() {
            self.failures.remove(oldest);
        }
    }

    /// The way for an attempt of this round.
    pub(super) fn route(&self, now: Instant, round: u32) -> Route {
        let failed = self.failures.iter().map(|failure| Failed {
            address: failure.address,
            recently: now.since(failure.at) < REMEMBERED,
            this_round: failure.round == round,
        });
        Route::avoiding(failed.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], number))
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn remembered(addresses: &FailedAddresses) -> Vec<SocketAddr> {
        addresses.failures.iter().map(|failure| failure.address).collect()
    }

    #[test]
    fn the_latest_word_counts() {
        let mut addresses = FailedAddresses::default();
        addresses.note(address(1), Served::No, at(0), 1);
        addresses.note(address(2), Served::No, at(1), 1);
        addresses.note(address(1), Served::No, at(2), 1);
        addresses.note(address(2), Served::Unknown, at(3), 1);
        assert_eq!(remembered(&addresses), [address(2), address(1)]);
        addresses.note(address(2), Served::Yes, at(4), 1);
        assert_eq!(remembered(&addresses), [address(1)]);
    }

    #[test]
    fn what_took_a_connection_comes_before_what_never_did() {
        let mut addresses = FailedAddresses::default();
        addresses.note(address(1), Served::No, at(0), 1);
        addresses.note(address(2), Served::Briefly, at(1), 1);
        addresses.note(address(3), Served::Briefly, at(2), 1);
        assert_eq!(remembered(&addresses), [address(2), address(3), address(1)]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut addresses = FailedAddresses::default();
        for number in 0..=KEPT as u16 {
            addresses.note(address(number), Served::No, at(number.into()), 1);
        }
        let kept = remembered(&addresses);
        assert_eq!((kept.len(), kept[0], kept[KEPT - 1]), (KEPT, address(1), address(KEPT as u16)));
    }
}
