//! An identifier of the client's own, for brokers whose assigned ones cannot
//! come back.

use alloc::string::String;
use core::fmt::Write;

use evenkeel_codec::Text;

use crate::config::Config;
use crate::rng::Rng;

use super::Profile;

/// The identifier to use for this wish: its own, unless it is empty and the
/// broker would assign one that is worth nothing at the next connect.
pub(crate) fn own_client_id(config: &Config, wanted: Text, rng: &mut Rng) -> Text {
    let is_lost = config.profile().is_some_and(assigns_for_once);
    if wanted.is_empty() && is_lost { Text::try_from(uuid(rng)).unwrap_or(wanted) } else { wanted }
}

/// Identifiers that the broker assigns cannot come back.
fn assigns_for_once(profile: &Profile) -> bool {
    let limit = profile.connection.assigned_client_id_reusable.as_ref();
    limit.is_some_and(|limit| !limit.value)
}

/// The broker assigned this identifier and lets nobody use it again: its session is
/// out of reach.
#[cfg(feature = "store")]
pub(crate) fn is_out_of_reach(config: &Config, client_id: &Text) -> bool {
    let Some(profile) = config.profile() else { return false };
    let reserved = profile.connection.client_id_reserved_prefix.as_ref();
    assigns_for_once(profile)
        && reserved.is_some_and(|limit| client_id.as_str().starts_with(&*limit.value))
}

/// A random UUID (version 4 of RFC 9562).
fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.next(), rng.next());
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    let mut text = String::with_capacity(36);
    let parts = (high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48, low & 0xffff_ffff_ffff);
    let (a, b, c, d, e) = parts;
    let written = write!(text, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}");
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}
