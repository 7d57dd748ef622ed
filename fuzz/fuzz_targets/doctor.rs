//! Any files, into a doctor with all its rules.
#![no_main]

#[path = "../src/doctor.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::doctor(input));
