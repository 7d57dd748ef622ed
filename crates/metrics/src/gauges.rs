//! How it stands now, of one client or of all that have one name.

use std::time::Duration;

use evenkeel::error::CauseClass;
use evenkeel::events::{Count, Snapshot};

use crate::RATES;
use crate::names::Names;

/// The states, by the names that clients give them.
pub(crate) const STATES: [&str; 6] =
    ["stopped", "waiting", "connecting", "online", "halted", "closed"];

/// How it stands now.
#[derive(Clone, Debug)]
pub(crate) struct Gauges {
    /// How many are in each of [`STATES`].
    pub(crate) states: [u64; STATES.len()],
    /// The longest of them.
    pub(crate) in_state: Duration,
    /// The next of them.
    pub(crate) next_attempt: Option<Duration>,
    /// The shortest of them.
    pub(crate) keep_alive: Option<Duration>,
    /// The longest loop of each class, in the order of [`CauseClass::ALL`].
    pub(crate) loops: [u32; CauseClass::ALL.len()],
    pub(crate) queue: Count,
    pub(crate) in_flight: Count,
    pub(crate) quarantined: u64,
    pub(crate) stores_work: bool,
    /// What is left of each rate and what it has at most, by its place in the names.
    pub(crate) rates: Vec<Option<(u64, u64)>>,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            states: Default::default(),
            in_state: Duration::ZERO,
            next_attempt: None,
            keep_alive: None,
            loops: Default::default(),
            queue: Count::default(),
            in_flight: Count::default(),
            quarantined: 0,
            stores_work: true,
            rates: Vec::new(),
        }
    }
}

impl Gauges {
    pub(crate) fn add(&mut self, snapshot: &Snapshot, rates: &mut Names) {
        let name = snapshot.state.name();
        if let Some(place) = STATES.iter().position(|state| *state == name) {
            self.states[place] += 1;
        }
        self.in_state = self.in_state.max(snapshot.in_state);
        self.next_attempt = least(self.next_attempt, snapshot.next_attempt);
        self.keep_alive = least(self.keep_alive, snapshot.keep_alive);
        if let Some(repetition) = &snapshot.repetition
            && let Some(place) = CauseClass::ALL.iter().position(|it| *it == repetition.class)
        {
            self.loops[place] = self.loops[place].max(repetition.count);
        }
        add(&mut self.queue, snapshot.queue);
        add(&mut self.in_flight, snapshot.in_flight);
        self.quarantined = self.quarantined.saturating_add(snapshot.quarantined);
        self.stores_work &= snapshot.store_failure.is_none();
        for rate in &snapshot.rates {
            self.add_rate(rates.place(&rate.limit.name), rate.tokens, rate.most);
        }
    }

    fn add_rate(&mut self, place: usize, tokens: u64, most: u64) {
        // The names bound the places.
        debug_assert!(place <= RATES);
        if self.rates.len() <= place {
            self.rates.resize(place + 1, None);
        }
        let (sum_left, sum_most) = self.rates[place].get_or_insert_default();
        *sum_left = sum_left.saturating_add(tokens);
        *sum_most = sum_most.saturating_add(most);
    }
}

const fn add(sum: &mut Count, more: Count) {
    sum.messages = sum.messages.saturating_add(more.messages);
    sum.bytes = sum.bytes.saturating_add(more.bytes);
}

fn least(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_what_there_is() {
        let (short, long) = (Some(Duration::from_secs(1)), Some(Duration::from_secs(2)));
        let pairs = [(None, None), (short, None), (None, long), (long, short)];
        assert_eq!(pairs.map(|(one, other)| least(one, other)), [None, short, long, short]);
    }

    #[test]
    fn rates_of_one_name_are_summed() {
        let mut gauges = Gauges::default();
        for (place, left, most) in [(2, 1, 5), (0, 2, 3), (2, 4, 5)] {
            gauges.add_rate(place, left, most);
        }
        assert_eq!(gauges.rates, [Some((2, 3)), None, Some((5, 10))]);
    }
}
