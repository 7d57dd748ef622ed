//! The limits that topics and filters have in common, and those that are a
//! number.

use alloc::boxed::Box;
use alloc::format;

use evenkeel_profile::{Limit, LimitValue, Profile};

use super::BrokenLimit;

/// The limit that is below this size, if there is one.
pub(super) fn above<T: LimitValue + Copy + Into<u32>>(
    name: &'static str,
    limit: Option<&Limit<T>>,
    size: usize,
    asked: &str,
    unit: &str,
) -> Option<Box<BrokenLimit>> {
    let limit = limit?;
    let most: u32 = limit.value.into();
    let is_above = size > most as usize;
    is_above.then(|| BrokenLimit::new(name, limit, format!("{asked} of {size} {unit}")))
}

/// The limit that a topic or filter breaks by its length. `asked` names it.
pub(super) fn broken(profile: &Profile, topic: &str, asked: &str) -> Option<Box<BrokenLimit>> {
    let limits = &profile.publish;
    let (length, levels) = (&limits.maximum_topic_length, &limits.maximum_topic_levels);
    if length.is_none() && levels.is_none() {
        return None;
    }
    let uncounted = limits.uncounted_topic_prefixes.as_ref();
    let counted = uncounted.map_or(topic, |limit| limit.value.counted(topic));
    above("maximum_topic_length", length.as_ref(), counted.len(), asked, "B").or_else(|| {
        let count = counted.split('/').count();
        above("maximum_topic_levels", levels.as_ref(), count, asked, "levels")
    })
}
