//! What happened, told to a client.

use core::ptr;

use evenkeel_proto::{ConnectPhase, Credentials, Input};

use crate::arguments::NONE;
use crate::bound::connection;
use crate::failure::Failure;
use crate::module::{self, command};
use crate::options;

/// An attempt to connect has come this far.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_phase(client: u32, now: f64, conn: u32, phase: u32) -> i32 {
    command(client, now, |call| {
        let phase = match phase {
            420 => ConnectPhase::Credentials,
            421 => ConnectPhase::Endpoint,
            422 => ConnectPhase::Resolve,
            423 => ConnectPhase::Connect,
            424 => ConnectPhase::Proxy,
            425 => ConnectPhase::Tls,
            426 => ConnectPhase::WebSocket,
            _ => return Err(Failure::Argument("there is no such phase of a connect")),
        };
        call.tell(Input::Phase(connection(conn), phase))
    })
}

/// The host has so many other addresses.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_alternatives(client: u32, now: f64, conn: u32, count: u32) -> i32 {
    command(client, now, |call| call.tell(Input::Alternatives(connection(conn), count as usize)))
}

/// The credentials are others than the last time.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_fresh_credentials(client: u32, now: f64, conn: u32) -> i32 {
    command(client, now, |call| call.tell(Input::FreshCredentials(connection(conn))))
}

/// The transport is open.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_opened(
    client: u32,
    now: f64,
    conn: u32,
    replace: u32,
    username: u32,
    password: u32,
) -> i32 {
    command(client, now, |call| {
        let credentials = if replace == 0 {
            None
        } else {
            let mut arguments = call.input.arguments();
            let mut credentials = Credentials::default();
            if username != NONE {
                credentials.username = Some(arguments.text(username)?);
            }
            credentials.password = arguments.optional(password)?;
            Some(credentials)
        };
        call.tell(Input::Opened(connection(conn), credentials))
    })
}

/// Room for a chunk in the client's read buffer; null if there is no such client.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_reserve(client: u32, len: u32) -> *mut u8 {
    module::with(|module| {
        let bound = module.clients.get_mut(client).ok_or(Failure::NoClient(client));
        match bound.and_then(|bound| bound.read.reserve(len)) {
            Ok(room) => room,
            Err(failure) => {
                module.note(&failure);
                ptr::null_mut()
            }
        }
    })
}

/// Bytes were written where `ek_reserve` said: how many of those to come may be skipped.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_received(client: u32, now: f64, conn: u32, len: u32) -> i32 {
    command(client, now, |call| {
        let bound = &mut *call.bound;
        // A trace shows payloads.
        let may_skip = !bound.traced;
        bound.read.received(&mut bound.core, call.now, connection(conn), len, may_skip)
    })
}

/// Bytes of a payload came that the caller keeps: how many more there are.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_skipped(client: u32, now: f64, conn: u32, len: u32) -> i32 {
    command(client, now, |call| {
        let bound = &mut *call.bound;
        bound.read.skipped(&mut bound.core, call.now, connection(conn), len)
    })
}

/// Bytes came of which a layer below gives nothing yet.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_heard(client: u32, now: f64, conn: u32) -> i32 {
    command(client, now, |call| call.tell(Input::Heard(connection(conn))))
}

/// The transport took so many bytes.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_written(client: u32, now: f64, conn: u32, bytes: u32) -> i32 {
    command(client, now, |call| call.tell(Input::Written(connection(conn), bytes as usize)))
}

/// The transport is closed, or could not be opened.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_closed(
    client: u32,
    now: f64,
    conn: u32,
    failure: u32,
    detail: f64,
    after: f64,
) -> i32 {
    command(client, now, |call| {
        let failure = options::failure(failure, detail, after)
            .ok_or(Failure::Argument("there is no such failure of a transport"))?;
        call.tell(Input::Closed(connection(conn), failure))
    })
}

/// First data of enhanced authentication for this attempt.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_begin_authentication(client: u32, now: f64, conn: u32, len: u32) -> i32 {
    command(client, now, |call| {
        let data = call.input.arguments().owned(len)?;
        call.bound.core.begin_authentication(call.now, connection(conn), data);
        Ok(0)
    })
}

/// Answers a step of enhanced authentication, or gives up.
// SAFETY: as with `ek_abi`.
#[unsafe(no_mangle)]
pub extern "C" fn ek_authenticate(client: u32, now: f64, conn: u32, len: u32) -> i32 {
    command(client, now, |call| {
        let answer = call.input.arguments().optional(len)?;
        call.bound.core.authenticate(call.now, connection(conn), answer);
        Ok(0)
    })
}
