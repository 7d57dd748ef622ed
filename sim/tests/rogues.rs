//! The doctor against bad clients, servers and paths with known truth, and
//! against worlds in which nothing is wrong.
//!
//! Even seeds: thresholds were set on odd ones. More worlds are played by
//! `cargo run --release -p sim -- --rogues 2000 --benign 10000 --from 2`.

use evenkeel_doctor::Vantage;
use sim::rng::Rng;
use sim::rogue::{Verdict, bad, benign, matrix, verdict};

/// Judged in each test run: files of each kind, and worlds without a fault.
const WORLDS: u64 = 130;
const BENIGN: u64 = 320;

/// The least share of root causes that is named, in percent, of each kind of file.
const LEAST: f64 = 95.0;

#[test]
fn root_causes_are_named_and_nothing_else_is() {
    let matrix = matrix(2, WORLDS, BENIGN);
    assert_eq!(matrix.alarms, [], "{}", matrix.to_markdown());
    // A second cause beside the true one counts as wrong.
    for vantage in Vantage::ALL {
        let named = matrix.named(vantage).expect("faults are played for each kind of file");
        let judged: u32 = matrix.judged(vantage);
        assert_eq!(u64::from(judged), WORLDS, "{}", vantage.name());
        assert!(named >= LEAST, "{}: {named:.1} %\n{}", vantage.name(), matrix.to_markdown());
    }
}

/// Without the fault there is nothing to name: a doctor that always says
/// something would pass the test above by half.
#[test]
fn every_benign_world_is_silent_in_every_file() {
    for (name, make) in benign() {
        for seed in [2, 4, 6] {
            let scene = make(&mut Rng::new(seed).fork("rogue", 0));
            assert!(scene.accepted.is_empty(), "{name}");
            for vantage in Vantage::ALL {
                assert_eq!(verdict(&scene, vantage, seed), Verdict::Silent, "{name} {vantage:?}");
            }
        }
    }
}

#[test]
fn every_fault_has_a_rule_and_a_file_that_shows_it() {
    for (name, make) in bad() {
        let scene = make(&mut Rng::new(2).fork("rogue", 0));
        assert_eq!(scene.name, name);
        assert!(!scene.accepted.is_empty() && !scene.shown_by.is_empty(), "{name}");
        for id in scene.accepted {
            assert!(evenkeel_doctor::rule(id).is_some(), "{name}: there is no rule {id}");
        }
    }
}
