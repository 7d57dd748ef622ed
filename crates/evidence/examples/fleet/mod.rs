//! Makes a long log of a short one: time goes on in it, and a broker's is of many
//! clients.
//!
//! Each copy has times of its own, and identifiers, addresses and numbers of
//! connections of its own. Copies of several clients are interleaved by the second.

use std::collections::BTreeSet;

use evenkeel_doctor::{Address, Event, PacketSeen, Source, SourceId, TextId, Texts, Vantage, What};
use evenkeel_evidence::Sink;
use evenkeel_evidence::logs::{Log, Options};

mod stamps;

/// How a log calls its clients, and what kind of log it is.
pub(crate) struct Names {
    texts: Texts,
    pub(crate) vantage: Vantage,
    ids: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Names {
    /// As the reader of logs finds them.
    pub(crate) fn of(log: &str) -> Self {
        let mut names = Self {
            texts: Texts::new(1 << 20),
            vantage: Vantage::ClientLog,
            ids: BTreeSet::new(),
            hosts: BTreeSet::new(),
        };
        let mut reader = Log::new("short", &Options::default());
        let read = reader.feed(log.as_bytes(), &mut names);
        read.and_then(|()| reader.end(&mut names)).unwrap_or_else(|error| panic!("{error}"));
        names
    }

    fn saw_id(&mut self, id: TextId) {
        self.ids.insert(self.texts.text(id).into());
    }

    /// Whether a line is about a client.
    fn are_in(&self, line: &str) -> bool {
        self.ids.iter().chain(&self.hosts).any(|name| line.contains(name))
    }

    /// The line with the names of another client.
    fn replace(&self, line: &str, client: usize) -> String {
        let mut line = line.to_string();
        if client > 0 {
            for id in &self.ids {
                line = line.replace(id, &format!("{id}-{client}"));
            }
            for host in &self.hosts {
                let last = host.rsplit('.').next().unwrap_or_default();
                let other = format!("10.{}.{}.{last}", 100 + client / 250, client % 250);
                line = line.replace(host, &other);
            }
        }
        line
    }
}

impl Sink for Names {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        self.vantage = source.vantage;
        Some(SourceId(0))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts.keep(text)
    }

    fn event(&mut self, event: &Event) {
        match event.what {
            What::Identified(id) => self.saw_id(id),
            What::Packet { packet: PacketSeen::Connect(connect), .. } => {
                self.saw_id(connect.client_id);
            }
            What::Opening { client: Address { host, .. }, .. }
            | What::Joined { client: Address { host, .. }, .. } => {
                self.hosts.insert(self.texts.text(host).into());
            }
            _ => {}
        }
        self.ids.remove("");
        self.hosts.remove("");
    }
}

/// A log of `bytes` or more, of as many clients. What a broker's log has before the
/// first line about a client and behind the last one, as it starts and stops, is in
/// it once.
pub(crate) fn long(short: &str, names: &Names, clients: usize, bytes: usize) -> String {
    let lines = timed(short);
    let of_client = names.vantage != Vantage::BrokerLog;
    let is_about = |(_, line): &(i64, &str)| of_client || names.are_in(line);
    let begins = lines.iter().position(is_about).unwrap_or(0);
    let ends = lines.iter().rposition(is_about).map_or(lines.len(), |last| last + 1);
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { panic!("no lines") };
    let period = last.0 - first.0 + 2;
    let copies = bytes.div_ceil(short.len());
    let mut all: Vec<(i64, usize, usize)> = Vec::with_capacity(copies * lines.len());
    let shift = |copy: usize| {
        let (round, client) = ((copy / clients) as i64, (copy % clients) as i64);
        round * period + client * period / clients as i64
    };
    for copy in 0..copies {
        let from = if copy == 0 { 0 } else { begins };
        let to = if copy + 1 == copies { lines.len() } else { ends };
        let copied = lines.iter().enumerate().take(to).skip(from);
        all.extend(copied.map(|(number, (at, _))| (at + shift(copy), copy, number)));
    }
    all.sort_unstable();
    let mut long = String::with_capacity(bytes + bytes / 8);
    for (_, copy, number) in all {
        let line = names.replace(lines[number].1, copy % clients);
        long.push_str(&stamps::shifted(&line, shift(copy), copy));
        long.push('\n');
    }
    long
}

/// The lines with their times in seconds; a line without one has that of the
/// line before.
fn timed(log: &str) -> Vec<(i64, &str)> {
    let mut last = None;
    let first = log.lines().find_map(stamps::seconds).unwrap_or(0);
    let mut timed = |line| {
        last = stamps::seconds(line).max(last).or(last);
        (last.unwrap_or(first), line)
    };
    log.lines().map(&mut timed).collect()
}
