//! A capture, whole and in pieces, with a key log or without.
#![no_main]

#[path = "../src/judge.rs"]
mod judge;
#[path = "../src/capture.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::capture(input));
