//! What is wanted of a client.

use alloc::vec::Vec;

use evenkeel_codec::{Disconnect, PacketId, PacketType, ReasonCode};
use evenkeel_proto::{AckError, Acknowledged, Input, Token};

use crate::arguments::{self, NONE};
use crate::bound::{Publishing, filters};
use crate::failure::Failure;
use crate::module::{Call, attempt, command};
use crate::options;

impl Call<'_> {
    /// Hands the core an input.
    pub(super) fn tell(&mut self, input: Input<'_>) -> Result<u32, Failure> {
        self.bound.core.handle(self.now, input);
        Ok(0)
    }
}

/// Begins to connect.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_start(client: u32, now: f64) -> i32 {
    command(client, now, |call| {
        call.bound.core.start(call.now);
        Ok(0)
    })
}

/// Asks for a new connection at once, within the budget.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_reconnect(client: u32, now: f64) -> i32 {
    command(client, now, |call| {
        call.bound.core.reconnect(call.now);
        Ok(0)
    })
}

/// Publishes a message: its packet identifier if that is asked for, else 0.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_publish(
    client: u32,
    now: f64,
    token: u32,
    flags: u32,
    topic: u32,
    properties: u32,
    payload: u32,
) -> i32 {
    command(client, now, |call| {
        let given = Publishing { token, flags, topic, properties, payload };
        call.bound.publish(call.now, &given, call.input.arguments(), call.payloads)
    })
}

/// The application is done with a message.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_acknowledge(
    client: u32,
    now: f64,
    ack: u32,
    reason: u32,
    strict: u32,
    properties: u32,
) -> i32 {
    command(client, now, |call| {
        let reason = arguments::reason(reason)?;
        let said = call.input.arguments().properties(properties, PacketType::PubAck)?;
        let key = *call.bound.acks.get(ack).ok_or(Failure::NoSuchNumber(ack))?;
        if strict == 0 {
            if !said.is_empty() {
                return Err(Failure::Argument("properties need a strict acknowledgement"));
            }
            call.bound.take_ack(ack)?;
            return Ok(match call.bound.core.acknowledge(call.now, key, reason) {
                Acknowledged::AsGiven => 0,
                Acknowledged::Replaced(_) => 1,
                _ => 2,
            });
        }
        let result = call.bound.core.acknowledge_with(call.now, key, reason, said);
        if matches!(result, Ok(()) | Err(AckError::Stale)) {
            call.bound.take_ack(ack)?;
        }
        Ok(result.map(|()| 0)?)
    })
}

/// The application is done with many messages: how many codes were replaced.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_acknowledge_all(client: u32, now: f64, count: u32) -> i32 {
    command(client, now, |call| {
        let mut arguments = call.input.arguments();
        let mut section = arguments.section(count.saturating_mul(8))?;
        let mut answers = Vec::new();
        for _ in 0..count {
            let (ack, reason) = (section.number()?, arguments::reason(section.number()?)?);
            answers.push((ack, reason));
        }
        let bound = &mut *call.bound;
        let known =
            answers.iter().filter_map(|(ack, reason)| Some((bound.acks.take(*ack)?, *reason)));
        let replaced = bound.core.acknowledge_all(call.now, known);
        Ok(u32::try_from(replaced).unwrap_or(u32::MAX))
    })
}

/// The application will not finish a message.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_give_back(client: u32, ack: u32) -> i32 {
    attempt(|module| {
        let bound = module.clients.get_mut(client).ok_or(Failure::NoClient(client))?;
        let key = bound.take_ack(ack)?;
        bound.core.give_back(key);
        Ok(0)
    })
}

/// Asks for subscriptions.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_subscribe(
    client: u32,
    now: f64,
    token: u32,
    count: u32,
    filters_len: u32,
    properties: u32,
) -> i32 {
    command(client, now, |call| {
        let mut arguments = call.input.arguments();
        let filters = filters(count, filters_len, &mut arguments)?;
        let properties = arguments.properties(properties, PacketType::Subscribe)?;
        call.bound.core.subscribe(call.now, filters, properties, asked(token))?;
        Ok(0)
    })
}

/// Ends subscriptions.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_unsubscribe(
    client: u32,
    now: f64,
    token: u32,
    count: u32,
    filters_len: u32,
    properties: u32,
) -> i32 {
    command(client, now, |call| {
        let mut arguments = call.input.arguments();
        let filters = filters(count, filters_len, &mut arguments)?;
        let filters = filters.into_iter().map(|one| one.filter).collect();
        let properties = arguments.properties(properties, PacketType::Unsubscribe)?;
        call.bound.core.unsubscribe(call.now, filters, properties, asked(token))?;
        Ok(0)
    })
}

/// Gives up the message with this packet identifier.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_abandon(client: u32, now: f64, packet_id: u32) -> i32 {
    command(client, now, |call| {
        let id = u16::try_from(packet_id).ok().and_then(PacketId::new);
        let id = id.ok_or(Failure::Argument("a packet identifier is 1 to 65,535"))?;
        call.bound.core.abandon(call.now, id)?;
        Ok(0)
    })
}

/// Asks for a sign of life: 1 if it did.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_probe(client: u32, now: f64) -> i32 {
    command(client, now, |call| Ok(call.bound.core.probe(call.now).into()))
}

/// Begins re-authentication: 1 if it did.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_reauthenticate(client: u32, now: f64, len: u32) -> i32 {
    command(client, now, |call| {
        let data = call.input.arguments().owned(len)?;
        Ok(call.bound.core.reauthenticate(call.now, data).into())
    })
}

/// Whether packets that go by are told.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_trace(client: u32, on: u32) -> i32 {
    attempt(|module| {
        let bound = module.clients.get_mut(client).ok_or(Failure::NoClient(client))?;
        bound.traced = on != 0;
        bound.core.set_trace(bound.traced);
        Ok(0)
    })
}

/// Finishes what was accepted, says DISCONNECT, closes.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_shutdown(
    client: u32,
    now: f64,
    limit: f64,
    reason: u32,
    properties: u32,
) -> i32 {
    command(client, now, |call| {
        let limit = options::span(limit).map_err(Failure::Argument)?;
        if reason == NONE {
            call.bound.core.shutdown(call.now, limit);
            return Ok(0);
        }
        let reason: ReasonCode = arguments::reason(reason)?;
        let said = call.input.arguments().properties(properties, PacketType::Disconnect)?;
        let disconnect = Disconnect { reason, properties: said };
        call.bound.core.shutdown_with(call.now, limit, disconnect)?;
        Ok(0)
    })
}

/// Who asks for an outcome.
fn asked(token: u32) -> Option<Token> {
    if token == NONE { None } else { Some(Token(token.into())) }
}
