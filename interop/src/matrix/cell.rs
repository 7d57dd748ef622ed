//! One conversation with one broker, within its time.

use std::time::{Duration, Instant};

use crate::case::{Account, Case};
use crate::failed::Failed;
use crate::server::{Doing, Memory, Server};
use crate::site::Site;
use crate::wire::CUT;

use super::Row;

/// How long one cell may take. The longest is the start of a cluster.
const LIMIT: Duration = Duration::from_secs(420);

/// After this many attempts in a row every client gives up with an error, but
/// for the one that waits for its broker to start.
const ATTEMPTS: u32 = 8;

/// The most connections that the one that waits may open in one minute: the
/// budget of its reconnect policy.
const BUDGET: u64 = 8;

/// What became of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It went as it must.
    Works,
    /// It ended in an error of the client's that says why.
    Refused(String),
    /// The broker did something else than what must happen.
    Differs(String),
    /// The broker did nothing.
    Silent(String),
    /// Not tried: connecting fails already.
    NotTried,
    /// The broker has no such listener.
    NotOffered,
}

/// A cell and how the clients fared.
#[derive(Clone, Debug)]
pub struct Fared {
    /// What became of it.
    pub cell: Cell,
    /// The connections of the client that opened the most.
    pub connects: u64,
    /// More than this many are a loop.
    pub allowed: u64,
    /// How long it took.
    pub took: Duration,
    /// The ends of connections, without those that the conversation made itself.
    pub ends: Vec<String>,
}

impl Fared {
    /// A cell that was not tried.
    pub const fn not(cell: Cell) -> Self {
        Self { cell, connects: 0, allowed: 0, took: Duration::ZERO, ends: Vec::new() }
    }

    /// True if a client connected more often than it was told to.
    pub const fn is_loop(&self) -> bool {
        self.connects > self.allowed
    }
}

/// How many connections one client may open in a row of the matrix.
fn allowed(row: &Row, took: Duration) -> u64 {
    if row.is_start_up() { BUDGET * (took.as_secs() / 60 + 1) } else { u64::from(ATTEMPTS) }
}

/// A server that conversations must leave alone.
struct Alone(Site);

impl Server for Alone {
    fn site(&self) -> &Site {
        &self.0
    }

    fn stop(&mut self, _: Memory) -> Doing<'_> {
        Box::pin(async { Err(Failed::Server("it serves others too".to_owned())) })
    }

    fn start(&mut self) -> Doing<'_> {
        Box::pin(async { Err(Failed::Server("it runs".to_owned())) })
    }

    fn log(&self) -> String {
        String::new()
    }
}

/// Holds a conversation with a server at this site.
pub(super) async fn hold(site: &Site, row: &Row) -> Fared {
    if site.address(row.transport, row.version, 0).is_none() {
        return Fared::not(Cell::NotOffered);
    }
    let mut case = Case::new(Box::new(Alone(site.clone())), row.transport, row.version);
    if !row.is_start_up() {
        case = case.giving_up_after(ATTEMPTS);
    }
    let began = Instant::now();
    let held = tokio::time::timeout(LIMIT, (row.conversation.hold)(&case)).await;
    let took = began.elapsed();
    let accounts = case.close().await;
    let cell = match held {
        Ok(Ok(())) => Cell::Works,
        Ok(Err(error)) => judge(&error),
        Err(_) => Cell::Silent(format!("not over after {LIMIT:?}")),
    };
    let connects = accounts.iter().map(|account| account.connects).max().unwrap_or_default();
    Fared { cell, connects, allowed: allowed(row, took), took, ends: ends(&accounts) }
}

fn judge(error: &Failed) -> Cell {
    let text = error.to_string();
    match error {
        Failed::TimedOut { .. } => Cell::Silent(text),
        Failed::Wrong(_) | Failed::Server(_) => Cell::Differs(text),
        _ => Cell::Refused(text),
    }
}

fn ends(accounts: &[Account]) -> Vec<String> {
    let mut ends: Vec<String> = Vec::new();
    let of_all = accounts.iter().flat_map(|account| &account.ends);
    let is_ours = |end: &str| end.contains("was shut down") || end.contains(CUT);
    for end in of_all.filter(|end| !is_ours(end)) {
        if !ends.contains(end) {
            ends.push(end.clone());
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::rows;

    #[test]
    fn more_connects_than_allowed_are_a_loop() {
        let fared = |connects| Fared { connects, allowed: 8, ..Fared::not(Cell::Works) };
        assert!(!fared(8).is_loop());
        assert!(fared(9).is_loop());
        assert!(!Fared::not(Cell::NotTried).is_loop());
    }

    #[test]
    fn only_who_waits_for_its_broker_may_try_for_long() {
        let rows = rows();
        let (waiting, usual) = (&rows[0], &rows[1]);
        assert!(waiting.is_start_up() && !usual.is_start_up());
        assert_eq!(allowed(waiting, Duration::from_secs(59)), 8);
        assert_eq!(allowed(waiting, Duration::from_secs(119)), 16);
        assert_eq!(allowed(usual, Duration::from_secs(119)), 8);
    }

    #[test]
    fn silence_is_told_from_refusal() {
        let silence = Failed::TimedOut { step: "PUBACK".to_owned(), after: Duration::from_secs(1) };
        assert!(matches!(judge(&silence), Cell::Silent(_)));
        let refusal = Failed::Connect(evenkeel::ConnectError::Closed);
        assert!(matches!(judge(&refusal), Cell::Refused(_)));
        assert!(matches!(judge(&Failed::Wrong("granted QoS 1".to_owned())), Cell::Differs(_)));
    }
}
