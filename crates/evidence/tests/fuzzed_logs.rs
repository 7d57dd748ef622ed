//! The fuzz target `logs` over lines of every format, damaged in many ways, and
//! what holds for every format.

mod samples;

use evenkeel_doctor::{Bounds, Doctor};
use evenkeel_evidence::reader::{Evidence, Options, Summary, formats};
use evenkeel_profile::Profile;
use samples::SAMPLES;

#[path = "../../../fuzz/src/judge.rs"]
mod judge;
#[path = "../../../fuzz/src/logs.rs"]
mod target;

#[test]
fn every_format_has_a_sample_that_names_it() {
    for format in formats().skip(2) {
        let sample = SAMPLES.iter().find(|(name, _)| *name == format.name);
        let (_, lines) = sample.unwrap_or_else(|| panic!("{} has no sample", format.name));
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let mut evidence = Evidence::new("sample", &Options::default());
        // Also a long log is of one format alone.
        evidence.feed(lines.repeat(20).as_bytes(), &mut doctor).expect("a known format");
        let summary = evidence.end(&mut doctor).expect("a known format");
        let Summary::Log(summary) = summary else { panic!("{} is no capture", format.name) };
        assert_eq!(summary.format, format.name);
        assert!(summary.understood * 2 > summary.lines, "{summary}");
        doctor.finish();
        let report = format!("{:?}", doctor.report());
        assert!(!report.contains("hunter2") && !report.contains("eve\""), "{report}");
    }
}

/// Numbers that look random, and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Cuts, doubles, swaps and overwrites pieces of lines.
fn damaged(lines: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut all = lines.to_vec();
    for _ in 0..=random.below(6) {
        let (at, end) = (random.below(all.len()), random.below(all.len()));
        let (at, end) = (at.min(end), at.max(end));
        match random.below(6) {
            0 => all.truncate(end),
            1 => drop(all.drain(at..end)),
            2 => all.extend_from_within(at..end),
            3 => {
                let from = random.below(other.len());
                all.splice(at..at, other[from..].iter().copied());
            }
            4 => all.iter_mut().skip(at).take(3).for_each(|byte| *byte = byte.rotate_left(3)),
            _ => {
                let odd = [&b"\n"[..], b"\t", b"{", b"}", b"'", b"\xff", b": ", b"-99999999999"];
                all.splice(at..at, odd[random.below(odd.len())].iter().copied());
            }
        }
        all.truncate(1 << 14);
    }
    all
}

#[test]
fn damaged_lines_of_every_format() {
    let random = &mut Random(0x2545_f491_4f6c_dd1d);
    let names: Vec<&str> = formats().skip(2).map(|format| format.name).collect();
    for (name, lines) in SAMPLES {
        let choice = names.iter().position(|known| known == name).expect("a format") as u8;
        for _ in 0..40 {
            let other = SAMPLES[random.below(SAMPLES.len())].1;
            let input = damaged(lines.as_bytes(), other.as_bytes(), random);
            let piece = random.below(64) as u8;
            target::logs(&[&[choice, piece], &input[..]].concat());
            // The format is looked for.
            target::logs(&[&[names.len() as u8, piece], &input[..]].concat());
        }
    }
}
