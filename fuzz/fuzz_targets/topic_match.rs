//! Topic filters against a second, slow matcher.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| evenkeel_fuzz::topic_match(input));
