//! The emulator behind the broker's core, on virtual time: clients of hand-made
//! packets, and what they get.

mod gate;
mod http;
mod presence;
mod provisioning;
mod state;
mod topics;
mod wills;
mod world;
