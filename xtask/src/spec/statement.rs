//! The lists of normative statements.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{Fault, Source};

/// The lists of statements: file and the prefix of its ids.
pub const LISTS: [(&str, &str); 2] =
    [("specs/mqtt5.toml", "MQTT-"), ("specs/mqtt311.toml", "MQTT311-")];

/// One normative statement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The specification's label; those of MQTT 3.1.1 begin with `MQTT311-`.
    pub id: String,
    /// The section that states it.
    pub section: String,
    /// How strongly.
    pub obligation: Obligation,
    /// Who must obey.
    pub binds: Binds,
    /// What it asks, in our own words.
    pub text: String,
    /// Statements of MQTT 5 that ask the same together: their tests count.
    #[serde(default)]
    pub same_as: Vec<String>,
    /// For what binds a client, unless there is an exception: what its test
    /// has to look at.
    pub tested: Option<Level>,
    /// Why no test proves it.
    pub exception: Option<String>,
}

/// The key word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Obligation {
    /// MUST.
    #[serde(rename = "MUST")]
    Must,
    /// MUST NOT.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// SHOULD.
    #[serde(rename = "SHOULD")]
    Should,
    /// SHOULD NOT.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// MAY.
    #[serde(rename = "MAY")]
    May,
}

/// Whom a statement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binds {
    /// Clients only.
    Client,
    /// Servers only.
    Server,
    /// Clients and servers.
    Both,
}

/// What a test must look at to prove a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The form of packets: tests of the codec suffice.
    Packets,
    /// What the client does: only a test that drives the client proves it.
    Conduct,
}

impl Obligation {
    /// The key words themselves.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        }
    }
}

impl Level {
    /// As the lists spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Conduct => "conduct",
        }
    }

    /// True if a test in this file can prove a statement of this level.
    /// What the broker does proves nothing about the client.
    pub fn is_proven_in(self, path: &str) -> bool {
        let driving = ["crates/proto/", "crates/client/", "crates/cli/", "crates/sim/", "tests/"];
        driving.iter().any(|top| path.starts_with(top))
            || (self == Self::Packets && path.starts_with("crates/codec/"))
    }
}

impl Binds {
    /// As the lists spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    count: usize,
    statement: Vec<Statement>,
}

impl Statement {
    /// True if a client must obey.
    pub fn binds_client(&self) -> bool {
        self.binds != Binds::Server
    }
}

/// Reads one list and checks it by itself.
pub fn parse(source: &Source, prefix: &str) -> (Vec<Statement>, Vec<Fault>) {
    let list: List = match toml::from_str(&source.text) {
        Ok(list) => list,
        Err(error) => {
            let before = error.span().and_then(|span| source.text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count() + 1);
            return (Vec::new(), vec![Fault::new(&source.path, line, error.message())]);
        }
    };
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(Fault::new(&source.path, 0, text));
    if list.count != list.statement.len() {
        fault(format!("count is {}, statements are {}", list.count, list.statement.len()));
    }
    let mut seen = BTreeSet::new();
    for statement in &list.statement {
        let id = &statement.id;
        if !seen.insert(id) {
            fault(format!("{id} occurs twice"));
        }
        if !id.starts_with(prefix) {
            fault(format!("{id} does not begin with {prefix}"));
        }
        if let Some(text) = wrong_claim(statement) {
            fault(format!("{id} {text}"));
        }
    }
    (list.statement, faults)
}

/// What is wrong with the claim a statement makes, if anything.
fn wrong_claim(statement: &Statement) -> Option<&'static str> {
    match (statement.binds_client(), statement.tested, &statement.exception) {
        (false, None, None) | (true, Some(_), None) => None,
        (true, None, Some(why)) if why.split_whitespace().count() >= 5 => None,
        (true, None, Some(_)) => Some("has an exception without a reason"),
        (true, None, None) => Some("binds clients but is neither tested nor excepted"),
        (true, Some(_), Some(_)) => Some("is both tested and excepted"),
        (false, ..) => Some("binds servers only, so it is neither tested nor excepted"),
    }
}
