//! Traces: evidence as short lines, for the tests of rules.
//!
//! ```text
//! c1 0.00  open 10.0.0.1:5000 10.0.0.9:1883
//! c1 0.02  > CONNECT id=pump k=60
//! c1 0.03  < CONNACK
//! c1 60    > PINGREQ
//! c1 60.1  < rst
//! ```
//!
//! A line is a connection, a time in seconds, and what happened; `>` is from
//! the client, `<` from the server. A packet with `~` before its name is known
//! by its size alone. An empty line, or one that begins with `#`, says nothing.

mod benign;
mod event;
mod packet;
mod words;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_profile::Profile;

use crate::{
    Bounds, Confidence, Doctor, Event, Finding, Place, Report, Source, SourceId, Time, Vantage,
};

/// A doctor that is told a trace.
pub(crate) struct Trace {
    doctor: Doctor,
    source: SourceId,
    line: u64,
    /// When and where each line is.
    moments: BTreeSet<(SourceId, Time, Place)>,
}

impl Trace {
    pub(crate) fn of(vantage: Vantage) -> Self {
        Self::with(vantage, Profile::empty(), Duration::from_micros(1))
    }

    /// Packets in the clear.
    pub(crate) fn plain() -> Self {
        Self::of(Vantage::Plain)
    }

    /// Sizes and times under TLS.
    pub(crate) fn encrypted() -> Self {
        Self::of(Vantage::Encrypted)
    }

    /// Packets in the clear, judged with a built-in profile.
    pub(crate) fn at(profile: &str) -> Self {
        let profile = Profile::built_in(profile).expect("a built-in profile");
        Self::with(Vantage::Plain, profile, Duration::from_micros(1))
    }

    /// Packets in the clear, and little memory.
    pub(crate) fn bounded(bounds: Bounds) -> Self {
        let resolution = Duration::from_micros(1);
        Self::within(bounds, Vantage::Plain, Profile::empty(), resolution)
    }

    pub(crate) fn with(vantage: Vantage, profile: Profile, resolution: Duration) -> Self {
        Self::within(Bounds::default(), vantage, profile, resolution)
    }

    fn within(bounds: Bounds, vantage: Vantage, profile: Profile, resolution: Duration) -> Self {
        let mut doctor = Doctor::new(profile, bounds);
        let source = Source { name: "trace".into(), vantage, resolution, calendar: true };
        let source = doctor.source(source).expect("the first source");
        Self { doctor, source, line: 0, moments: BTreeSet::new() }
    }

    /// Another source, which the lines from here on are from.
    pub(crate) fn and(mut self, vantage: Vantage) -> Self {
        let resolution = Duration::from_millis(1);
        let source = Source { name: "trace 2".into(), vantage, resolution, calendar: true };
        self.source = self.doctor.source(source).expect("a source");
        self
    }

    /// These lines.
    pub(crate) fn lines(self, lines: &str) -> Self {
        self.rounds(1, 0.0, lines)
    }

    /// These lines `n` times, each `every` seconds later and on connections of
    /// their own.
    pub(crate) fn rounds(mut self, n: u32, every: f64, lines: &str) -> Self {
        for round in 0..n {
            for line in lines.lines() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                self.line += 1;
                let at = f64::from(round) * every;
                let event =
                    event::read(line, self.line, self.source, round, at, self.doctor.texts());
                self.take(&event);
            }
        }
        self
    }

    /// These lines, `seconds` later.
    pub(crate) fn after(mut self, seconds: f64, lines: &str) -> Self {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line += 1;
            let texts = self.doctor.texts();
            let event = event::read(line, self.line, self.source, 0, seconds, texts);
            self.take(&event);
        }
        self
    }

    fn take(&mut self, event: &Event) {
        self.moments.insert((event.source, event.at, event.place));
        self.doctor.take(event);
    }

    /// Somebody else knows that this host is this client.
    pub(crate) fn identify(mut self, host: &str, id: &str) -> Self {
        let texts = self.doctor.texts();
        let (host, id) = (texts.keep(host), texts.keep(id));
        self.doctor.identify(host, id);
        self
    }

    /// What is followed.
    pub(crate) fn tracker(&self) -> &crate::track::Tracker {
        self.doctor.tracker()
    }

    /// What the doctor says at the end. Every place that it names is of the moment
    /// that it names.
    #[track_caller]
    pub(crate) fn report(mut self) -> Report {
        self.doctor.finish();
        let report = self.doctor.report();
        for finding in flat(&report.findings) {
            for proof in &finding.proof {
                let moment = (proof.source, proof.at, proof.place);
                assert!(self.moments.contains(&moment), "{}: {proof:?}", finding.rule.id);
            }
        }
        report
    }

    /// What it says of one rule, beneath others too.
    #[track_caller]
    pub(crate) fn finds(self, id: &str) -> Finding {
        let report = self.report();
        let all = flat(&report.findings);
        match all.iter().find(|finding| finding.rule.id == id) {
            Some(finding) => (*finding).clone(),
            None => panic!("{id} was not found, but {}", names(&report.findings)),
        }
    }

    /// As [`Trace::finds`], with a confidence of at least `least`.
    #[track_caller]
    pub(crate) fn finds_at_least(self, id: &str, least: Confidence) -> Finding {
        let finding = self.finds(id);
        assert!(finding.confidence >= least, "{id} is only {}", finding.confidence.name());
        finding
    }

    /// The rule says nothing, or nothing that is more than a suspicion.
    #[track_caller]
    pub(crate) fn does_not_find(self, id: &str) {
        let report = self.report();
        let all = flat(&report.findings);
        let found = all.iter().find(|finding| finding.rule.id == id);
        let sure = found.filter(|finding| finding.confidence > Confidence::Suspect);
        assert!(sure.is_none(), "{id} was found: {}", sure.map_or("", |it| &it.sentence));
    }

    /// No rule says anything.
    #[track_caller]
    pub(crate) fn finds_nothing(self) {
        let report = self.report();
        assert!(report.findings.is_empty(), "found {}", names(&report.findings));
    }

    /// The causes alone, in their order.
    pub(crate) fn causes(self) -> Vec<&'static str> {
        self.report().findings.iter().map(|finding| finding.rule.id).collect()
    }
}

pub(crate) fn flat(findings: &[Finding]) -> Vec<&Finding> {
    let mut all = Vec::new();
    for finding in findings {
        all.push(finding);
        all.extend(flat(&finding.consequences));
    }
    all
}

fn names(findings: &[Finding]) -> String {
    let names: Vec<String> = flat(findings)
        .iter()
        .map(|it| alloc::format!("{} ({}: {})", it.rule.id, it.confidence.name(), it.sentence))
        .collect();
    if names.is_empty() { "nothing was".into() } else { names.join(", ") }
}

pub(crate) fn time(seconds: f64) -> Time {
    Time((seconds * 1e9) as i64)
}
