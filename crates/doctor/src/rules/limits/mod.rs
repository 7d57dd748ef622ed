//! Limits of servers: sizes, kinds and rates that are not allowed.

mod lm01_oversize_loop;
mod lm02_qos2_unsupported;
mod lm03_retain_unsupported;
mod lm04_filters_per_packet;
mod lm05_too_many_subscriptions;
mod lm06_publish_rate;
mod lm07_topic_shape;
mod lm08_v5_capability;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    lm01_oversize_loop::RULE,
    lm02_qos2_unsupported::RULE,
    lm03_retain_unsupported::RULE,
    lm04_filters_per_packet::RULE,
    lm05_too_many_subscriptions::RULE,
    lm06_publish_rate::RULE,
    lm07_topic_shape::RULE,
    lm08_v5_capability::RULE,
];
