//! A client and a scripted server on virtual time.
//!
//! [`Rig`] drives the core as a driver would, with bytes on both sides: what
//! the client writes is decoded by the codec's server half, what the script
//! sends is encoded by it. Nothing here looks into the core.

mod build;
mod rig;
mod store;

pub(crate) use build::*;
pub(crate) use rig::*;
pub(crate) use store::*;

use evenkeel_proto::codec::Version;

/// Runs a test once for MQTT 3.1.1 and once for MQTT 5.
pub(crate) fn each_version(mut test: impl FnMut(Version)) {
    for version in [Version::V311, Version::V5] {
        println!("with {version:?}");
        test(version);
    }
}
