//! The limits of subscriptions.

use alloc::boxed::Box;
use alloc::format;

use evenkeel_codec::{Properties, TopicFilter};
use evenkeel_profile::{Limit, Profile};

use super::topic::above;
use super::{BrokenLimit, properties, topic};

/// The limit that a filter of this client breaks in SUBSCRIBE, if any but
/// the number of subscriptions.
pub(crate) fn broken(
    profile: &Profile,
    filter: &TopicFilter,
    client_id: &str,
) -> Option<Box<BrokenLimit>> {
    let limits = &profile.subscribe;
    let said = |what: &str| format!("the filter {:?} {what}", filter.as_str());
    if let Some(limit @ Limit { value: false, .. }) = &limits.wildcards_available
        && filter.has_wildcard()
    {
        return Some(BrokenLimit::new("wildcards_available", limit, said("with a wildcard")));
    }
    if let Some(limit @ Limit { value: false, .. }) = &limits.shared_available
        && filter.is_shared()
    {
        return Some(BrokenLimit::new("shared_available", limit, said("of a share")));
    }
    if let Some(limit) = &limits.filters
        && !limit.value.0.iter().any(|it| it.allows(filter.as_str(), client_id))
    {
        return Some(BrokenLimit::new("filters", limit, said("of a subscription")));
    }
    broken_by_length(profile, filter)
}

/// The limit that a filter breaks in SUBSCRIBE and UNSUBSCRIBE alike.
pub(crate) fn broken_by_length(
    profile: &Profile,
    filter: &TopicFilter,
) -> Option<Box<BrokenLimit>> {
    let name = filter.share_name().map_or(0, str::len);
    let limit = profile.subscribe.maximum_share_name_length.as_ref();
    above("maximum_share_name_length", limit, name, "a share name", "B")
        .or_else(|| topic::broken(profile, filter.as_str(), "a filter"))
}

/// The limit that the properties of SUBSCRIBE or UNSUBSCRIBE break.
pub(crate) fn broken_by_properties(
    profile: &Profile,
    is_subscribe: bool,
    held: &Properties,
) -> Option<Box<BrokenLimit>> {
    if let Some(limit @ Limit { value: false, .. }) = &profile.subscribe.identifiers_available
        && held.subscription_identifiers().next().is_some()
    {
        let asked = "a subscription identifier";
        return Some(BrokenLimit::new("identifiers_available", limit, asked));
    }
    properties::broken(profile, if is_subscribe { "subscribe" } else { "unsubscribe" }, held)
}

/// How many filters one packet may hold.
pub(crate) fn most_filters(profile: &Profile, is_subscribe: bool) -> usize {
    let most = if is_subscribe {
        profile.max_subscribe_filters()
    } else {
        profile.max_unsubscribe_filters()
    };
    most.unwrap_or(usize::MAX)
}

/// The limit that so many subscriptions break.
pub(crate) fn too_many(profile: &Profile, count: usize) -> Option<Box<BrokenLimit>> {
    let limit = profile.subscribe.subscriptions_per_connection.as_ref()?;
    let asked = || format!("subscription number {count}");
    (count > limit.value as usize)
        .then(|| BrokenLimit::new("subscriptions_per_connection", limit, asked()))
}
