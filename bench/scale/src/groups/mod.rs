//! The groups, in the order of the page.

mod broker;
mod large;
mod publishers;
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
];
