//! Counts every message: what was sent, acknowledged, received, and what came twice.

use std::collections::BTreeSet;

use super::{DemoEvent, Kind};

/// The counts of all three QoS.
#[derive(Debug, Default)]
pub(super) struct Tally {
    by_qos: [Counts; 3],
    failures: Vec<String>,
}

/// The messages of one QoS, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: BTreeSet<u64>,
    pub(super) acknowledged: BTreeSet<u64>,
    pub(super) received: BTreeSet<u64>,
    pub(super) duplicates: u64,
    /// Numbers first received after a higher one.
    pub(super) disordered: u64,
}

impl Tally {
    pub(super) fn note(&mut self, events: &DemoEvent) {
        match events {
            DemoEvent::Sent { kind, number } => {
                self.counts_mut(*kind).sent.insert(*number);
            }
            DemoEvent::Acknowledged { kind, number } => {
                self.counts_mut(*kind).acknowledged.insert(*number);
            }
            DemoEvent::Received { kind, number } => self.counts_mut(*kind).receive(*number),
            // QoS 0 promises nothing across a lost connection.
            DemoEvent::Failed { kind: Kind::Qos0, .. } => {}
            DemoEvent::Failed { kind, number, why } => {
                self.failures
                    .push(format!("message {number} of QoS {} failed: {why}", *kind as u8));
            }
            _ => {}
        }
    }

    pub(super) const fn counts(&self, kind: Kind) -> &Counts {
        let [qos0, qos1, qos2] = &self.by_qos;
        match kind {
            Kind::Qos0 => qos0,
            Kind::Qos1 => qos1,
            Kind::Qos2 => qos2,
        }
    }

    /// Those of QoS 0, 1 and 2.
    pub(super) const fn by_qos(&self) -> &[Counts; 3] {
        &self.by_qos
    }

    const fn counts_mut(&mut self, kind: Kind) -> &mut Counts {
        let [qos0, qos1, qos2] = &mut self.by_qos;
        match kind {
            Kind::Qos0 => qos0,
            Kind::Qos1 => qos1,
            Kind::Qos2 => qos2,
        }
    }

    /// A total over all QoS.
    pub(super) fn total(&self, of: impl Fn(&Counts) -> usize) -> usize {
        self.by_qos.iter().map(of).sum()
    }

    /// What must not be: messages lost, of QoS 2 received twice, or out of order.
    pub(super) fn violations(&self) -> Vec<String> {
        let mut violations = self.failures.clone();
        for kind in [Kind::Qos1, Kind::Qos2] {
            let (counts, qos) = (self.counts(kind), kind as u8);
            if counts.sent.is_empty() {
                violations.push(format!("no message of QoS {qos} was sent"));
            }
            let unacknowledged = counts.sent.difference(&counts.acknowledged).count();
            if unacknowledged > 0 {
                violations
                    .push(format!("{unacknowledged} messages of QoS {qos} were not acknowledged"));
            }
            let lost = counts.sent.difference(&counts.received).count();
            if lost > 0 {
                violations.push(format!("{lost} messages of QoS {qos} were lost"));
            }
            if counts.disordered > 0 {
                violations
                    .push(format!("{} messages of QoS {qos} came out of order", counts.disordered));
            }
        }
        let duplicates = self.counts(Kind::Qos2).duplicates;
        if duplicates > 0 {
            violations.push(format!("{duplicates} messages of QoS 2 came twice"));
        }
        violations
    }
}

impl Counts {
    fn receive(&mut self, number: u64) {
        let highest = self.received.last().copied().unwrap_or(0);
        if !self.received.insert(number) {
            self.duplicates += 1;
        } else if number < highest {
            self.disordered += 1;
        }
    }
}
