//! The core of the Evenkeel MQTT client for WebAssembly, for bindings to
//! JavaScript: `evenkeel-proto` behind functions that take and return numbers.
//!
//! What each function does, how arguments and records lie in memory, and the loop
//! that drives a client stand in `ABI.md` beside this crate's manifest. Everything
//! here is tested natively through the same functions (`tests/`); for wasm32 it
//! has no standard library, no imports and an allocator of its own.
//!
//! This is the only crate with unsafe code: names that are exported, memory that
//! the caller has filled, and one module without threads.
#![no_std]
#![warn(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::alloc_instead_of_core
    )
)]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

mod arguments;
mod bound;
mod drain;
mod exports;
mod failure;
mod module;
mod numbers;
mod options;
mod payloads;
#[cfg_attr(not(feature = "profiles"), path = "no_profiles.rs")]
mod profiles;
mod published;
mod read;
mod records;
#[cfg_attr(not(feature = "sessions"), path = "no_sessions.rs")]
mod sessions;
mod skipped;
mod slots;
mod staged;
#[cfg(feature = "profiles")]
mod written;

pub use exports::*;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A trap: the instance is not to be used any more.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
