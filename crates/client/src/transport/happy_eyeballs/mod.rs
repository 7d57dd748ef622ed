//! Trying many addresses at once, politely (RFC 8305, "Happy Eyeballs").
//!
//! An address that swallows packets must not eat the whole connect time-out, on every attempt,
//! while another address of the same host works. So the next address is tried as soon as the
//! last one fails, or after a short delay, whichever comes first; the first connection wins.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::error::FailedAttempt;
use super::route::Order;

/// How long an address that failed recently lets the others be tried without it: it may take TCP
/// faster than they do, and be no good above it.
const LATE: Duration = Duration::from_secs(5);

/// Orders addresses so that the families take turns, the first one's family first, and the
/// order within a family stays. Leaves out duplicates.
pub(super) fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let first_is_v4 = unique.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        unique.iter().copied().partition(|address: &SocketAddr| address.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(unique.len());
    loop {
        let (next, other) = (first.next(), second.next());
        if next.is_none() && other.is_none() {
            return ordered;
        }
        ordered.extend(next.into_iter().chain(other));
    }
}

/// Tries the addresses in order, each `delay` after the one before or at once when one fails, and
/// returns the first connection; the attempts still under way are dropped. The last ones follow
/// after seconds, or once all others have failed.
///
/// The error has every address, in the order in which they failed.
pub(super) async fn race<T, Attempt>(
    addresses: &Order,
    delay: Duration,
    connect: impl Fn(SocketAddr) -> Attempt,
) -> Result<T, Vec<FailedAttempt>>
where
    Attempt: Future<Output = io::Result<T>>,
{
    let first = addresses.first.iter().copied().map(|address| (address, delay));
    let last = addresses.last.iter().copied().map(|address| (address, delay.max(LATE)));
    let mut waiting = first.chain(last).peekable();
    let mut running: Vec<(SocketAddr, Pin<Box<Attempt>>)> = Vec::new();
    let mut failed = Vec::new();
    let mut is_due = true;
    loop {
        if let Some((address, _)) = waiting.next_if(|_| is_due || running.is_empty()) {
            running.push((address, Box::pin(connect(address))));
        }
        if running.is_empty() {
            return Err(failed);
        }
        let next_start = waiting.peek().map(|(_, wait)| sleep(*wait));
        match first_finished(&mut running, next_start).await {
            None => is_due = true,
            Some((_, Ok(connection))) => return Ok(connection),
            Some((address, Err(error))) => {
                failed.push(FailedAttempt { address, error: error.into() });
                is_due = waiting.peek().is_some_and(|(_, wait)| *wait == delay);
            }
        }
    }
}

/// Waits until an attempt finishes, which is taken out of `running`; `None` if `deadline`
/// passes first.
async fn first_finished<T, Attempt>(
    running: &mut Vec<(SocketAddr, Pin<Box<Attempt>>)>,
    deadline: Option<Sleep>,
) -> Option<(SocketAddr, io::Result<T>)>
where
    Attempt: Future<Output = io::Result<T>>,
{
    let mut deadline = std::pin::pin!(deadline);
    poll_fn(|cx| {
        for index in 0..running.len() {
            if let Poll::Ready(result) = running[index].1.as_mut().poll(cx) {
                let (address, _) = running.swap_remove(index);
                return Poll::Ready(Some((address, result)));
            }
        }
        match deadline.as_mut().as_pin_mut() {
            Some(deadline) => deadline.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests;
