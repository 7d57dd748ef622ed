//! Which clients there are, under which names.

use std::collections::HashMap;
use std::sync::Arc;

use evenkeel::events::Observer;

use crate::AddError;
use crate::names::Names;

/// Clients until it is looked whether some have gone.
const CROWD: usize = 64;

/// Which clients there are, under which names.
pub(super) struct Known {
    names: Names,
    members: HashMap<Observer, Place>,
    /// How many have ever been added.
    added: u64,
    /// At how many it is to be looked whether some have gone.
    crowd: usize,
}

#[derive(Clone, Copy)]
struct Place {
    place: usize,
    number: u64,
}

/// One of the clients.
pub(super) struct Member {
    pub(super) observer: Observer,
    /// The place of its name.
    pub(super) place: usize,
    number: u64,
}

impl Known {
    pub(super) fn new(most: usize) -> Self {
        Self { names: Names::new(most), members: HashMap::new(), added: 0, crowd: CROWD }
    }

    /// Adds a client; true if so many have come that some may have gone unnoticed,
    /// where nobody reads.
    pub(super) fn add(&mut self, name: &str, observer: Observer) -> Result<bool, AddError> {
        if self.members.contains_key(&observer) {
            return Err(AddError::Known);
        }
        self.added += 1;
        let place = Place { place: self.names.place(name), number: self.added };
        self.members.insert(observer, place);
        let is_crowded = self.members.len() >= self.crowd;
        if is_crowded {
            self.crowd = self.members.len() * 2;
        }
        Ok(is_crowded)
    }

    pub(super) fn remove(&mut self, observer: &Observer) -> Option<Member> {
        let (observer, Place { place, number }) = self.members.remove_entry(observer)?;
        Some(Member { observer, place, number })
    }

    /// Forgets those that have gone.
    pub(super) fn forget(&mut self, gone: &[Member]) {
        for member in gone {
            self.members.remove(&member.observer);
        }
        self.crowd = (self.members.len() * 2).max(CROWD);
    }

    /// All of them, in the order in which they came.
    pub(super) fn members(&self) -> Vec<Member> {
        let members = self.members.iter().map(|(observer, &Place { place, number })| Member {
            observer: observer.clone(),
            place,
            number,
        });
        let mut members: Vec<_> = members.collect();
        members.sort_by_key(|member| member.number);
        members
    }

    pub(super) fn name(&self, place: usize) -> Arc<str> {
        self.names.name(place)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}
