//! The functions of the WebAssembly module, in any order, with any argument.
#![no_main]

#[path = "../src/abi.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::abi(input));
