//! The groups, in the order of the page.

mod streams;
mod subscribing;
mod window;

use crate::group::Group;

pub(crate) const ALL: &[Group] = &[window::GROUP, streams::GROUP, subscribing::GROUP];
