//! Calls of a proxy's tap, in any order, with any bytes.
#![no_main]

#[path = "../src/judge.rs"]
mod judge;
#[path = "../src/tap.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::tap(input));
