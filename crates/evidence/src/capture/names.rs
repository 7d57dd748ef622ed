//! Names of MQTT servers that could not be resolved.
//!
//! A capture holds the questions of every program of a host. Of interest are
//! names that led to an MQTT server in this capture, and those that say of
//! themselves that they are of one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use evenkeel_doctor::{Place, Time};

use super::net::{Dns, Endpoint, Host, Resolution};

/// Names, addresses and questions that are remembered, each.
const KEPT: usize = 4096;
/// The longest name.
const NAME: usize = 255;
/// The bytes of all at most: questions, those that failed, and four maps with names.
pub(super) const MOST: usize = 6 * KEPT * (NAME + 2 * 64);
/// A question without an answer after this time has failed: resolvers ask
/// twice, five seconds apart.
const SILENT: Duration = Duration::from_secs(10);
/// So long after a failure, what else a resolver tries for the same name is
/// known: it has the suffixes of the host's own domain, which it tries last, or,
/// as in Kubernetes, first.
const SUFFIXES: Duration = Duration::from_secs(5);
/// A name that fails twice within this time was asked for once: by several
/// resolvers, or with several suffixes.
const ONCE: Duration = Duration::from_millis(500);

/// What is in the names of brokers only.
const WITHIN: [&str; 3] = ["mqtt", "mosquitto", "-ats.iot."];
/// How the names end that services give to the brokers of their users.
const ENDINGS: [&str; 6] = [
    ".azure-devices.net",
    ".emqx.cloud",
    ".emqxsl.cn",
    ".emqxsl.com",
    ".hivemq.cloud",
    ".ts.eventgrid.azure.net",
];

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

/// A question that failed, and when that is to be believed.
#[derive(Debug)]
struct Doubted {
    due: Time,
    client: Host,
    question: Question,
}

#[derive(Debug, Default)]
pub(super) struct Names {
    /// Questions without an answer, and their order.
    open: HashMap<(Endpoint, u16), Question>,
    order: VecDeque<(Time, (Endpoint, u16))>,
    doubted: VecDeque<Doubted>,
    /// Names that have an address, and those of brokers that have none.
    heard: HashSet<String>,
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
            Resolution::Failed => self.fails(client.host, question, now, SUFFIXES),
            Resolution::Addresses(all) => {
                if !all.is_empty() {
                    self.hear(&question.name);
                }
                for host in all {
                    make_room(&mut self.resolved);
                    self.resolved.insert(host, question.name.clone());
                }
                None
            }
        }
    }

    /// The next name that time shows to have no address.
    pub(super) fn silent(&mut self, now: Time) -> Option<Unresolved> {
        while let Some((asked, key)) = self.order.front().copied() {
            if now.since(asked) < SILENT {
                break;
            }
            self.order.pop_front();
            let same = self.open.get(&key).is_some_and(|question| question.asked == asked);
            let Some(question) = same.then(|| self.open.remove(&key)).flatten() else { continue };
            let failed = self.fails(key.0.host, question, now, Duration::ZERO);
            if failed.is_some() {
                return failed;
            }
        }
        while self.doubted.front().is_some_and(|first| first.due <= now) {
            let failed = self.last();
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// The next name that has failed, at the end of the capture.
    pub(super) fn last(&mut self) -> Option<Unresolved> {
        while let Some(Doubted { due, client, question }) = self.doubted.pop_front() {
            let suffixed = |(end, _)| {
                question.name.get(..end).is_some_and(|before| self.heard.contains(before))
            };
            if question.name.match_indices('.').any(suffixed) {
                continue;
            }
            let failed = self.once(client, question, None, due);
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// A name of a server is believed at once, another after a while.
    fn fails(
        &mut self,
        client: Host,
        question: Question,
        now: Time,
        doubt: Duration,
    ) -> Option<Unresolved> {
        if let Some(server) = self.servers.get(&question.name).copied() {
            return self.once(client, question, Some(server), now);
        }
        if says_mqtt(&question.name) && self.doubted.len() < KEPT {
            self.hear(&question.name);
            self.doubted.push_back(Doubted { due: now.plus(doubt), client, question });
        }
        None
    }

    fn once(
        &mut self,
        client: Host,
        question: Question,
        server: Option<Endpoint>,
        at: Time,
    ) -> Option<Unresolved> {
        let Question { asked, place, name } = question;
        make_room(&mut self.failed);
        let before = self.failed.insert((client, name.clone()), at);
        if before.is_some_and(|before| at.since(before) < ONCE) {
            return None;
        }
        Some(Unresolved { asked, place, client, name, server })
    }

    fn hear(&mut self, name: &str) {
        if self.heard.len() >= KEPT {
            self.heard.clear();
        }
        self.heard.insert(name.to_owned());
    }
}

/// A name that brokers have, and hardly anything else.
fn says_mqtt(name: &str) -> bool {
    WITHIN.iter().any(|word| name.contains(word))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Forgets all at the bound: names are few, and come again.
fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= KEPT {
        map.clear();
    }
}
