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
struct Book {
    outcomes: Vec<Outcome>,
    /// How often each was delivered.
    copies: Vec<u32>,
    /// The newest that was delivered.
    newest: Option<usize>,
    disordered: u64,
}

/// All books: three for each client.
#[derive(Debug)]
pub(super) struct Ledger(Vec<Book>);

/// Names one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BookId {
    pub(super) publisher: usize,
    pub(super) qos: QoS,
}

/// The sum of all books of one QoS.
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

impl Ledger {
    pub(super) fn new(clients: usize) -> Self {
        Self(vec![Book::default(); clients * 3])
    }

    fn book(&mut self, id: BookId) -> Option<&mut Book> {
        self.0.get_mut(id.publisher * 3 + usize::from(id.qos.level()))
    }

    /// The number of the next message, from 0.
    pub(super) fn begin(&mut self, id: BookId) -> usize {
        let Some(book) = self.book(id) else { return 0 };
        book.outcomes.push(Outcome::Open);
        book.outcomes.len() - 1
    }

    /// The publisher was told what became of it.
    pub(super) fn settle(&mut self, id: BookId, number: usize, is_acknowledged: bool) {
        let outcome = self.book(id).and_then(|book| book.outcomes.get_mut(number));
        if let Some(outcome) = outcome {
            *outcome = if is_acknowledged { Outcome::Acknowledged } else { Outcome::Failed };
        }
    }

    /// The subscriber has it; false for a message nobody sent.
    pub(super) fn deliver(&mut self, id: BookId, number: usize) -> bool {
        let Some(book) = self.book(id).filter(|book| number < book.outcomes.len()) else {
            return false;
        };
        if book.copies.len() <= number {
            book.copies.resize(number + 1, 0);
        }
        let Some(copies) = book.copies.get_mut(number) else { return false };
        *copies += 1;
        if *copies == 1 && book.newest.is_some_and(|newest| newest > number) {
            book.disordered += 1;
        }
        book.newest = book.newest.max(Some(number));
        true
    }

    /// The sums of one QoS.
    pub(super) fn tally(&self, qos: QoS) -> Tally {
        let mut tally = Tally { qos: qos.level(), ..Tally::default() };
        for book in self.0.iter().skip(usize::from(qos.level())).step_by(3) {
            for (number, outcome) in book.outcomes.iter().enumerate() {
                let copies = book.copies.get(number).copied().unwrap_or_default();
                tally.sent += 1;
                tally.acknowledged += u64::from(*outcome == Outcome::Acknowledged);
                tally.failed += u64::from(*outcome == Outcome::Failed);
                tally.open += u64::from(*outcome == Outcome::Open);
                tally.received += u64::from(copies > 0);
                tally.undelivered += u64::from(copies == 0 && *outcome == Outcome::Acknowledged);
                tally.duplicated += u64::from(copies.saturating_sub(1));
            }
            tally.disordered += book.disordered;
        }
        tally
    }

    /// True where every message has its outcome, and all that were promised
    /// have been delivered.
    pub(super) fn is_settled(&self) -> bool {
        let promised = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| self.tally(qos));
        promised.iter().all(|tally| tally.open == 0 && tally.undelivered == 0)
            && self.tally(QoS::AtMostOnce).open == 0
    }
}

impl Tally {
    /// What QoS forbids, in words.
    pub(super) fn charges(&self) -> Vec<String> {
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

    const ONE: BookId = BookId { publisher: 1, qos: QoS::AtLeastOnce };

    fn ledger(count: usize) -> Ledger {
        let mut ledger = Ledger::new(2);
        for number in 0..count {
            assert_eq!(ledger.begin(ONE), number);
        }
        ledger
    }

    #[test]
    fn a_message_is_lost_only_where_it_was_acknowledged() {
        let mut ledger = ledger(3);
        assert!(!ledger.is_settled());
        ledger.settle(ONE, 0, true);
        ledger.settle(ONE, 1, true);
        ledger.settle(ONE, 2, false);
        assert!(ledger.deliver(ONE, 0));
        assert!(!ledger.is_settled());
        let tally = ledger.tally(QoS::AtLeastOnce);
        assert_eq!((tally.undelivered, tally.failed, tally.received), (1, 1, 1));
        assert_eq!(tally.charges(), ["1 messages of QoS 1 acknowledged and never delivered"]);
        assert!(ledger.deliver(ONE, 1));
        assert!(ledger.is_settled());
    }

    #[test]
    fn each_qos_has_its_own_promises() {
        for (qos, charges) in [(QoS::AtMostOnce, 1), (QoS::AtLeastOnce, 0), (QoS::ExactlyOnce, 1)] {
            let id = BookId { publisher: 0, qos };
            let mut ledger = Ledger::new(1);
            ledger.begin(id);
            ledger.settle(id, 0, true);
            ledger.deliver(id, 0);
            ledger.deliver(id, 0);
            assert_eq!(ledger.tally(qos).charges().len(), charges, "{qos:?} twice");
        }
        let mut lost = Ledger::new(1);
        let id = BookId { publisher: 0, qos: QoS::AtMostOnce };
        lost.begin(id);
        lost.settle(id, 0, true);
        assert_eq!(lost.tally(QoS::AtMostOnce).charges(), [""; 0]);
        assert!(lost.is_settled());
    }

    #[test]
    fn order_counts_first_copies() {
        let mut ledger = ledger(3);
        for number in [0, 1, 0, 2] {
            assert!(ledger.deliver(ONE, number));
        }
        assert_eq!(ledger.tally(QoS::AtLeastOnce).disordered, 0, "a repetition is no disorder");
        let mut ledger = self::ledger(3);
        for number in [0, 2, 1] {
            assert!(ledger.deliver(ONE, number));
        }
        assert_eq!(ledger.tally(QoS::AtLeastOnce).disordered, 1);
        assert!(!ledger.deliver(ONE, 3), "nobody sent it");
    }
}
