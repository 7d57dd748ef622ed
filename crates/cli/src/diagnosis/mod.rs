//! The doctor on this program's own clients: what is wrong, said as the program ends.
//!
//! Clients and a broker of this process are followed by their events, the very lines
//! that `--events` writes, so that the doctor judges them like any other program's. Few
//! events come, none per message, and what is remembered is bounded.

mod own_doctor;
mod said;

use evenkeel::{Event, Report};
use evenkeel_doctor::{Bounds, Doctor};
use evenkeel_evidence::logs::{Log, Options};
use evenkeel_profile::Profile;

pub(crate) use own_doctor::OwnDoctor;
pub(crate) use said::Said;

/// What a log remembers of connections that have ended, which count as connections.
const ENDED: usize = 1024;

/// Bytes of identifiers, topics and hosts for each client.
const TEXT_BYTES: usize = 16 * 1024;

/// Follows clients of this process, and the broker that they speak to if it is in it.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    doctor: Doctor,
    clients: Log,
    broker: Log,
}

impl Diagnosis {
    /// For so many clients, judged by the numbers of `profile`.
    pub(crate) fn new(clients: usize, profile: Profile) -> Self {
        let log = |name: &str, format: &str| {
            Log::new(name, &Options { format: Some(format.to_owned()), ..Options::default() })
        };
        Self {
            doctor: Doctor::new(profile, bounds(clients.max(1))),
            clients: log("clients", "evenkeel"),
            broker: log("broker", "evenkeel-broker"),
        }
    }

    /// Takes in an event of a client.
    pub(crate) fn client_event(&mut self, report: &Report) {
        if is_evidence(&report.event) {
            read(&mut self.clients, &report.to_json(), &mut self.doctor);
        }
    }

    /// Takes in an event of the broker.
    pub(crate) fn broker_event(&mut self, event: &evenkeel_broker::Event) {
        read(&mut self.broker, &event.to_json(), &mut self.doctor);
    }

    /// What is wrong, the strongest first.
    pub(crate) fn findings(&mut self) -> Vec<Said> {
        self.doctor.finish();
        said::of(&self.doctor.report())
    }
}

/// What is remembered of so many clients: each as it sees itself and as the broker does.
fn bounds(clients: usize) -> Bounds {
    Bounds {
        connections: 2 * (ENDED + clients),
        // Each has an address, too.
        clients: 4 * clients + 4,
        rounds: 2 * 32 * clients,
        text_bytes: TEXT_BYTES.saturating_mul(clients).min(Bounds::default().text_bytes),
        findings: 64 * clients,
    }
}

/// Reads one line. Whatever the doctor has no room for, it leaves out: a log that
/// cannot be read is no reason for the program to say more.
fn read(log: &mut Log, line: &str, doctor: &mut Doctor) {
    let read = log.feed(line.as_bytes(), doctor).and_then(|()| log.feed(b"\n", doctor));
    if read.is_ok() {
        log.settle(doctor);
    }
}

/// What rules look at, of the events of a client. Those of messages and of the store, of
/// which there may be many, are not among them; nor are pauses, as whoever does not take
/// the messages of a command, such as a pager, does so on purpose.
const fn is_evidence(event: &Event) -> bool {
    matches!(
        event,
        Event::Connecting { .. }
            | Event::Connected(_)
            | Event::Disconnected { .. }
            | Event::RetryScheduled { .. }
            | Event::Halted(_)
            | Event::PingSent
            | Event::PongReceived(_)
            | Event::PingUnanswered { .. }
            | Event::Quarantined { .. }
            | Event::SubscriptionLost { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel::error::CauseClass;
    use evenkeel::events::{Repetition, suspects};

    #[test]
    fn what_is_remembered_is_bounded() {
        let megabytes = |clients| super::bounds(clients).most_bytes() >> 20;
        assert!(megabytes(1) < 8, "{} MB", megabytes(1));
        assert!(megabytes(200) < 64, "{} MB", megabytes(200));
    }

    /// A client names rules without knowing the doctor, who explains them.
    #[test]
    fn what_a_client_suspects_are_the_doctors_rules() {
        let lived = [0, 5, 60, 300].map(|seconds| Some(Duration::from_secs(seconds)));
        for class in CauseClass::ALL {
            for lived in lived.into_iter().chain([None]) {
                let (count, period) = (5, Duration::from_secs(9));
                for id in suspects(&Repetition { class, count, period, lived }) {
                    let rule = evenkeel_doctor::rule(id);
                    assert!(rule.is_some_and(|rule| rule.id == *id), "{id}: {class:?} {lived:?}");
                }
            }
        }
    }
}
