//! Faults, one function for each: what a bad client, server or path does.

mod access;
mod flow;
mod keep_alive;
mod network;
mod reconnect;

use super::Maker;

/// Every fault, by name.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Maker)> {
    [keep_alive::ALL, reconnect::ALL, access::ALL, flow::ALL, network::ALL]
        .into_iter()
        .flatten()
        .copied()
}
