//! Segments of a connection on a port of TLS, with a key log or without.
#![no_main]

#[path = "../src/judge.rs"]
mod judge;
#[path = "../src/tls.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::tls(input));
