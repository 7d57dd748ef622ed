//! Every message by number: accepted, settled, delivered.

use evenkeel::QoS;

/// What became of a message at its publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    Open,
    Acknowledged,
    Failed,
}

/// The messages of one publisher and one QoS, which all go to one topic.
#[derive(Clone, Debug, Default)]
struct Flow {
    outcomes: Vec<Outcome>,
    /// How often each was delivered.
    copies: Vec<u32>,
    /// The newest that was delivered.
    newest: Option<usize>,
    disordered: u64,
}

/// All flows: three for each client.
#[derive(Debug)]
pub(super) struct Outcomes(Vec<Flow>);

/// Identifies one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowId {
    pub(super) publisher: usize,
    pub(super) qos: QoS,
}

/// The sum of all flows of one QoS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Tally {
    pub(super) qos: u8,
    /// Accepted by a client.
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    /// Ended otherwise, and the application was told.
    pub(super) failed: u64,
    /// Without an outcome.
    pub(super) open: u64,
    /// Delivered at least once.
    pub(super) received: u64,
    /// Acknowledged and never delivered; a QoS 0 message may be.
    pub(super) undelivered: u64,
    /// Delivered again.
    pub(super) duplicated: u64,
    /// Delivered after a later one.
    pub(super) disordered: u64,
}

impl Outcomes {
    pub(super) fn new(clients: usize) -> Self {
        Self(vec![Flow::default(); clients * 3])
    }

    fn flow(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.0.get_mut(id.publisher * 3 + usize::from(id.qos.level()))
    }

    /// The number of the next message, from 0.
    pub(super) fn begin(&mut self, id: FlowId) -> usize {
        let Some(flow) = self.flow(id) else { return 0 };
        flow.outcomes.push(Outcome::Open);
        flow.outcomes.len() - 1
    }

    /// The publisher was told what became of it.
    pub(super) fn settle(&mut self, id: FlowId, number: usize, is_acknowledged: bool) {
        let outcome = self.flow(id).and_then(|flow| flow.outcomes.get_mut(number));
        if let Some(outcome) = outcome {
            *outcome = if is_acknowledged { Outcome::Acknowledged } else { Outcome::Failed };
        }
    }

    /// The subscriber has it; false for a message that was not sent.
    pub(super) fn deliver(&mut self, id: FlowId, number: usize) -> bool {
        let Some(flow) = self.flow(id).filter(|flow| number < flow.outcomes.len()) else {
            return false;
        };
        if flow.copies.len() <= number {
            flow.copies.resize(number + 1, 0);
        }
        let Some(copies) = flow.copies.get_mut(number) else { return false };
        *copies += 1;
        if *copies == 1 && flow.newest.is_some_and(|newest| newest > number) {
            flow.disordered += 1;
        }
        flow.newest = flow.newest.max(Some(number));
        true
    }

    /// The sums of one QoS.
    pub(super) fn tally(&self, qos: QoS) -> Tally {
        let mut tally = Tally { qos: qos.level(), ..Tally::default() };
        for flow in self.0.iter().skip(usize::from(qos.level())).step_by(3) {
            for (number, outcome) in flow.outcomes.iter().enumerate() {
                let copies = flow.copies.get(number).copied().unwrap_or_default();
                tally.sent += 1;
                tally.acknowledged += u64::from(*outcome == Outcome::Acknowledged);
                tally.failed += u64::from(*outcome == Outcome::Failed);
                tally.open += u64::from(*outcome == Outcome::Open);
                tally.received += u64::from(copies > 0);
                tally.undelivered += u64::from(copies == 0 && *outcome == Outcome::Acknowledged);
                tally.duplicated += u64::from(copies.saturating_sub(1));
            }
            tally.disordered += flow.disordered;
        }
        tally
    }

    /// True if every message has its outcome, and all that were promised
    /// have been delivered.
    pub(super) fn is_settled(&self) -> bool {
        let promised = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| self.tally(qos));
        promised.iter().all(|tally| tally.open == 0 && tally.undelivered == 0)
            && self.tally(QoS::AtMostOnce).open == 0
    }
}

impl Tally {
    /// What QoS forbids, in words.
    pub(super) fn violations(&self) -> Vec<String> {
        let faults = [
            (self.undelivered, self.qos > 0, "acknowledged and never delivered"),
            (self.duplicated, self.qos != 1, "delivered twice"),
            (self.disordered, true, "delivered out of order"),
            (self.open, true, "left without an outcome"),
        ];
        let broken = faults.iter().filter(|(count, is_promised, _)| *count > 0 && *is_promised);
        broken
            .map(|(count, _, what)| format!("{count} messages of QoS {} {what}", self.qos))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: FlowId = FlowId { publisher: 1, qos: QoS::AtLeastOnce };

    fn outcomes(count: usize) -> Outcomes {
        let mut outcomes = Outcomes::new(2);
        for number in 0..count {
            assert_eq!(outcomes.begin(ONE), number);
        }
        outcomes
    }

    #[test]
    fn a_message_is_lost_only_where_it_was_acknowledged() {
        let mut outcomes = outcomes(3);
        assert!(!outcomes.is_settled());
        outcomes.settle(ONE, 0, true);
        outcomes.settle(ONE, 1, true);
        outcomes.settle(ONE, 2, false);
        assert!(outcomes.deliver(ONE, 0));
        assert!(!outcomes.is_settled());
        let tally = outcomes.tally(QoS::AtLeastOnce);
        assert_eq!((tally.undelivered, tally.failed, tally.received), (1, 1, 1));
        assert_eq!(tally.violations(), ["1 messages of QoS 1 acknowledged and never delivered"]);
        assert!(outcomes.deliver(ONE, 1));
        assert!(outcomes.is_settled());
    }

    #[test]
    fn each_qos_has_its_own_promises() {
        for (qos, violations) in
            [(QoS::AtMostOnce, 1), (QoS::AtLeastOnce, 0), (QoS::ExactlyOnce, 1)]
        {
            let id = FlowId { publisher: 0, qos };
            let mut outcomes = Outcomes::new(1);
            outcomes.begin(id);
            outcomes.settle(id, 0, true);
            outcomes.deliver(id, 0);
            outcomes.deliver(id, 0);
            assert_eq!(outcomes.tally(qos).violations().len(), violations, "{qos:?} twice");
        }
        let mut lost = Outcomes::new(1);
        let id = FlowId { publisher: 0, qos: QoS::AtMostOnce };
        lost.begin(id);
        lost.settle(id, 0, true);
        assert_eq!(lost.tally(QoS::AtMostOnce).violations(), [""; 0]);
        assert!(lost.is_settled());
    }

    #[test]
    fn order_counts_first_copies() {
        let mut outcomes = outcomes(3);
        for number in [0, 1, 0, 2] {
            assert!(outcomes.deliver(ONE, number));
        }
        assert_eq!(outcomes.tally(QoS::AtLeastOnce).disordered, 0, "a repetition is no disorder");
        let mut outcomes = self::outcomes(3);
        for number in [0, 2, 1] {
            assert!(outcomes.deliver(ONE, number));
        }
        assert_eq!(outcomes.tally(QoS::AtLeastOnce).disordered, 1);
        assert!(!outcomes.deliver(ONE, 3), "nobody sent it");
    }
}
