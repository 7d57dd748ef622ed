//! Counts every message: what was sent, acknowledged, received, doubled.

use std::collections::BTreeSet;

use super::{Kind, News};

/// The books of all three QoS.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pages: [Page; 3],
    failures: Vec<String>,
}

/// The books of one QoS.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) sent: BTreeSet<u64>,
    pub(super) acknowledged: BTreeSet<u64>,
    pub(super) received: BTreeSet<u64>,
    pub(super) duplicates: u64,
    /// Numbers first received after a higher one.
    pub(super) disordered: u64,
}

impl Ledger {
    pub(super) fn note(&mut self, news: &News) {
        match news {
            News::Sent { kind, number } => {
                self.page_mut(*kind).sent.insert(*number);
            }
            News::Acknowledged { kind, number } => {
                self.page_mut(*kind).acknowledged.insert(*number);
            }
            News::Received { kind, number } => self.page_mut(*kind).receive(*number),
            // QoS 0 promises nothing across a lost connection.
            News::Failed { kind: Kind::Qos0, .. } => {}
            News::Failed { kind, number, why } => {
                self.failures
                    .push(format!("message {number} of QoS {} failed: {why}", *kind as u8));
            }
            _ => {}
        }
    }

    pub(super) const fn page(&self, kind: Kind) -> &Page {
        let [qos0, qos1, qos2] = &self.pages;
        match kind {
            Kind::Qos0 => qos0,
            Kind::Qos1 => qos1,
            Kind::Qos2 => qos2,
        }
    }

    const fn page_mut(&mut self, kind: Kind) -> &mut Page {
        let [qos0, qos1, qos2] = &mut self.pages;
        match kind {
            Kind::Qos0 => qos0,
            Kind::Qos1 => qos1,
            Kind::Qos2 => qos2,
        }
    }

    /// A total over all QoS.
    pub(super) fn total(&self, of: impl Fn(&Page) -> usize) -> usize {
        self.pages.iter().map(of).sum()
    }

    /// What must not be: lost messages, doubled ones of QoS 2, wrong order.
    pub(super) fn charges(&self) -> Vec<String> {
        let mut charges = self.failures.clone();
        for kind in [Kind::Qos1, Kind::Qos2] {
            let (page, qos) = (self.page(kind), kind as u8);
            if page.sent.is_empty() {
                charges.push(format!("no message of QoS {qos} was sent"));
            }
            let unacknowledged = page.sent.difference(&page.acknowledged).count();
            if unacknowledged > 0 {
                charges
                    .push(format!("{unacknowledged} messages of QoS {qos} were not acknowledged"));
            }
            let lost = page.sent.difference(&page.received).count();
            if lost > 0 {
                charges.push(format!("{lost} messages of QoS {qos} were lost"));
            }
            if page.disordered > 0 {
                charges
                    .push(format!("{} messages of QoS {qos} came out of order", page.disordered));
            }
        }
        let doubled = self.page(Kind::Qos2).duplicates;
        if doubled > 0 {
            charges.push(format!("{doubled} messages of QoS 2 came twice"));
        }
        charges
    }
}

impl Page {
    fn receive(&mut self, number: u64) {
        let highest = self.received.last().copied().unwrap_or(0);
        if !self.received.insert(number) {
            self.duplicates += 1;
        } else if number < highest {
            self.disordered += 1;
        }
    }
}
