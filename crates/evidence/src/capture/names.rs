//! Names of MQTT servers that could not be resolved.
//!
//! A capture holds the questions of every program of a host. Of interest are
//! names that led to an MQTT server in this capture, and those that say MQTT
//! themselves.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use evenkeel_doctor::{Place, Time};

use super::net::{Dns, Endpoint, Host, Resolution};

/// Names, addresses and questions that are remembered, each.
const KEPT: usize = 4096;
/// The longest name.
const NAME: usize = 255;
/// The bytes of all at most: questions, their order, and four maps with names.
pub(super) const MOST: usize = 5 * KEPT * (NAME + 2 * 64);
/// A question without an answer after this time has failed: resolvers ask
/// twice, five seconds apart.
const SILENT: Duration = Duration::from_secs(10);
/// A name that fails twice within this time was asked for once: by several
/// resolvers, or with several suffixes.
const ONCE: Duration = Duration::from_millis(500);

/// A name that could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    pub(super) asked: Time,
    pub(super) place: Place,
    pub(super) client: Host,
    pub(super) name: String,
    /// The server that the name led to before.
    pub(super) server: Option<Endpoint>,
}

#[derive(Debug)]
struct Question {
    asked: Time,
    place: Place,
    name: String,
}

#[derive(Debug, Default)]
pub(super) struct Names {
    /// Questions without an answer, and their order.
    open: HashMap<(Endpoint, u16), Question>,
    order: VecDeque<(Time, (Endpoint, u16))>,
    /// The name that each address was the answer for.
    resolved: HashMap<Host, String>,
    /// The servers of MQTT by their names.
    servers: HashMap<String, Endpoint>,
    /// When each name failed last for a host.
    failed: HashMap<(Host, String), Time>,
}

impl Names {
    /// A server speaks MQTT: what was its name?
    pub(super) fn is_mqtt(&mut self, server: Endpoint) {
        if let Some(name) = self.resolved.get(&server.host) {
            make_room(&mut self.servers);
            self.servers.insert(name.clone(), server);
        }
    }

    /// A host asks.
    pub(super) fn ask(&mut self, client: Endpoint, dns: Dns, asked: Time, place: Place) {
        if self.order.len() >= KEPT || self.open.contains_key(&(client, dns.id)) {
            return;
        }
        let key = (client, dns.id);
        self.order.push_back((asked, key));
        self.open.insert(key, Question { asked, place, name: dns.name });
    }

    /// A resolver answers.
    pub(super) fn answer(
        &mut self,
        client: Endpoint,
        id: u16,
        resolution: Resolution,
        now: Time,
    ) -> Option<Unresolved> {
        let question = self.open.remove(&(client, id))?;
        match resolution {
            Resolution::Failed => self.fails(client.host, question, now),
            Resolution::Addresses(all) => {
                for host in all {
                    make_room(&mut self.resolved);
                    self.resolved.insert(host, question.name.clone());
                }
                None
            }
        }
    }

    /// The next question that has waited for too long.
    pub(super) fn silent(&mut self, now: Time) -> Option<Unresolved> {
        while let Some((asked, key)) = self.order.front().copied() {
            if now.since(asked) < SILENT {
                return None;
            }
            self.order.pop_front();
            let same = self.open.get(&key).is_some_and(|question| question.asked == asked);
            let Some(question) = same.then(|| self.open.remove(&key)).flatten() else { continue };
            let failed = self.fails(key.0.host, question, now);
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    fn fails(&mut self, client: Host, question: Question, now: Time) -> Option<Unresolved> {
        let Question { asked, place, name } = question;
        let server = self.servers.get(&name).copied();
        if server.is_none() && !self.says_mqtt(&name) {
            return None;
        }
        make_room(&mut self.failed);
        let before = self.failed.insert((client, name.clone()), now);
        if before.is_some_and(|before| now.since(before) < ONCE) {
            return None;
        }
        Some(Unresolved { asked, place, client, name, server })
    }

    /// A name of MQTT, and not a known one with the suffix of the host's own
    /// domain, which resolvers try too.
    fn says_mqtt(&self, name: &str) -> bool {
        let suffixed = |known: &String| {
            name.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        name.contains("mqtt") && !self.resolved.values().any(suffixed)
    }
}

/// Forgets all at the bound: names are few, and come again.
fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= KEPT {
        map.clear();
    }
}
