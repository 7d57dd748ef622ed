//! Which addresses of a host come first, and which one an attempt went to (R10).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::happy_eyeballs::interleave;

/// The way of one attempt: what is known of addresses before it, and what came of it. Clones
/// show the same attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failed: Vec<Failed>,
    taken: Mutex<Taken>,
}

/// An address that was no good, though it may have taken TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) address: SocketAddr,
    /// A short while ago: others come first.
    pub(crate) recently: bool,
    /// In the present round of attempts.
    pub(crate) this_round: bool,
}

#[derive(Debug, Default)]
struct Taken {
    /// Those being tried; only one once it has taken the connection.
    addresses: Vec<SocketAddr>,
    alternatives: usize,
}

/// Addresses in the order in which they are to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) first: Vec<SocketAddr>,
    /// Those that failed recently, unless there are no others.
    pub(super) last: Vec<SocketAddr>,
}

impl Route {
    /// `failed` has the oldest failure first.
    pub(crate) fn avoiding(failed: Vec<Failed>) -> Self {
        Self(Arc::new(Inner { failed, taken: Mutex::default() }))
    }

    pub(super) fn order(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> Order {
        let addresses = interleave(addresses);
        let mut last: Vec<_> = self.0.failed.iter().filter(|failed| failed.recently).collect();
        last.retain(|failed| addresses.contains(&failed.address));
        let last: Vec<_> = last.into_iter().map(|failed| failed.address).collect();
        let first: Vec<_> =
            addresses.into_iter().filter(|address| !last.contains(address)).collect();
        if first.is_empty() { Order { first: last, last: first } } else { Order { first, last } }
    }

    /// These addresses are being tried. One that is alone need not be remembered.
    pub(super) fn tries(&self, order: &Order) {
        let is_alone = order.first.len() + order.last.len() == 1;
        let addresses = if is_alone { Vec::new() } else { order.first.clone() };
        *self.taken() = Taken { addresses, alternatives: 0 };
    }

    /// This one of them has taken the connection.
    pub(super) fn took(&self, winner: SocketAddr, order: &Order) {
        let failed = |address: &SocketAddr| {
            self.0.failed.iter().any(|failed| failed.this_round && failed.address == *address)
        };
        let all = order.first.iter().chain(&order.last);
        let alternatives = all.clone().filter(|other| **other != winner && !failed(other)).count();
        let addresses = if all.count() > 1 { vec![winner] } else { Vec::new() };
        *self.taken() = Taken { addresses, alternatives };
    }

    /// The way goes through a proxy, which finds the rest of it alone.
    pub(super) fn is_beyond(&self) {
        *self.taken() = Taken::default();
    }

    /// The address that was reached, or those that were tried if none was; none if the host has
    /// no other.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.taken().addresses.clone()
    }

    /// Other addresses of the host that have not failed in this round.
    pub(crate) fn alternatives(&self) -> usize {
        self.taken().alternatives
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 1883))
    }

    fn failed(last: u8, recently: bool, this_round: bool) -> Failed {
        Failed { address: address(last), recently, this_round }
    }

    fn order(route: &Route, addresses: &[u8]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let Order { first, last } = route.order(addresses.iter().map(|last| address(*last)));
        (first, last)
    }

    #[test]
    fn what_failed_recently_comes_last() {
        let route = Route::avoiding(vec![failed(1, true, false), failed(3, false, true)]);
        assert_eq!(
            order(&route, &[1, 2, 3]),
            (vec![address(2), address(3)], vec![address(1)]),
            "what failed long ago has its old place"
        );
        assert_eq!(order(&route, &[2, 3]), (vec![address(2), address(3)], vec![]));
    }

    #[test]
    fn where_all_failed_the_oldest_failure_comes_first() {
        let route = Route::avoiding(vec![failed(2, true, true), failed(1, true, true)]);
        assert_eq!(order(&route, &[1, 2]), (vec![address(2), address(1)], vec![]));
    }

    #[test]
    fn alternatives_are_those_that_have_not_failed_in_this_round() {
        let route = Route::avoiding(vec![failed(1, true, false), failed(3, true, true)]);
        route.took(address(1), &route.order([address(1)]));
        assert_eq!((route.addresses(), route.alternatives()), (vec![], 0), "it has no other");
        let order = route.order([1, 2, 3].map(address));
        route.tries(&order);
        assert_eq!((route.addresses(), route.alternatives()), (vec![address(2)], 0));
        route.took(address(2), &order);
        assert_eq!((route.addresses(), route.alternatives()), (vec![address(2)], 1));
        route.took(address(1), &order);
        assert_eq!((route.addresses(), route.alternatives()), (vec![address(1)], 1));
        route.is_beyond();
        assert_eq!((route.addresses(), route.alternatives()), (vec![], 0));
    }
}
