//! Any bytes, decoded as a client does.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| evenkeel_fuzz::decode_client(input));
