//! The clients that are looked at.

mod known;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel::Client;

use crate::counts::Counts;
use crate::gauges::Gauges;
use crate::names::Names;
use crate::reading::Row;
use crate::{AddError, Health, NAMES, RATES, Reading};
use known::{Known, Member};

/// Any number of clients, of which metrics and health are read; clones share them.
#[derive(Clone)]
pub struct Clients(Arc<Shared>);

struct Shared {
    /// Held for moments only, so that adding a client waits for no reading.
    known: Mutex<Known>,
    /// Held while something is read: one reading at a time.
    past: Mutex<Past>,
}

/// What readings keep for those after them.
struct Past {
    /// The counts of clients that have gone, by the places of their names.
    gone: HashMap<usize, Counts>,
    rates: Names,
}

impl Clients {
    /// None yet, and room for [`NAMES`] names.
    pub fn new() -> Self {
        Self::with_names(NAMES)
    }

    /// None yet, and room for so many names. What comes after them, ever, is summed
    /// as `other`.
    pub fn with_names(most: usize) -> Self {
        let known = Mutex::new(Known::new(most));
        let past = Mutex::new(Past { gone: HashMap::new(), rates: Names::new(RATES) });
        Self(Arc::new(Shared { known, past }))
    }

    /// Adds a client, under the name of what it is for: metrics are told apart by it, so
    /// it is to be the same whenever the program runs. Clients of one name are summed.
    ///
    /// It does not keep the client alive; see [the crate](crate#clients-that-go).
    pub fn add(&self, name: &str, client: &Client) -> Result<(), AddError> {
        if let Some(error) = AddError::in_name(name) {
            return Err(error);
        }
        let is_crowded = self.known().add(name, client.observer())?;
        // A reading that is under way does the same.
        if is_crowded && let Ok(mut past) = self.0.past.try_lock() {
            self.let_go(&mut past);
        }
        Ok(())
    }

    /// Removes a client; false if it was not there. Its counts stay in the sums of its
    /// name.
    pub fn remove(&self, client: &Client) -> bool {
        let mut past = self.past();
        let removed = self.known().remove(&client.observer());
        removed.into_iter().map(|gone| past.keep(&gone)).count() > 0
    }

    /// Reads all clients now.
    pub fn read(&self) -> Reading {
        let mut past = self.past();
        let mut rows: HashMap<usize, Row> = HashMap::new();
        for member in self.let_go(&mut past) {
            let snapshot = member.observer.snapshot();
            let row = rows.entry(member.place).or_insert_with(|| Row {
                client: self.known().name(member.place),
                counts: past.gone.get(&member.place).cloned().unwrap_or_default(),
                gauges: Gauges::default(),
            });
            row.counts.add_snapshot(&snapshot);
            row.gauges.add(&snapshot, &mut past.rates);
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by(|(at, row), (other_at, other)| {
            (*at == 0, &row.client).cmp(&(*other_at == 0, &other.client))
        });
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Reading { rows, rates: past.rates.all().to_vec() }
    }

    /// How they are now.
    pub fn health(&self) -> Health {
        let known = self.known();
        let members = known.members();
        let named: Vec<_> = members.iter().map(|member| known.name(member.place)).collect();
        drop(known);
        let present = members.iter().zip(named).filter(|(member, _)| !member.observer.is_over());
        Health::of(present.map(|(member, name)| (name, member.observer.snapshot())))
    }

    /// Lets those go that are over, and returns the others.
    fn let_go(&self, past: &mut Past) -> Vec<Member> {
        let (over, present): (Vec<Member>, Vec<Member>) =
            self.known().members().into_iter().partition(|member| member.observer.is_over());
        self.known().forget(&over);
        over.iter().for_each(|gone| past.keep(gone));
        present
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
    fn keep(&mut self, gone: &Member) {
        let counts = self.gone.entry(gone.place).or_default();
        counts.add_snapshot(&gone.observer.snapshot());
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("count", &self.known().len()).finish_non_exhaustive()
    }
}
