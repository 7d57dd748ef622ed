//! What the doctor makes of the soak's clients.

use std::sync::{Mutex, MutexGuard, PoisonError};

use evenkeel::Report;
use evenkeel_profile::Profile;

use crate::diagnosis::{Diagnosis, Said};

/// Clients that are followed: the first ones. More show nothing new, and cost.
const FOLLOWED: usize = 200;

/// Families of rules, and rules, about what a client does: the rest is what the random
/// trouble does to it, and would be named in every soak.
const CONDUCT: [&str; 10] =
    ["KA", "LM", "AW", "PR01", "ID03", "ID04", "ID05", "FC01", "FC04", "FC05"];

/// Rules among them about what is done to it: answers to pings that are lost, paths that die.
const TROUBLE: [&str; 2] = ["KA04", "KA12"];

/// Follows the soak's clients by their events and by those of its broker.
#[derive(Debug)]
pub(super) struct Doctor {
    diagnosis: Mutex<Diagnosis>,
    clients: usize,
    /// The trouble is the user's, who is told all that it does.
    has_faults: bool,
}

impl Doctor {
    pub(super) fn new(clients: usize, profile: Option<&Profile>, has_faults: bool) -> Self {
        let profile = profile.cloned().unwrap_or_else(Profile::empty);
        let diagnosis = Mutex::new(Diagnosis::new(clients.min(FOLLOWED), profile));
        Self { diagnosis, clients, has_faults }
    }

    fn lock(&self) -> MutexGuard<'_, Diagnosis> {
        self.diagnosis.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event of a client by its number.
    pub(super) fn note(&self, client: usize, report: &Report) {
        if client < FOLLOWED {
            self.lock().client_event(report);
        }
    }

    /// Takes in an event of the broker, if it is known to be about a client that is followed.
    pub(super) fn note_broker(&self, event: &evenkeel_broker::Event) {
        let number = event.client_id.as_deref().and_then(super::number);
        let is_followed = number.is_some_and(|number| number < FOLLOWED);
        if is_followed || self.clients <= FOLLOWED {
            self.lock().broker_event(event);
        }
    }

    /// What is wrong, the strongest first.
    pub(super) fn findings(&self) -> Vec<Said> {
        let mut findings = self.lock().findings();
        findings.retain(|said| self.has_faults || is_conduct(said.rule));
        findings
    }
}

fn is_conduct(rule: &str) -> bool {
    CONDUCT.iter().any(|family| rule.starts_with(family)) && !TROUBLE.contains(&rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_random_trouble_does_is_not_said_of_the_clients() {
        let said: Vec<&str> =
            evenkeel_doctor::rules().map(|rule| rule.id).filter(|id| is_conduct(id)).collect();
        for id in ["KA01", "KA05", "KA13", "LM06", "PR01", "ID04", "FC01", "AW01"] {
            assert!(said.contains(&id), "{id}");
        }
        for id in ["KA04", "KA12", "NW01", "NW04", "SV03", "SV04", "AU03", "ID01", "FC06"] {
            assert!(!said.contains(&id), "{id}");
        }
        let known = |id: &str| evenkeel_doctor::rules().any(|rule| rule.id.starts_with(id));
        assert!(CONDUCT.iter().chain(&TROUBLE).all(|id| known(id)));
    }
}
