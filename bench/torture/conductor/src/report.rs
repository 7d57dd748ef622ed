//! The table, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::clients::Client;
use crate::measure::Measure;
use crate::scenario::{Scenario, Verdict};

/// The figures of all cells, by the places of scenario and client.
pub(crate) type Cells = BTreeMap<(usize, usize), Measure>;

/// What is measured, and all that was.
pub(crate) struct Report<'a> {
    pub(crate) scenarios: &'a [&'a Scenario],
    pub(crate) clients: &'a [&'a Client],
    pub(crate) cells: &'a Cells,
}

impl Report<'_> {
    fn verdict(&self, place: (usize, usize)) -> Option<(Verdict, &Measure)> {
        let measure = self.cells.get(&place)?;
        Some(((self.scenarios.get(place.0)?.judge)(measure), measure))
    }

    /// All scenarios and clients with verdict and connects.
    pub(crate) fn overview(&self) -> String {
        let mut text = String::from("| scenario |");
        for client in self.clients {
            let _ = write!(text, " {} |", client.name);
        }
        let _ = write!(text, "\n|---|{}", "---|".repeat(self.clients.len()));
        for (row, scenario) in self.scenarios.iter().enumerate() {
            let _ = write!(text, "\n| [{}](#{}) |", scenario.name, anchor(scenario));
            for column in 0..self.clients.len() {
                let cell = self.verdict((row, column)).map_or("not run".into(), |(verdict, m)| {
                    format!("{} {}", verdict.word(), connects(m))
                });
                let _ = write!(text, " {cell} |");
            }
        }
        text + "\n" + &self.sums()
    }

    fn sums(&self) -> String {
        let mut text = String::from("| **ok / weak / fail** |");
        for column in 0..self.clients.len() {
            let rows = 0..self.scenarios.len();
            let verdicts: Vec<_> =
                rows.filter_map(|row| self.verdict((row, column))).map(|(it, _)| it).collect();
            let count = |wanted| verdicts.iter().filter(|it| **it == wanted).count();
            let (ok, weak) = (count(Verdict::Ok), count(Verdict::Weak));
            let _ = write!(text, " {ok} / {weak} / {} |", count(Verdict::Fail));
        }
        text + "\n"
    }

    /// One section for each scenario; `notes` are Markdown by scenario name.
    pub(crate) fn sections(&self, notes: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        for (row, scenario) in self.scenarios.iter().enumerate() {
            let _ = write!(
                text,
                "### {}: {}\n\n{}\n\n*Verdict* {}\n\n| client | connects | pings | unanswered | least distance | longest silence | lost | twice | verdict | \
                 remarks |\n|---|---|---|---|---|---|---|---|---|---|\n",
                scenario.name, scenario.title, scenario.story, scenario.rule
            );
            for (column, client) in self.clients.iter().enumerate() {
                if let Some((verdict, measure)) = self.verdict((row, column)) {
                    text += &line(client, scenario, measure, verdict);
                }
            }
            text += "\n";
            if let Some(note) = notes.get(scenario.name) {
                let _ = write!(text, "{}\n\n", note.trim());
            }
        }
        text
    }
}

fn line(client: &Client, scenario: &Scenario, m: &Measure, verdict: Verdict) -> String {
    let distance = m.ping_distance.map_or("–".into(), |it| format!("{} s", in_seconds(it)));
    let counted = |count: u64| if m.expected == 0 { "–".into() } else { count.to_string() };
    let silence = match m.in_keep_alives(m.silence) {
        0.0 => "–".into(),
        silence => format!("{silence:.2}"),
    };
    format!(
        "| {} | {} | {} | {} | {distance} | {silence} | {} | {} | {} | {} |\n",
        client.name,
        connects(m),
        m.pings,
        m.unanswered,
        counted(m.lost),
        counted(m.duplicated),
        verdict.word(),
        remarks(scenario, m),
    )
}

fn connects(m: &Measure) -> String {
    let more = if m.cut { "+" } else { "" };
    format!("{}{more}", m.connects.len())
}

fn remarks(scenario: &Scenario, m: &Measure) -> String {
    let mut parts: Vec<String> = (scenario.figure)(m).into_iter().collect();
    if m.cut {
        parts.push(format!("stopped after {} s", in_seconds(m.ran)));
    }
    if m.cut_for_silence > 0 {
        parts.push(format!("cut for silence {} times", m.cut_for_silence));
    }
    if !m.told.failed.is_empty() {
        parts.push(format!("{} reported as failed", m.told.failed.len()));
    }
    if let Some(why) = &m.told.halted {
        parts.push(if why.trim().is_empty() {
            "gave up".into()
        } else {
            format!("gave up: `{}`", short(why))
        });
    }
    parts.join("; ")
}

fn short(text: &str) -> String {
    let text = text.trim().replace(['|', '`'], " ");
    text.chars().take(60).collect()
}

fn in_seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}

/// As GitHub makes it from the heading.
fn anchor(scenario: &Scenario) -> String {
    let heading = format!("{}: {}", scenario.name, scenario.title).to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
