//! The groups, in the order of the page.

mod window;

use crate::group::Group;

pub(crate) const ALL: &[Group] = &[window::GROUP];
