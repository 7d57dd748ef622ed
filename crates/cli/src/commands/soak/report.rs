//! What came of it: for people, and as one JSON object.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::findings::Spread;
use super::outcomes::Tally;
use crate::diagnosis::Said;

/// The report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SoakReport {
    pub(super) v: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) seed: u64,
    pub(super) clients: usize,
    /// How long there was trouble, in seconds.
    pub(super) seconds: f64,
    /// How long it took to settle afterwards, in seconds.
    pub(super) settled_in: Option<f64>,
    /// Trouble by kind.
    pub(super) trouble: BTreeMap<&'static str, u64>,
    pub(super) connections: Connections,
    pub(super) pings: Pings,
    /// The longest time the broker heard nothing of a client, in seconds.
    pub(super) longest_silence: f64,
    /// The keep-alive of all clients, in seconds.
    pub(super) keep_alive: u64,
    pub(super) messages: [Tally; 3],
    /// What must not happen and did.
    #[serde(rename = "charges")]
    pub(super) violations: Vec<String>,
    /// What the doctor says of the clients.
    pub(super) findings: Vec<Said>,
}

/// All connections of all clients.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Connections {
    /// CONNECT packets that reached the broker.
    pub(super) connects: u64,
    pub(super) accepted: u64,
    /// How long they were online, in seconds.
    pub(super) lifetimes: Spread,
    /// Why they ended, and why attempts failed.
    pub(super) causes: BTreeMap<&'static str, u64>,
    /// From a loss to the next CONNACK, in seconds.
    pub(super) recovery: Spread,
}

/// All pings of all clients.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Pings {
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// Written off, as other bytes proved the link alive.
    pub(super) unanswered: u64,
    /// Answers that came late, twice or unasked.
    pub(super) late: u64,
    /// Those the broker saw.
    pub(super) seen_by_broker: u64,
}

impl SoakReport {
    /// One line of JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Lines for people.
    pub(super) fn to_text(&self) -> String {
        let Self { connections, pings, .. } = self;
        let mut out = String::new();
        let mut line = |title: &str, text: String| {
            let mut title = title;
            for row in rows(&text) {
                // Writing to a string does not fail.
                let _ = writeln!(out, "{title:<INDENT$}{row}");
                title = "";
            }
        };
        let settled = match self.settled_in {
            Some(seconds) => format!("settled within {seconds:.1} s"),
            None => "not settled".to_owned(),
        };
        line(
            "soak",
            format!(
                "{} clients, {:.0} s of trouble, seed {}; {settled}",
                self.clients, self.seconds, self.seed
            ),
        );
        line("trouble", listed(&self.trouble));
        let Connections { connects, accepted, .. } = connections;
        line("connections", format!("{accepted} of {connects} attempts accepted"));
        line("  lived", spread(&connections.lifetimes));
        line("  ended by", listed(&connections.causes));
        line("  recovery", spread(&connections.recovery));
        line(
            "pings",
            format!(
                "{} sent, {} answered, {} written off, {} answers late or unasked; the broker saw {}",
                pings.sent, pings.answered, pings.unanswered, pings.late, pings.seen_by_broker
            ),
        );
        line(
            "longest silence",
            format!("{:.2} s at a keep-alive of {} s", self.longest_silence, self.keep_alive),
        );
        line("messages", "    sent  acknowledged  failed  received  undelivered  again".to_owned());
        for tally in &self.messages {
            let Tally { sent, acknowledged, failed, received, undelivered, duplicated, .. } = tally;
            let numbers = format!(
                "{sent:>8}{acknowledged:>14}{failed:>8}{received:>10}{undelivered:>13}{duplicated:>7}"
            );
            line(&format!("  QoS {}", tally.qos), numbers);
        }
        for violation in &self.violations {
            line("broken", violation.clone());
        }
        out
    }
}

fn spread(spread: &Spread) -> String {
    let Spread { count, p50, p90, p99, max } = spread;
    format!("{count}: half within {p50:.2} s, 90 % {p90:.2} s, 99 % {p99:.2} s, all {max:.2} s")
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let parts = counts.iter().map(|(name, count)| format!("{name} {count}"));
    let text = parts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Columns of a terminal, and those of a line's title.
const COLUMNS: usize = 80;
const INDENT: usize = 16;

/// Breaks a text between its words into rows that fit beside a title.
fn rows(text: &str) -> Vec<String> {
    // Numbers in columns stay in them.
    if INDENT + text.chars().count() <= COLUMNS {
        return vec![text.to_owned()];
    }
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        match rows.last_mut() {
            Some(row) if row.is_empty() => row.push_str(word),
            Some(row) if INDENT + row.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> SoakReport {
        SoakReport {
            v: 1,
            kind: "soak",
            seed: 7,
            clients: 2,
            seconds: 60.0,
            settled_in: Some(1.5),
            trouble: BTreeMap::from([("late PINGRESP", 2), ("broker restart", 3)]),
            connections: Connections { connects: 5, accepted: 4, ..Connections::default() },
            pings: Pings { sent: 9, ..Pings::default() },
            longest_silence: 1.9,
            keep_alive: 2,
            messages: [0, 1, 2].map(|qos| Tally { qos, sent: 10, ..Tally::default() }),
            violations: vec!["soak-0: was silent".to_owned()],
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_row_fits_beside_its_title() {
        assert_eq!(rows("a short text"), ["a short text"]);
        let words = "word ".repeat(30);
        for row in rows(words.trim_end()) {
            assert!(INDENT + row.len() <= COLUMNS && !row.starts_with(' '), "{row:?}");
        }
        assert_eq!(rows(words.trim_end()).join(" "), words.trim_end());
    }

    #[test]
    fn people_see_everything_that_counts() {
        let text = report().to_text();
        for part in [
            "2 clients, 60 s of trouble, seed 7; settled within 1.5 s",
            "broker restart 3, late PINGRESP 2",
            "4 of 5 attempts accepted",
            "9 sent",
            "1.90 s at a keep-alive of 2 s",
            "  QoS 2",
            "broken          soak-0: was silent",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let columns =
            text.lines().filter(|line| line.starts_with("  QoS") || line.starts_with("mess"));
        let widths: Vec<usize> = columns.map(str::len).collect();
        assert!(widths.iter().all(|width| width == &widths[0]), "{text}");
    }

    #[test]
    fn the_json_is_one_line_with_the_same_facts() {
        let json = report().to_json();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["type"], "soak");
        assert_eq!(value["settled_in"], 1.5);
        assert_eq!(value["connections"]["accepted"], 4);
        assert_eq!(value["messages"][2]["qos"], 2);
        assert_eq!(value["charges"][0], "soak-0: was silent");
    }
}
