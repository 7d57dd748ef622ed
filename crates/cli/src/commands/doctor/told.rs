//! What of a report is told: filtered, with names for places and times.

use std::time::Duration;

use evenkeel_doctor::{
    Confidence, Finding, Place, Proof, Report, Severity, Source, SourceId, Time,
};
use jiff::Timestamp;

use super::compare::Compared;
use super::read::Read;
use super::suppress::Suppressions;
use crate::args::TellingFlags;
use crate::error::Failure;

/// A report as it is told.
pub(super) struct Told {
    pub(super) report: Report,
    /// What was read, file by file.
    pub(super) read: Vec<Read>,
    /// Causes, the strongest first.
    pub(super) findings: Vec<Finding>,
    /// What was seen too seldom, or by a source that can only support it.
    pub(super) suspicions: Vec<Finding>,
    /// How many findings were left out, by the suppressions that named them.
    pub(super) suppressed: usize,
    /// What the sources show together.
    pub(super) compared: Compared,
}

impl Told {
    /// An error if a client is asked for that nothing was seen of.
    pub(super) fn new(
        mut report: Report,
        read: Vec<Read>,
        since: Option<Time>,
        flags: &TellingFlags,
        suppressions: &Suppressions,
    ) -> Result<Self, Failure> {
        let found = std::mem::take(&mut report.findings);
        if let Some(client) = &flags.client {
            let found = found.iter().flat_map(each).any(|finding| finding.client == *client);
            if !found && !report.clients.iter().any(|known| known.name == *client) {
                return Err(Failure::usage(format!("no client '{client}' was seen"))
                    .hint("leave --client out: the report names every client"));
            }
        }
        let mut suppressed = 0;
        let mut wanted = |finding: &Finding| {
            let asked = is_asked(finding, since, flags);
            let known = asked && suppressions.name(finding);
            suppressed += usize::from(known);
            asked && !known
        };
        let kept: Vec<Finding> = (found.into_iter())
            .map(each_place_once)
            .flat_map(|finding| kept(finding, &mut wanted))
            .collect();
        let (mut suspicions, findings): (Vec<Finding>, Vec<Finding>) =
            kept.into_iter().partition(|finding| finding.confidence == Confidence::Suspect);
        // A rule that has named a client says no more by suspecting it.
        suspicions.retain(|suspicion| {
            !findings.iter().any(|it| {
                it.client == suspicion.client
                    && (it.rule.id == suspicion.rule.id
                        || it.consequences.iter().any(|it| it.rule.id == suspicion.rule.id))
            })
        });
        if let Some(client) = &flags.client {
            report.clients.retain(|known| known.name == *client);
        }
        if let Some(from) = since {
            for client in &mut report.clients {
                client.strip.retain(|strip| strip.to.is_none_or(|to| to >= from));
            }
            report.clients.retain(|client| !client.strip.is_empty());
        }
        let compared = Compared::default();
        Ok(Self { report, read, findings, suspicions, suppressed, compared })
    }

    /// Takes in what the sources show together: one timeline for the places of a
    /// finding, and what they do not agree on, of the client and the time that are
    /// asked for.
    pub(super) fn compare(
        &mut self,
        mut compared: Compared,
        since: Option<Time>,
        flags: &TellingFlags,
    ) {
        compared.differences.retain(|it| {
            since.is_none_or(|from| it.difference.last >= from)
                && flags.client.as_ref().is_none_or(|client| it.client == *client)
        });
        for finding in self.findings.iter_mut().chain(&mut self.suspicions) {
            in_order(finding, &compared);
        }
        self.compared = compared;
    }

    /// One finding, of a report that is not at its end.
    pub(super) fn of(finding: Finding, report: Report) -> Self {
        let (findings, suspicions) = (vec![finding], Vec::new());
        let (read, compared) = (Vec::new(), Compared::default());
        Self { report, read, findings, suspicions, suppressed: 0, compared }
    }

    /// The findings, each before what follows from it. Suspicions are none.
    pub(super) fn all(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().flat_map(each).filter(|it| it.confidence > Confidence::Suspect)
    }

    /// Whether a finding, or what follows from one, is as bad as `least`.
    pub(super) fn fails(&self, least: Severity) -> bool {
        self.all().any(|finding| finding.severity >= least)
    }

    /// The source of a proof.
    pub(super) fn source(&self, proof: &Proof) -> Option<&Source> {
        self.source_of(proof.source)
    }

    /// A source by its number.
    pub(super) fn source_of(&self, source: SourceId) -> Option<&Source> {
        self.report.sources.get(usize::from(source.0)).map(|summary| &summary.source)
    }

    /// Where a proof stands, for people: `pump.log:17`, `pump.pcap@4711`.
    pub(super) fn place(&self, proof: &Proof) -> String {
        self.place_in(proof.source, proof.place)
    }

    /// A place in a source, for people.
    pub(super) fn place_in(&self, source: SourceId, place: Place) -> String {
        match self.source_of(source) {
            Some(source) if source.vantage.is_wire() => format!("{}@{}", source.name, place.0),
            Some(source) => format!("{}:{}", source.name, place.0),
            None => String::new(),
        }
    }

    /// The time of a proof, for people, by the clock of its source.
    pub(super) fn time(&self, proof: &Proof) -> String {
        self.time_in(proof.source, proof.at)
    }

    /// A time of a source, for people.
    pub(super) fn time_in(&self, source: SourceId, at: Time) -> String {
        let source = self.source_of(source);
        let text = time(at, source.is_some_and(|source| source.calendar));
        // Digits that the source cannot tell are none of its words.
        let coarse = source.is_some_and(|source| source.resolution >= Duration::from_millis(1));
        if coarse { text.trim_end_matches("000").trim_end_matches('.').to_owned() } else { text }
    }
}

/// Places that the doctor keeps of one finding: the first ones.
const PLACES: usize = 8;

/// Whether a finding is of the client that is asked for, and of the time. One
/// that began before and goes on is.
pub(super) fn is_asked(finding: &Finding, since: Option<Time>, flags: &TellingFlags) -> bool {
    let places = &finding.proof;
    let is_recent = since.is_none_or(|from| {
        let all_seen = !places.is_empty() && places.len() < PLACES;
        finding.last >= from && (!all_seen || places.iter().any(|place| place.at >= from))
    });
    is_recent && flags.client.as_ref().is_none_or(|client| finding.client == *client)
}

/// A finding and what follows from it.
fn each(finding: &Finding) -> Vec<&Finding> {
    std::iter::once(finding).chain(finding.consequences.iter().flat_map(each)).collect()
}

/// A finding without what is not wanted beneath it. If it is not wanted itself,
/// what follows from it takes its place.
pub(super) fn kept(mut finding: Finding, wanted: &mut dyn FnMut(&Finding) -> bool) -> Vec<Finding> {
    let is_wanted = wanted(&finding);
    let beneath = std::mem::take(&mut finding.consequences);
    let beneath: Vec<Finding> = beneath.into_iter().flat_map(|it| kept(it, wanted)).collect();
    if !is_wanted {
        return beneath;
    }
    finding.consequences = beneath;
    vec![finding]
}

/// Proof in the order of time, each place once.
fn each_place_once(mut finding: Finding) -> Finding {
    finding.proof.sort_by_key(|proof| (proof.at, proof.source, proof.place));
    finding.proof.dedup_by_key(|proof| (proof.source, proof.place, proof.shows));
    finding.consequences = finding.consequences.into_iter().map(each_place_once).collect();
    // A rule is no consequence of itself.
    let rule = finding.rule.id;
    finding.consequences.retain(|consequence| consequence.rule.id != rule);
    finding
}

/// Its places in the order of one clock.
fn in_order(finding: &mut Finding, compared: &Compared) {
    let order =
        |proof: &Proof| (compared.common(proof.source, proof.at), proof.source, proof.place);
    finding.proof.sort_by_key(order);
    finding.consequences.iter_mut().for_each(|it| in_order(it, compared));
}

/// A time for people: of the calendar, in UTC, or in seconds since the source began.
pub(super) fn time(at: Time, calendar: bool) -> String {
    match Timestamp::from_nanosecond(at.0.into()) {
        Ok(stamp) if calendar => stamp.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        _ => format!("{:.6} s", at.0 as f64 / 1e9),
    }
}

/// The sentence that tells a finding.
pub(super) fn sentence(finding: &Finding) -> String {
    let client = if finding.client.is_empty() { "a client" } else { &finding.client };
    format!("{client}: {}", finding.sentence)
}

/// How the rule is named behind the sentence.
pub(super) fn tag(finding: &Finding) -> String {
    format!("{} {}, {}", finding.rule.id, finding.rule.slug, finding.confidence.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, severity: Severity, beneath: Vec<Finding>) -> Finding {
        Finding {
            rule: evenkeel_doctor::rule(rule).unwrap(),
            client: "pump".into(),
            confidence: Confidence::Shown,
            severity,
            class: "",
            sentence: String::new(),
            times: 1,
            first: Time(0),
            last: Time(0),
            proof: Vec::new(),
            sources: Vec::new(),
            consequences: beneath,
        }
    }

    #[test]
    fn an_error_beneath_a_cause_that_is_none_fails() {
        let beneath = finding("NW04", Severity::Error, Vec::new());
        let report = Report {
            findings: vec![finding("SV01", Severity::Info, vec![beneath])],
            sources: Vec::new(),
            clients: Vec::new(),
            events_left_out: 0,
            findings_left_out: 0,
            clients_forgotten: 0,
        };
        let flags = TellingFlags {
            format: crate::args::ReportFormat::Text,
            output: None,
            fail_on: Severity::Error,
            client: None,
            suppress: None,
        };
        let told = Told::new(report, Vec::new(), None, &flags, &Suppressions::default()).unwrap();
        assert!(told.fails(Severity::Error));
        assert_eq!(told.all().count(), 2);
    }
}
