//! `evenkeel profile`: what brokers allow, and what the client does about it.

mod check;
mod json;
mod ls;
mod show;

use evenkeel_profile::{Action, LimitInfo, Profile};

use crate::args::{ProfileAction, ProfileArgs};
use crate::error::Failure;
use crate::printer::Printer;

/// Does one of the actions.
pub(super) fn run(args: &ProfileArgs, printer: Printer) -> Result<(), Failure> {
    match &args.action {
        ProfileAction::Ls(args) => ls::run(args, printer),
        ProfileAction::Show(args) => show::run(args, printer),
        ProfileAction::Check(args) => check::run(args, printer),
    }
}

/// How many limits a profile has, and of how many of them the client of today
/// obeys at least a part.
#[derive(Clone, Copy)]
struct Tally {
    limits: usize,
    /// Those that a client can break.
    breakable: usize,
    obeyed: usize,
}

impl Tally {
    fn of(profile: &Profile) -> Self {
        let limits = profile.limits();
        let count = |wanted: fn(&LimitInfo<'_>) -> bool| {
            limits.iter().filter(|limit| wanted(limit)).count()
        };
        Self {
            limits: limits.len(),
            breakable: count(|limit| {
                limit.handling().is_some_and(|handling| handling.action != Action::Informs)
            }),
            obeyed: count(|limit| {
                limit.handling().is_some_and(|handling| handling.obeyed.is_some())
            }),
        }
    }
}
