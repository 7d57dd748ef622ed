//! A session that the caller keeps.

use crate::failure::Failure;
use crate::module::{self, Module, command};
use crate::sessions;

/// The configuration is for a client whose session the caller keeps; what is kept lies in
/// the input area. How many bytes of it count.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_replay(len: u32) -> i32 {
    module::attempt(|module| {
        let Module { input, staged, .. } = module;
        let staged = staged.as_mut().ok_or(super::configuration::NOT_BEGUN)?;
        staged.replay(input.arguments().bytes(len)?)
    })
}

/// The batch of the last `COMMIT` is kept, or not.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_committed(client: u32, now: f64, failure: u32) -> i32 {
    command(client, now, |call| {
        let result = sessions::result(failure)
            .ok_or(Failure::Argument("there is no such failure of a store"))?;
        let bound = &mut *call.bound;
        let store = bound.store.as_mut().ok_or(NO_STORE)?;
        store.committed(result, &mut bound.core, call.now)?;
        Ok(0)
    })
}

/// Puts all that counts into the output area, to take the place of the log: its length.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_snapshot(client: u32) -> i32 {
    module::attempt(|module| {
        let Module { output, clients, .. } = module;
        let bound = clients.get(client).ok_or(Failure::NoClient(client))?;
        bound.store.as_ref().ok_or(NO_STORE)?.snapshot(output)?;
        u32::try_from(output.len()).map_err(|_| Failure::Memory)
    })
}

const NO_STORE: Failure =
    Failure::Argument("nobody keeps this client's session; hint: call ek_replay before ek_create");
