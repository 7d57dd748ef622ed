//! Making and changing clients.

use alloc::boxed::Box;

use crate::arguments::instant;
use crate::bound::Bound;
use crate::failure::Failure;
use crate::module::{self, MOST_CLIENTS, Module};
use crate::staged::Staged;

/// Begins a configuration with the defaults.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_config() {
    module::with(|module| module.staged = Some(Box::default()));
}

/// Begins a configuration with what the client's next CONNECT says.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_config_of(client: u32) -> i32 {
    module::attempt(|module| {
        let bound = module.clients.get(client).ok_or(Failure::NoClient(client))?;
        module.staged = Some(Box::new(Staged::of_client(bound.core.connect_config())));
        Ok(0)
    })
}

/// Sets a number of the configuration.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_set_number(key: u32, value: f64) -> i32 {
    module::attempt(|module| {
        let staged = module.staged.as_mut().ok_or(NOT_BEGUN)?;
        staged.set_number(key, value).map(|()| 0)
    })
}

/// Sets text or bytes of the configuration, from the input area.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_set_bytes(key: u32, len: u32) -> i32 {
    module::attempt(|module| {
        let Module { input, staged, .. } = module;
        let staged = staged.as_mut().ok_or(NOT_BEGUN)?;
        staged.set_bytes(key, input.arguments().bytes(len)?).map(|()| 0)
    })
}

/// Makes a client: its handle.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_create(now: f64, seed_low: u32, seed_high: u32) -> i32 {
    module::attempt(|module| {
        let (config, session) = module.staged.take().ok_or(NOT_BEGUN)?.finish()?;
        let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
        let (core, store) = session.client(config, seed, instant(now))?;
        let bound = Bound::new(core, store);
        module.clients.put(Box::new(bound), MOST_CLIENTS).ok_or(Failure::Memory)
    })
}

/// Changes what CONNECT says from the next attempt on.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_reconfigure(client: u32) -> i32 {
    module::attempt(|module| {
        let Module { clients, staged, .. } = module;
        let bound = clients.get_mut(client).ok_or(Failure::NoClient(client))?;
        bound.core.set_connect(staged.take().ok_or(NOT_BEGUN)?.into_connect())?;
        Ok(0)
    })
}

/// Forgets a client.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_destroy(client: u32) -> i32 {
    module::attempt(|module| {
        module.clients.take(client).ok_or(Failure::NoClient(client))?;
        Ok(0)
    })
}

pub(super) const NOT_BEGUN: Failure =
    Failure::Argument("no configuration is being made; hint: call ek_config first");
