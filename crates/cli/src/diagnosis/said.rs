//! Which findings are said, and how.

use std::time::Duration;

use evenkeel_doctor::{ClientSummary, Confidence, Fate, Finding, Report, Severity};
use serde::Serialize;

use crate::duration;
use crate::escape;
use crate::plural::plural;

/// Rules whose one sighting stands for several connections: what was set aside had
/// ended two in a row (R7), and a filter that is no longer granted stays so.
const ENOUGH_ONCE: [&str; 2] = ["AU01", "AU02"];

/// Rules of an outage: no connection comes up. One that is over is none any more.
const OUTAGE: [&str; 2] = ["NW04", "NW05"];

/// A finding that is said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Said {
    pub(crate) rule: &'static str,
    slug: &'static str,
    client: String,
    severity: &'static str,
    confidence: &'static str,
    sentence: String,
    /// How often it was seen.
    times: u32,
    /// How many connections were lost, of those remembered, and within which time.
    lost: usize,
    lost_within_s: f64,
}

/// Rules of how a client reconnects. Ours keeps to its own (R1 to R3), which the doctor
/// cannot tell from its events: after a connection that was useful its delays are short
/// on purpose, which looks like RC03. What ends the connections is wrong, not this.
const RECONNECT: &str = "RC";

/// What is wrong, the strongest first. What follows from it is not said, nor what the
/// doctor only suspects: its report of an `--events` file has both. (Nothing of events
/// is ever inferred; that word is for encrypted traffic.)
pub(super) fn of(report: &Report) -> Vec<Said> {
    let said = |finding: &&Finding| {
        finding.severity >= Severity::Warn
            && finding.confidence >= Confidence::Shown
            && !finding.rule.id.starts_with(RECONNECT)
            && is_again(finding)
            && !is_over(finding, report)
    };
    report.findings.iter().filter(said).map(|finding| Said::new(finding, report)).collect()
}

/// What happened once may happen to anybody: a connection that dies, a restart, a second
/// program that was ended.
fn is_again(finding: &Finding) -> bool {
    let first = finding.proof.first().map(|proof| proof.at);
    let elsewhere = finding.proof.iter().any(|proof| Some(proof.at) != first);
    finding.times > 1 || elsewhere || ENOUGH_ONCE.contains(&finding.rule.id)
}

/// An outage after which the client has been online.
fn is_over(finding: &Finding, report: &Report) -> bool {
    OUTAGE.contains(&finding.rule.id)
        && of_client(finding, report).flat_map(|client| &client.strip).any(|strip| {
            let up = !matches!(strip.fate, Fate::Failed | Fate::Refused(_));
            up && strip.from.is_some_and(|from| from >= finding.last)
        })
}

fn of_client<'a>(
    finding: &'a Finding,
    report: &'a Report,
) -> impl Iterator<Item = &'a ClientSummary> {
    report.clients.iter().filter(|client| client.name == finding.client)
}

/// How many connections a client lost, as that source remembers which has seen most of
/// them, and how long it took.
fn lost(finding: &Finding, report: &Report) -> (usize, Duration) {
    let all = of_client(finding, report).map(|client| {
        let gone = |fate| matches!(fate, Fate::Client | Fate::Server | Fate::Ended);
        let lost: Vec<_> = client.strip.iter().filter(|strip| gone(strip.fate)).collect();
        let from = lost.first().and_then(|strip| strip.from.or(strip.to));
        let to = lost.last().and_then(|strip| strip.to);
        let took = from.zip(to).map(|(from, to)| to.since(from)).unwrap_or_default();
        (lost.len(), took)
    });
    all.max().unwrap_or_default()
}

impl Said {
    fn new(finding: &Finding, report: &Report) -> Self {
        let (lost, took) = lost(finding, report);
        Self {
            rule: finding.rule.id,
            slug: finding.rule.slug,
            client: finding.client.clone(),
            severity: finding.severity.name(),
            confidence: finding.confidence.name(),
            sentence: finding.sentence.clone(),
            times: finding.times,
            lost,
            lost_within_s: took.as_millis() as f64 / 1e3,
        }
    }

    /// The sentence, in one line.
    pub(crate) fn line(&self) -> String {
        let client = if self.client.is_empty() { "this client" } else { &self.client };
        let lost = match self.lost {
            0 | 1 => String::new(),
            lost => {
                let took = duration::text(Duration::from_secs_f64(self.lost_within_s.max(0.0)));
                format!(" lost {} in {took}", plural(lost, "connection"))
            }
        };
        let Self { rule, sentence, confidence, .. } = self;
        escape::line(&format!(
            "doctor: {client}{lost}: {sentence} ({rule}, {confidence}); see: evenkeel doctor \
             explain {rule}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{Place, Proof, SourceId, Strip, Time};

    use super::*;

    fn at(seconds: i64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn proof(seconds: i64) -> Proof {
        Proof { at: at(seconds), source: SourceId(0), place: Place(1), shows: "" }
    }

    /// Seen twice, in a sentence of one line.
    fn finding(rule: &str) -> Finding {
        let rule = evenkeel_doctor::rule(rule).unwrap();
        Finding {
            rule,
            client: "pump-17".into(),
            confidence: Confidence::Shown,
            severity: Severity::Error,
            class: "",
            sentence: "its path forgets".into(),
            times: 2,
            first: at(1),
            last: at(20),
            proof: vec![proof(1), proof(20)],
            sources: vec![SourceId(0)],
            consequences: Vec::new(),
        }
    }

    fn strip(from: i64, to: Option<i64>, fate: Fate) -> Strip {
        Strip { from: Some(at(from)), to: to.map(at), fate, pings: 0, last_ping: None }
    }

    fn report(finding: Finding, strips: Vec<Strip>) -> Report {
        let (name, ended) = (finding.client.clone(), strips.len() as u32);
        Report {
            findings: vec![finding],
            sources: Vec::new(),
            clients: vec![ClientSummary { name, source: SourceId(0), ended, strip: strips }],
            events_left_out: 0,
            findings_left_out: 0,
            clients_forgotten: 0,
        }
    }

    fn is_said(change: impl FnOnce(&mut Finding)) -> bool {
        let mut finding = finding("NW01");
        change(&mut finding);
        !of(&report(finding, Vec::new())).is_empty()
    }

    #[test]
    fn only_what_is_wrong_and_certain_is_said() {
        assert!(is_said(|_| {}));
        assert!(is_said(|it| it.severity = Severity::Warn));
        assert!(!is_said(|it| it.severity = Severity::Info));
        assert!(is_said(|it| it.confidence = Confidence::Proven));
        assert!(!is_said(|it| it.confidence = Confidence::Inferred));
        assert!(!is_said(|it| it.rule = evenkeel_doctor::rule("RC03").unwrap()));
    }

    #[test]
    fn what_was_seen_once_is_not_said_unless_it_stands_for_more() {
        let once = |it: &mut Finding| {
            it.times = 1;
            it.proof.truncate(1);
        };
        assert!(!is_said(once));
        assert!(is_said(|it| it.times = 1), "at two times on one connection");
        assert!(!is_said(|it| (it.times, it.proof[1].at) = (1, at(1))), "two words on one end");
        for rule in ENOUGH_ONCE {
            assert!(is_said(|it| {
                once(it);
                it.rule = evenkeel_doctor::rule(rule).unwrap();
            }));
        }
    }

    #[test]
    fn an_outage_that_is_over_is_not_said() {
        let failed = strip(1, Some(20), Fate::Failed);
        let said = |strips| !of(&report(finding("NW04"), strips)).is_empty();
        assert!(said(vec![failed]));
        assert!(said(vec![strip(0, Some(19), Fate::Ended), failed]), "it was online before");
        assert!(said(vec![failed, strip(21, Some(21), Fate::Failed)]));
        assert!(!said(vec![failed, strip(20, None, Fate::Open)]));
        assert!(!said(vec![failed, strip(21, Some(30), Fate::Goodbye)]));
    }

    #[test]
    fn the_line_says_how_many_connections_were_lost_if_several_were() {
        let line = |strips| of(&report(finding("KA12"), strips))[0].line();
        let lost = |from| strip(from, Some(from + 3), Fate::Ended);
        let told = ": its path forgets (KA12, shown); see: evenkeel doctor explain KA12";
        assert_eq!(line(vec![lost(0)]), format!("doctor: pump-17{told}"));
        let failed = strip(5, Some(6), Fate::Failed);
        assert_eq!(
            line(vec![lost(0), failed, lost(23), strip(30, None, Fate::Open)]),
            format!("doctor: pump-17 lost 2 connections in 26.0 s{told}")
        );
    }

    #[test]
    fn a_peers_text_does_not_end_the_line() {
        let mut finding = finding("AU02");
        (finding.client, finding.sentence) = (String::new(), "its message to a\nb\u{1b}c".into());
        let line = of(&report(finding, Vec::new()))[0].line();
        assert!(
            line.starts_with("doctor: this client: its message to a\\u000ab\\u001bc ("),
            "{line}"
        );
    }
}
