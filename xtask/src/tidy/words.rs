//! Words that must not occur: escape hatches everywhere, the outside world and
//! panics in the core.

use super::code::without_comment;
use crate::{Fault, Repository, Source};

/// Directories whose code knows no clock, no randomness and no I/O.
const CORE: [&str; 7] = [
    "crates/codec/src/",
    "crates/profile/src/",
    "crates/proto/src/",
    "crates/dispatch/src/",
    "crates/broker/src/core/",
    "crates/aws/src/",
    "crates/doctor/src/",
];

/// Crates that build without std.
const NO_STD: [&str; 5] = [
    "crates/codec/src/lib.rs",
    "crates/profile/src/lib.rs",
    "crates/proto/src/lib.rs",
    "crates/dispatch/src/lib.rs",
    "crates/doctor/src/lib.rs",
];

/// The outside world, which enters the core as arguments only.
const OUTSIDE: [&str; 11] = [
    "std::time",
    "std::net",
    "std::thread",
    "std::fs",
    "std::io",
    "std::env",
    "Instant::now",
    "SystemTime",
    "tokio",
    "rand::",
    "getrandom",
];

/// Ways to panic on input.
const PANICS: [&str; 6] =
    [".unwrap()", ".expect(", "panic!", "unreachable!", "todo!", "unimplemented!"];

/// Lints that core crates keep on.
const CORE_LINTS: [&str; 4] =
    ["clippy::unwrap_used", "clippy::expect_used", "clippy::indexing_slicing", "clippy::panic"];

/// Finds banned words in one file.
pub fn check(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |line, text: String| faults.push(Fault::new(&source.path, line, text));
    for (index, line) in source.text.lines().enumerate() {
        let code = without_comment(line);
        if code.trim_start().starts_with('#') && code.contains("allow(") {
            fault(index + 1, "allow attribute; hint: #[expect(.., reason = \"..\")]".to_owned());
        }
    }
    if CORE.iter().any(|core| source.path.starts_with(core)) {
        for (number, line) in source.shipped_lines() {
            let code = without_comment(line);
            let outside = code.replace("std::time::Duration", "");
            for word in OUTSIDE.iter().filter(|word| outside.contains(**word)) {
                fault(number, format!("{word} in a core crate; hint: take it as an argument"));
            }
            for word in PANICS.iter().filter(|word| code.contains(**word)) {
                fault(number, format!("{word} in a core crate; hint: return a typed error"));
            }
            let switched_off = !source.path.ends_with("/lib.rs") || code.contains("expect(");
            for lint in CORE_LINTS.iter().filter(|lint| switched_off && code.contains(**lint)) {
                fault(number, format!("{lint} switched off in a core crate"));
            }
        }
    }
    faults
}

/// Checks that the crates without std say so and keep the core's lints on.
pub fn check_core_attributes(repository: &Repository) -> Vec<Fault> {
    let mut faults = Vec::new();
    for path in NO_STD {
        let text = repository.get(path).map_or("", |source| source.text.as_str());
        let lints = CORE_LINTS.iter().copied();
        for word in lints.chain(["#![no_std]", "#![forbid(unsafe_code)]"]) {
            if !text.contains(word) {
                faults.push(Fault::new(path, 0, format!("{word} is missing")));
            }
        }
    }
    faults
}
