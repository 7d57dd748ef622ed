//! Holds what the doctor says against the truth.

use std::collections::BTreeMap;
use std::fmt::Write;

use evenkeel_doctor::{Bounds, Confidence, Doctor, Finding, Severity, Vantage};
use evenkeel_evidence::logs;
use evenkeel_evidence::reader::{Evidence, Options};
use evenkeel_profile::Profile;

use super::{Rendering, Scene, bad, benign, render};
use crate::rng::Rng;

/// What the doctor made of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It named a root cause that is accepted.
    Named,
    /// It said nothing that is sure.
    Silent,
    /// It named another cause.
    Wrong(&'static str),
}

/// One fault and one kind of file.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Worlds in which the cause was named.
    pub named: u32,
    /// Worlds in which nothing was said.
    pub silent: u32,
    /// Worlds in which another cause was named, by the rule.
    pub wrong: BTreeMap<&'static str, u32>,
}

/// All faults, by name and kind of file; and the seeds of what went wrong.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Only cells whose file can show the fault.
    pub cells: BTreeMap<(&'static str, Vantage), Cell>,
    /// Worlds without a fault, and what was alarmed there: name, seed, rule.
    pub benign: u32,
    /// Alarms among them.
    pub alarms: Vec<(&'static str, u64, Vantage, &'static str)>,
    /// Faults that were not named: name, seed, what was said.
    pub missed: Vec<(&'static str, u64, Vantage, Verdict)>,
}

/// Plays the faults until `worlds` files of each kind that show theirs are
/// judged, and `benign_worlds` in which nothing is wrong. Seeds go from `from` on
/// in steps of two: odd ones set thresholds, even ones judge.
pub fn matrix(from: u64, worlds: u64, benign_worlds: u64) -> Matrix {
    let mut matrix = Matrix::default();
    for vantage in Vantage::ALL {
        matrix.faults(from, worlds, vantage);
    }
    let harmless: Vec<_> = benign().collect();
    for number in 0..benign_worlds {
        let seed = from + 2 * number;
        let (name, make) = harmless[number as usize % harmless.len()];
        let scene = make(&mut Rng::new(seed).fork("rogue", 0));
        matrix.benign += 1;
        for vantage in Vantage::ALL {
            if let Verdict::Wrong(rule) = verdict(&scene, vantage, seed) {
                matrix.alarms.push((name, seed, vantage, rule));
            }
        }
    }
    matrix
}

/// What the doctor says of one file of a scene.
pub fn verdict(scene: &Scene, vantage: Vantage, seed: u64) -> Verdict {
    let file = render(scene, vantage, &mut Rng::new(seed).fork("render", 0));
    let findings = diagnose(scene, &file);
    let accepted = |id: &str| scene.accepted.contains(&id);
    let alarms = findings.iter().filter(|finding| {
        finding.confidence > Confidence::Suspect
            && (finding.severity > Severity::Info || accepted(finding.rule.id))
    });
    let mut named = false;
    // Those beneath an accepted one are within it: each of these stands alone.
    for finding in alarms {
        if !accepted(finding.rule.id) {
            return Verdict::Wrong(finding.rule.id);
        }
        named = true;
    }
    if named { Verdict::Named } else { Verdict::Silent }
}

/// The doctor's findings for one file.
///
/// # Panics
///
/// If the file cannot be read, or holds nothing for the doctor.
pub fn diagnose(scene: &Scene, file: &Rendering) -> Vec<Finding> {
    let profile = scene.profile.and_then(Profile::built_in).unwrap_or_else(Profile::empty);
    let mut doctor = Doctor::new(profile, Bounds::default());
    let log = logs::Options { format: file.format.map(str::to_owned), ..logs::Options::default() };
    let options = Options { log, ..Options::default() };
    let mut evidence = Evidence::new(file.name, &options);
    // Nothing is found in a file that cannot be read: that is no silence.
    let read = evidence.feed(&file.bytes, &mut doctor).and_then(|()| evidence.end(&mut doctor));
    assert!(read.is_ok(), "{}: {}: {read:?}", scene.name, file.name);
    doctor.finish();
    let report = doctor.report();
    assert!(
        report.sources.iter().any(|source| source.events > 0),
        "{}: {}: no events",
        scene.name,
        file.name
    );
    report.findings
}

impl Matrix {
    /// Plays the faults in turns, each with another seed, as long as it takes to
    /// judge `worlds` files of this kind.
    fn faults(&mut self, from: u64, worlds: u64, vantage: Vantage) {
        let scene = |make: super::Maker, seed| make(&mut Rng::new(seed).fork("rogue", 0));
        let shown = |name: &str, scene: &Scene| {
            debug_assert_eq!(name, scene.name);
            scene.shown_by.contains(&vantage)
        };
        // Whether a file shows the fault may depend on the world: some show none.
        let seeds = (0..10).map(|number| from + 2 * number);
        let faults: Vec<_> = bad()
            .filter(|(name, make)| seeds.clone().any(|seed| shown(name, &scene(*make, seed))))
            .collect();
        let mut judged = 0;
        for number in 0..worlds.saturating_mul(20) {
            let Some((name, make)) = faults.get(number as usize % faults.len().max(1)) else {
                return;
            };
            let seed = from + 2 * number;
            let scene = scene(*make, seed);
            if judged == worlds {
                return;
            }
            if shown(name, &scene) {
                judged += 1;
                let verdict = verdict(&scene, vantage, seed);
                self.judge((name, seed, vantage), verdict);
            }
        }
    }

    fn judge(&mut self, world: (&'static str, u64, Vantage), verdict: Verdict) {
        let (name, seed, vantage) = world;
        let cell = self.cells.entry((name, vantage)).or_default();
        match &verdict {
            Verdict::Named => cell.named += 1,
            Verdict::Silent => cell.silent += 1,
            Verdict::Wrong(rule) => *cell.wrong.entry(rule).or_default() += 1,
        }
        if verdict != Verdict::Named {
            self.missed.push((name, seed, vantage, verdict));
        }
    }

    /// The share of faults that were named, of all files of this kind, in
    /// percent; `None` without any.
    pub fn named(&self, vantage: Vantage) -> Option<f64> {
        let named: u32 = self.of(vantage).map(|cell| cell.named).sum();
        let all = self.judged(vantage);
        (all > 0).then(|| f64::from(named) * 100.0 / f64::from(all))
    }

    /// How many files of this kind were judged.
    pub fn judged(&self, vantage: Vantage) -> u32 {
        self.of(vantage).map(Cell::total).sum()
    }

    fn of(&self, vantage: Vantage) -> impl Iterator<Item = &Cell> {
        let cells = self.cells.iter().filter(move |((_, kind), _)| *kind == vantage);
        cells.map(|(_, cell)| cell)
    }

    /// The matrix as a table of Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from(
            "| what is played | file | named | nothing said | another cause |\n|---|---|---|---|---|\n",
        );
        for ((name, vantage), cell) in &self.cells {
            let wrong: Vec<String> =
                cell.wrong.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {name} | {} | {} of {} | {} | {} |",
                vantage.name(),
                cell.named,
                cell.total(),
                cell.silent,
                wrong.join(", "),
            );
        }
        for vantage in Vantage::ALL {
            if let Some(named) = self.named(vantage) {
                let judged = self.judged(vantage);
                let name = vantage.name();
                let _ = writeln!(text, "\n{name}: {named:.1} % of {judged} named");
            }
        }
        let _ = writeln!(
            text,
            "\n{} worlds in which nothing is wrong: {} alarms",
            self.benign,
            self.alarms.len()
        );
        text
    }
}

impl Cell {
    /// Worlds in all.
    pub fn total(&self) -> u32 {
        self.named + self.silent + self.wrong.values().sum::<u32>()
    }
}
