//! The groups, in the order of the page.

mod broker;
mod large;
mod message;
mod publishers;
mod queue;
mod stored;
mod streams;
mod subscribing;
mod threads;
mod window;

use crate::group::Group;

pub(crate) const ALL: &[Group] = &[
    window::GROUP,
    publishers::GROUP,
    threads::GROUP,
    streams::GROUP,
    subscribing::GROUP,
    stored::GROUP,
    large::GROUP,
    broker::GROUP,
    queue::LATEST,
    queue::EXPIRY,
    message::ALIASES,
    message::PROPERTIES,
];
