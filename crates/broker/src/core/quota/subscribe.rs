//! SUBSCRIBE and UNSUBSCRIBE held against a profile.

use evenkeel_codec::{Subscribe, TopicFilter, Unsubscribe};
use evenkeel_profile::Profile;

use super::shape::{self, value};
use super::verdict::Break;

/// What is wrong with a SUBSCRIBE as a whole.
pub(crate) fn asked(rules: &Profile, packet: &Subscribe) -> Vec<Break> {
    let limits = &rules.subscribe;
    let most = value(&limits.filters_per_subscribe);
    let count = packet.filters.len();
    let mut breaks = Vec::new();
    breaks.extend(shape::larger("filters_per_subscribe", most, count, "filters"));
    if limits.identifiers_available.as_ref().is_some_and(|limit| !limit.value)
        && let Some(identifier) = packet.properties.subscription_identifiers().next()
    {
        breaks.push(Break::new("identifiers_available", format!("identifier {identifier}")));
    }
    breaks
}

/// What is wrong with an UNSUBSCRIBE as a whole.
pub(crate) fn given_up(rules: &Profile, packet: &Unsubscribe) -> Option<Break> {
    let most = value(&rules.subscribe.filters_per_unsubscribe);
    shape::larger("filters_per_unsubscribe", most, packet.filters.len(), "filters")
}

/// What is wrong with one filter.
pub(crate) fn filter(rules: &Profile, filter: &TopicFilter, client_id: &str) -> Option<Break> {
    let limits = &rules.subscribe;
    let is_off = |limit: &Option<evenkeel_profile::Limit<bool>>| {
        limit.as_ref().is_some_and(|limit| !limit.value)
    };
    if is_off(&limits.wildcards_available) && filter.has_wildcard() {
        return Some(Break::new("wildcards_available", filter.as_str()));
    }
    if let Some(name) = filter.share_name() {
        if is_off(&limits.shared_available) {
            return Some(Break::new("shared_available", filter.as_str()));
        }
        let most = value(&limits.maximum_share_name_length);
        let broken = shape::larger("maximum_share_name_length", most, name.len(), "B");
        if broken.is_some() {
            return broken;
        }
    }
    let mut breaks = Vec::new();
    shape::topic(rules, filter.as_str(), &mut breaks);
    if let Some(listed) = &limits.filters
        && !shape::is_listed(&listed.value.0, filter.pattern(), client_id)
    {
        breaks.push(Break::new("filters", filter.as_str()));
    }
    breaks.into_iter().next()
}
