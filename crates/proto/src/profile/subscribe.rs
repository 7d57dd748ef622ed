//! The limits of subscriptions.

use evenkeel_profile::Profile;

use crate::config::Config;

pub(super) fn obey(config: &mut Config, profile: &Profile) {
    if let Some(filters) = profile.max_subscribe_filters() {
        let bound = &mut config.bounds.filters_per_packet;
        *bound = filters.min(*bound);
    }
}
