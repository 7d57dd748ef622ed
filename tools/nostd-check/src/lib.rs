//! Builds only while codec, profile, proto, dispatch and doctor need no `std`, and store none
//! without its feature.
//!
//! The panic handler below is a lang item that `std` defines too. Where any
//! crate in the dependency tree links `std`, rustc finds two of them and
//! stops; so a build that succeeds is the proof.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

extern crate evenkeel_codec as _;
extern crate evenkeel_dispatch as _;
extern crate evenkeel_doctor as _;
extern crate evenkeel_profile as _;
extern crate evenkeel_proto as _;
extern crate evenkeel_store as _;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Has no memory to give; nothing here ever runs.
struct NoMemory;

// SAFETY: a null pointer is how an allocator says that it has no memory, and
// what was never given is never given back.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;
