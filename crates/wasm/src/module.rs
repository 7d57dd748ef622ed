//! The one state of a module, and how a call gets at it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt::Write;

use evenkeel_proto::Instant;

use crate::arguments::{Input, instant};
use crate::bound::Bound;
use crate::failure::Failure;
use crate::payloads::Payloads;
use crate::slots::Slots;
use crate::staged::Staged;

/// Clients of one module at a time.
pub(crate) const MOST_CLIENTS: u32 = 65_535;

/// Everything that lives from one call to the next.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) input: Input,
    pub(crate) output: Vec<u8>,
    /// About the last call that failed.
    failure: String,
    pub(crate) staged: Option<Box<Staged>>,
    pub(crate) clients: Slots<Box<Bound>>,
    pub(crate) payloads: Payloads,
}

/// A module, and beside it the payloads that the core let go of meanwhile.
struct Cell {
    module: RefCell<Module>,
    released: RefCell<Vec<u32>>,
}

impl Cell {
    const fn new() -> Self {
        let module = Module {
            input: Input::new(),
            output: Vec::new(),
            failure: String::new(),
            staged: None,
            clients: Slots::new(),
            payloads: Payloads::new(),
        };
        Self { module: RefCell::new(module), released: RefCell::new(Vec::new()) }
    }
}

#[cfg(target_arch = "wasm32")]
mod place {
    use super::Cell;

    struct Single(Cell);

    // SAFETY: a module of wasm32 without the feature `atomics` has one thread.
    unsafe impl Sync for Single {}

    static SINGLE: Single = Single(Cell::new());

    pub(super) fn with<R>(call: impl FnOnce(&Cell) -> R) -> R {
        call(&SINGLE.0)
    }

    pub(super) fn with_if_alive(call: impl FnOnce(&Cell)) {
        with(call);
    }
}

/// Each test has a module of its own, as each runs on a thread of its own.
#[cfg(not(target_arch = "wasm32"))]
mod place {
    use super::Cell;

    std::thread_local! {
        static OF_THREAD: Cell = const { Cell::new() };
    }

    pub(super) fn with<R>(call: impl FnOnce(&Cell) -> R) -> R {
        OF_THREAD.with(call)
    }

    /// Not at the end of the thread, when the clients are dropped.
    pub(super) fn with_if_alive(call: impl FnOnce(&Cell)) {
        let _ = OF_THREAD.try_with(call);
    }
}

/// The core let go of a payload that the caller holds.
pub(crate) fn release(number: u32) {
    place::with_if_alive(|cell| cell.released.borrow_mut().push(number));
}

/// The payloads that are no longer used, since the last time.
pub(crate) fn take_released() -> Vec<u32> {
    place::with(|cell| cell.released.take())
}

/// Does what a call asks for. Nothing that is called by it calls back.
pub(crate) fn with<R>(call: impl FnOnce(&mut Module) -> R) -> R {
    place::with(|cell| call(&mut cell.module.borrow_mut()))
}

/// The same for a call that can fail.
pub(crate) fn attempt(call: impl FnOnce(&mut Module) -> Result<u32, Failure>) -> i32 {
    with(|module| match call(module) {
        Ok(number) => i32::try_from(number).unwrap_or(i32::MAX),
        Err(failure) => module.note(&failure),
    })
}

/// The same for a call that needs one client.
pub(crate) fn command(
    client: u32,
    now: f64,
    call: impl FnOnce(&mut Call<'_>) -> Result<u32, Failure>,
) -> i32 {
    attempt(|module| {
        let Module { input, output, clients, payloads, .. } = module;
        let bound = clients.get_mut(client).ok_or(Failure::NoClient(client))?;
        call(&mut Call { bound, now: instant(now), input, output, payloads })
    })
}

/// What a call for one client works on.
pub(crate) struct Call<'a> {
    pub(crate) bound: &'a mut Bound,
    pub(crate) now: Instant,
    pub(crate) input: &'a Input,
    pub(crate) output: &'a mut Vec<u8>,
    pub(crate) payloads: &'a mut Payloads,
}

impl Module {
    /// Keeps the sentence; the number to return.
    pub(crate) fn note(&mut self, failure: &Failure) -> i32 {
        self.failure.clear();
        // A string takes every text.
        let _ = write!(self.failure, "{failure:#}");
        failure.result()
    }

    /// Puts the sentence about the last failure into the output area.
    pub(crate) fn tell_failure(&mut self) -> u32 {
        self.output.clear();
        self.output.extend_from_slice(self.failure.as_bytes());
        u32::try_from(self.output.len()).unwrap_or(0)
    }
}
