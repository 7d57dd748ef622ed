//! A client with a store: nothing is promised before it is committed (D3),
//! and the next process goes on where the last one stopped.

mod clearing;
mod commit;
mod crash;
mod ends;
mod failure;
mod quarantine;
mod queue;
mod recover;
mod subscriptions;
mod time;

use evenkeel_proto::codec::Version;

use crate::support::*;

/// A client that is online, whose store works off batches when told.
fn held(version: Version) -> Rig {
    let mut rig = Rig::durable_online(quiet(lasting(version)));
    rig.advance(secs(1));
    rig.commits = Commits::Held;
    rig.forget_wire();
    rig.take_events();
    rig
}
