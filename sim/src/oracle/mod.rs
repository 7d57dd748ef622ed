//! The laws as judges. Each looks at what is seen of one client and says when
//! a law is broken; none looks inside the client.

mod backoff;
mod budget;
mod connection;
mod copies;
mod death;
mod durable;
mod end_to_end;
mod evidence;
mod expiry;
mod identifiers;
mod keepalive;
mod life;
mod outcome;
mod overrun;
mod pressure;
mod renewal;
mod resend;
mod servers;
mod state;
mod subscriptions;

use std::fmt::Debug;

use evenkeel_proto::Config;

use crate::observation::{Facts, Observation, Violation};
use crate::time::Time;
use crate::view::View;

pub use end_to_end::Ledger;

/// Judges one client by what is seen of it.
trait Oracle: Debug {
    /// Looks at an observation; `view` knows all before it.
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict);
}

/// Collects what is broken.
#[derive(Debug, Default)]
pub struct Verdict {
    found: Vec<(&'static str, String)>,
}

impl Verdict {
    /// What was collected, with when and who.
    pub fn into_violations(self, time: Time, client: usize) -> impl Iterator<Item = Violation> {
        let client = Some(client);
        self.found.into_iter().map(move |(law, text)| Violation { law, time, client, text })
    }

    fn broken(&mut self, law: &'static str, text: String) {
        self.found.push((law, text));
    }

    fn require(&mut self, law: &'static str, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.broken(law, text());
        }
    }
}

/// All judges of one client.
#[derive(Debug)]
pub struct Jury {
    client: usize,
    /// What they know.
    pub view: View,
    /// They judge one process.
    oracles: Vec<Box<dyn Oracle>>,
    /// They remember the processes before.
    lasting: Vec<Box<dyn Oracle>>,
    /// The subscriptions the client should have.
    pub subscriptions: subscriptions::Wanted,
}

impl Jury {
    /// Judges for a client that was made with this, or claims to be.
    pub fn new(client: usize, declared: Config, is_durable: bool) -> Self {
        let lasting: Vec<Box<dyn Oracle>> = vec![
            Box::<identifiers::Identifiers>::default(),
            Box::<resend::Resends>::default(),
            Box::<durable::Durables>::default(),
            Box::<expiry::Expiries>::default(),
        ];
        let subscriptions = subscriptions::Wanted::default();
        let oracles = of_one_process();
        Self { client, view: View::new(declared, is_durable), oracles, lasting, subscriptions }
    }

    /// Lets all of them look; what they find.
    pub fn see(&mut self, facts: &Facts, seen: &Observation<'_>) -> Vec<Violation> {
        let mut verdict = Verdict::default();
        for oracle in self.oracles.iter_mut().chain(&mut self.lasting) {
            oracle.see(facts, &self.view, seen, &mut verdict);
        }
        self.subscriptions.see(seen, &mut verdict);
        self.view.apply(facts, seen);
        if let Observation::Died(_) = seen {
            self.oracles = of_one_process();
        }
        verdict.into_violations(facts.time, self.client).collect()
    }
}

/// Judges of what begins and ends with a process.
fn of_one_process() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::<keepalive::Pings>::default(),
        Box::<death::Deaths>::default(),
        Box::<life::SignsOfLife>::default(),
        Box::<connection::Connections>::default(),
        Box::<budget::Budget>::default(),
        Box::<backoff::BackOff>::default(),
        Box::<servers::Servers>::default(),
        Box::<evidence::Evidence>::default(),
        Box::<state::States>::default(),
        Box::<outcome::Outcomes>::default(),
        Box::<overrun::Overruns>::default(),
        Box::<pressure::Pressure>::default(),
        Box::<renewal::Renewals>::default(),
    ]
}
