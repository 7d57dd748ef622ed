//! What is wrong with a client, in words of the library's own: what a server says may
//! have anything in it.

use std::time::Duration;

use evenkeel::State;
use evenkeel::error::DisconnectCause;
use evenkeel::events::{Repetition, Snapshot};

/// Pings that are looked back at.
const PINGS: u32 = 8;

/// All that is wrong; nothing if all is well.
pub(super) fn cause(snapshot: &Snapshot) -> Option<String> {
    let parts = [
        state(snapshot),
        snapshot.repetition.map(repetition),
        snapshot.store_failure.map(|failure| failure.to_string()),
        quarantine(snapshot.quarantined),
        pings(snapshot.pings_missed),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Why it is not online.
fn state(snapshot: &Snapshot) -> Option<String> {
    let (words, cause) = match &snapshot.state {
        State::Online { .. } => return None,
        State::Stopped => ("not started yet".to_owned(), None),
        State::Closed => ("closed: its task has ended".to_owned(), None),
        State::Connecting { attempt, cause, .. } => {
            (format!("connecting, attempt {attempt}"), cause.as_deref())
        }
        State::Waiting { retry, cause } => {
            let left = rounded(snapshot.next_attempt.unwrap_or_default());
            (format!("waiting for attempt {}, due in {left:?}", retry.attempt), cause.as_deref())
        }
        State::Halted { reason, cause } => {
            (format!("halted, and tries no more: {reason}"), cause.as_deref())
        }
        other => (other.name().to_owned(), None),
    };
    Some(match cause {
        Some(cause) => format!("{words} ({})", end(cause)),
        None => words,
    })
}

/// How the last connection ended, without what the server said about it.
fn end(cause: &DisconnectCause) -> String {
    match cause {
        DisconnectCause::Refused { reason, .. } => {
            format!("the server refused the connection: {reason}")
        }
        DisconnectCause::ServerDisconnect { reason, .. } => {
            format!("the server disconnected: {reason}")
        }
        cause => cause.to_string(),
    }
}

fn repetition(repetition: Repetition) -> String {
    Repetition { period: rounded(repetition.period), ..repetition }.to_string()
}

fn quarantine(count: u64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 message in quarantine, as connections died of it".to_owned()),
        count => Some(format!("{count} messages in quarantine, as connections died of them")),
    }
}

fn pings(missed: u32) -> Option<String> {
    let verb = if missed == 1 { "was" } else { "were" };
    (missed > 0).then(|| format!("{missed} of the last {PINGS} pings {verb} not answered in time"))
}

/// To a tenth of a second, for people.
fn rounded(time: Duration) -> Duration {
    let tenths = (time.as_millis() + 50) / 100;
    Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_tenths_of_a_second() {
        let shown = [0, 49, 50, 1_949, 1_950, 60_000].map(Duration::from_millis).map(rounded);
        assert_eq!(format!("{shown:?}"), "[0ns, 0ns, 100ms, 1.9s, 2s, 60s]");
    }

    #[test]
    fn counts_have_their_verbs() {
        assert_eq!((quarantine(0), pings(0)), (None, None));
        assert!(quarantine(1).unwrap().starts_with("1 message in"));
        assert!(quarantine(2).unwrap().starts_with("2 messages in"));
        assert_eq!(pings(1).unwrap(), "1 of the last 8 pings was not answered in time");
        assert_eq!(pings(8).unwrap(), "8 of the last 8 pings were not answered in time");
    }
}
