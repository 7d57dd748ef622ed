//! The areas of memory.

use core::ptr;

use crate::module;

/// The version of the ABI.
// SAFETY: no other function of the program has this name, nor any below.
#[unsafe(no_mangle)]
pub extern "C" fn ek_abi() -> u32 {
    1
}

/// The input area, at least `len` bytes long; null if there is no memory.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_input(len: u32) -> *mut u8 {
    module::with(|module| match module.input.room(len) {
        Ok(area) => area,
        Err(failure) => {
            module.note(&failure);
            ptr::null_mut()
        }
    })
}

/// The output area: what the last drain or `ek_error` gave.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_output() -> *const u8 {
    module::with(|module| module.output.as_ptr())
}

/// Puts the sentence about the last failure into the output area: its length.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_error() -> u32 {
    module::with(module::Module::tell_failure)
}

/// A number for a large payload that stays with the caller.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_payload(len: u32) -> i32 {
    module::attempt(|module| module.payloads.reserve(len))
}
