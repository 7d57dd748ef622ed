//! What a client wants done and has to tell, and how it stands.

use evenkeel_proto::Token;

use crate::drain::Allowed;
use crate::failure::Failure;
use crate::module::{Call, attempt, command, with};
use crate::numbers;
use crate::records::Records;

/// Puts records into the output area: the number of bytes.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_drain(client: u32, now: f64, messages: u32, flags: u32) -> i32 {
    command(client, now, |call| {
        let allowed = Allowed::new(messages, flags)
            .ok_or(Failure::Argument("there are no such flags of a drain"))?;
        let Call { bound, now, output, payloads, .. } = call;
        let mut records = Records::new(output);
        bound.drain(*now, allowed, &mut records, payloads);
        u32::try_from(records.len()).map_err(|_| Failure::Memory)
    })
}

/// Where the client stands.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_state(client: u32) -> i32 {
    attempt(|module| {
        let bound = module.clients.get(client).ok_or(Failure::NoClient(client))?;
        Ok(bound.core.state().code().into())
    })
}

/// A number about the client; not a number if there is none.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_number(client: u32, which: u32) -> f64 {
    with(|module| {
        let bound = module.clients.get(client);
        bound.and_then(|bound| numbers::number(&bound.core, which)).unwrap_or(f64::NAN)
    })
}

/// The packet identifier of a message that has no outcome yet; 0 if it has none.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_packet_id(client: u32, token: u32) -> i32 {
    attempt(|module| {
        let bound = module.clients.get(client).ok_or(Failure::NoClient(client))?;
        let id = bound.core.packet_id(Token(token.into()));
        Ok(id.map_or(0, |id| id.get().into()))
    })
}
