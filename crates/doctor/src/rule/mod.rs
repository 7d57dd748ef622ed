//! What a rule is: who it is, when it looks, what it sees, what it says.

pub(crate) mod guards;
mod hit;
mod meta;
mod on;
pub(crate) mod prelude;
mod view;

pub(crate) use hit::{Hit, Hits};
pub use meta::{Meta, Severity, Threshold, Vantages};
pub(crate) use on::On;
pub(crate) use view::View;

/// A rule. Rules keep nothing: all they compare is in the [`View`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) meta: Meta,
    /// At which moments it looks.
    pub(crate) on: &'static [On],
    /// Looks, and says what it found.
    pub(crate) check: fn(&View<'_>, &mut Hits),
}
