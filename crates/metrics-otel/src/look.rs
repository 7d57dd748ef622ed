//! One look at the clients for all instruments of a collection.

use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_metrics::{Clients, Reading};

/// What was seen last, until an instrument comes that has seen it: it is of the next
/// collection.
pub(crate) struct Look {
    clients: Clients,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    reading: Option<Arc<Reading>>,
    /// Of each instrument by its number, whether it has taken this reading.
    taken: Vec<bool>,
}

impl Look {
    pub(crate) fn new(clients: Clients) -> Self {
        Self { clients, seen: Mutex::default() }
    }

    /// The number of one more instrument.
    pub(crate) fn number(&self) -> usize {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.taken.push(false);
        seen.taken.len() - 1
    }

    pub(crate) fn take(&self, number: usize) -> Arc<Reading> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let has_taken = seen.taken.get(number).copied().unwrap_or(true);
        let fresh = if has_taken { None } else { seen.reading.clone() };
        let reading = fresh.unwrap_or_else(|| {
            seen.taken.fill(false);
            Arc::new(self.clients.read())
        });
        if let Some(taken) = seen.taken.get_mut(number) {
            *taken = true;
        }
        seen.reading = Some(reading.clone());
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_has_one_reading_and_the_next_another() {
        let look = Look::new(Clients::new());
        let numbers = [look.number(), look.number(), look.number()];
        let first = numbers.map(|number| look.take(number));
        assert!(first.iter().all(|reading| Arc::ptr_eq(reading, &first[0])));
        // In whatever order.
        let second = [1, 0, 2].map(|number| look.take(number));
        assert!(second.iter().all(|reading| Arc::ptr_eq(reading, &second[0])));
        assert!(!Arc::ptr_eq(&first[0], &second[0]));
    }
}
