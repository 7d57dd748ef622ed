//! A log, whole and in pieces, of a format that is given or looked for.
#![no_main]

#[path = "../src/judge.rs"]
mod judge;
#[path = "../src/logs.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::logs(input));
