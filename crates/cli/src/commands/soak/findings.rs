//! What clients tell of their connections.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel::{CauseClass, DisconnectCause};
use serde::Serialize;

/// All clients together.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How long connections were online.
    pub(super) lifetimes: Vec<Duration>,
    /// Why they ended, and why attempts failed.
    pub(super) causes: BTreeMap<&'static str, u64>,
    /// From the loss of a connection to the next CONNACK.
    pub(super) recoveries: Vec<Duration>,
    /// What must not happen.
    pub(super) violations: Vec<String>,
}

impl Findings {
    /// A connection ended, or an attempt failed. No trouble here makes the
    /// broker send what is wrong, so that one who says so is wrong itself.
    pub(super) fn ended(&mut self, cause: &DisconnectCause, online_for: Option<Duration>) {
        self.lifetimes.extend(online_for);
        *self.causes.entry(name(cause)).or_default() += 1;
        if cause.class() == CauseClass::PacketFault {
            self.violations.push(format!("a connection ended over a packet: {cause}"));
        }
    }
}

fn name(cause: &DisconnectCause) -> &'static str {
    match cause {
        DisconnectCause::ConnectTimeout { .. } => "connect time-out",
        DisconnectCause::Shutdown => "shutdown",
        cause => match cause.class() {
            CauseClass::Refused => "refused",
            CauseClass::CertificateTime => "certificate not valid at this time",
            CauseClass::TakenOver => "taken over",
            CauseClass::Throttled => "server busy",
            CauseClass::Redirect => "redirect",
            CauseClass::ServerGoingAway => "server going away",
            CauseClass::KeepAliveDeath => "keep-alive death",
            CauseClass::PacketFault => "packet fault",
            CauseClass::Local => "asked for",
            _ => "network",
        },
    }
}

/// The shape of many durations, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) count: usize,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(mut values: Vec<Duration>) -> Self {
        values.sort();
        let at = |percent: usize| {
            let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(place).copied().map_or(0.0, super::seconds)
        };
        Self { count: values.len(), p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = (1..=200).rev().map(Duration::from_secs).collect();
        let spread = Spread::of(values);
        assert_eq!(
            (spread.count, spread.p50, spread.p90, spread.p99, spread.max),
            (200, 100.0, 180.0, 198.0, 200.0)
        );
        let one = Spread::of(vec![Duration::from_secs(7)]);
        assert_eq!((one.p50, one.p99, one.max), (7.0, 7.0, 7.0));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn attempts_that_failed_have_a_cause_and_no_lifetime() {
        let mut findings = Findings::default();
        findings.ended(&DisconnectCause::ReconnectRequested, Some(Duration::from_secs(1)));
        findings.ended(&DisconnectCause::ReconnectRequested, None);
        assert_eq!(findings.lifetimes.len(), 1);
        assert_eq!(findings.causes.get("asked for"), Some(&2));
        assert_eq!(findings.violations, [""; 0]);
    }

    #[test]
    fn a_packet_fault_is_charged() {
        let mut findings = Findings::default();
        let cause = DisconnectCause::ProtocolError(evenkeel::ProtocolError::NotConnAck);
        findings.ended(&cause, None);
        assert_eq!(findings.violations.len(), 1);
    }
}
