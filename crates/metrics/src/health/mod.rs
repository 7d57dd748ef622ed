//! Whether clients do what they are for, and if not, why, in words.

mod words;

use std::sync::Arc;

use evenkeel::State;
use evenkeel::events::Snapshot;
use serde::Serialize;

/// Troubles that are told one by one.
const TOLD: usize = 100;

/// How clients are.
///
/// Nothing in it is a secret, a topic, or a word of a server's: words are the library's
/// own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Every client's task runs: none has closed. A program that is not live does not
    /// recover by itself.
    pub live: bool,
    /// Every client is online, and there is one.
    pub ready: bool,
    /// How many clients there are.
    pub clients: usize,
    /// How many of them are online.
    pub online: usize,
    /// What is wrong, of 100 clients at most.
    pub troubles: Vec<Trouble>,
    /// How many more have some trouble.
    pub untold: usize,
}

/// What is wrong with one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Trouble {
    /// The name of the client.
    pub client: String,
    /// In words.
    pub cause: String,
}

impl Health {
    pub(crate) fn of(clients: impl Iterator<Item = (Arc<str>, Snapshot)>) -> Self {
        let mut health = Self::without_clients();
        for (client, snapshot) in clients {
            health.clients += 1;
            health.online += usize::from(snapshot.state.is_online());
            health.live &= snapshot.state != State::Closed;
            if let Some(cause) = words::cause(&snapshot) {
                health.push(&*client, cause);
            }
        }
        health.ready = health.clients > 0 && health.online == health.clients;
        health
    }

    /// Of a program without clients: all is well until something is wrong.
    pub const fn without_clients() -> Self {
        Self { live: true, ready: true, clients: 0, online: 0, troubles: Vec::new(), untold: 0 }
    }

    /// Adds what is wrong with something that is no client of these.
    pub fn push(&mut self, client: impl Into<String>, cause: impl Into<String>) {
        if self.troubles.len() < TOLD {
            self.troubles.push(Trouble { client: client.into(), cause: cause.into() });
        } else {
            self.untold += 1;
        }
    }

    /// Something is wrong, if only with one client, and if only a little.
    pub fn is_degraded(&self) -> bool {
        self.cause().is_some()
    }

    /// What is wrong, in one line.
    pub fn cause(&self) -> Option<String> {
        let Some(Trouble { client, cause }) = self.troubles.first() else {
            return (!self.ready).then(|| "there is no client".to_owned());
        };
        let others = self.troubles.len() - 1 + self.untold;
        Some(match others {
            0 => format!("{client}: {cause}"),
            1 => format!("{client}: {cause}; and 1 other has trouble"),
            others => format!("{client}: {cause}; and {others} others have trouble"),
        })
    }

    /// All of it as one JSON object.
    pub fn to_json(&self) -> String {
        let Self { live, ready, clients, online, ref troubles, untold } = *self;
        let (degraded, cause) = (self.is_degraded(), self.cause());
        let object =
            Object { v: 1, live, ready, degraded, cause, clients, online, troubles, untold };
        // Strings and numbers serialize without a way to fail.
        serde_json::to_string(&object).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Object<'a> {
    v: u8,
    live: bool,
    ready: bool,
    degraded: bool,
    cause: Option<String>,
    clients: usize,
    online: usize,
    troubles: &'a [Trouble],
    untold: usize,
}
