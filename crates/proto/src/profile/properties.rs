//! Properties that packets must not hold.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;

use evenkeel_codec::{Properties, PropertyId};
use evenkeel_profile::{Limit, List, Profile};

use super::BrokenLimit;

type Forbidden = Limit<List<Cow<'static, str>>>;

/// The first property of a packet that the profile forbids there. `packet` is
/// the packet's name in profiles.
pub(crate) fn broken(
    profile: &Profile,
    packet: &str,
    properties: &Properties,
) -> Option<Box<BrokenLimit>> {
    let limit = profile.connection.forbidden_properties.as_ref()?;
    let id = properties.iter().map(|it| it.id()).find(|id| names(limit, packet, *id))?;
    let asked = format!("the property {id} of {packet}");
    Some(BrokenLimit::new("forbidden_properties", limit, asked))
}

/// True if the profile forbids this property in these packets.
pub(crate) fn is_forbidden(profile: &Profile, packet: &str, id: PropertyId) -> bool {
    let limit = profile.connection.forbidden_properties.as_ref();
    limit.is_some_and(|limit| names(limit, packet, id))
}

/// Leaves out what is forbidden of what the client says by itself.
pub(crate) fn leave_out(profile: &Profile, packet: &str, properties: &mut Properties) {
    if profile.connection.forbidden_properties.is_some() {
        let kept = properties.iter().filter(|it| !is_forbidden(profile, packet, it.id()));
        *properties = kept.cloned().collect();
    }
}

fn names(limit: &Forbidden, packet: &str, id: PropertyId) -> bool {
    let Some(name) = id.name() else { return false };
    limit.value.0.iter().any(|entry| match entry.split_once(' ') {
        Some((owner, property)) => owner == packet && is_same(name, property),
        None => false,
    })
}

/// `UserProperty` of the codec is `user-property` in profiles.
fn is_same(name: &str, property: &str) -> bool {
    let letters = property.chars().filter(|letter| *letter != '-');
    letters.eq(name.chars().map(|letter| letter.to_ascii_lowercase()))
}
