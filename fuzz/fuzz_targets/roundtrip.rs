//! What was decoded encodes to bytes that mean the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| evenkeel_fuzz::roundtrip(input));
