//! The emulator behind the broker's core, on virtual time: clients of hand-made
//! packets, and what they get.

mod authorizer;
mod gate;
mod http;
mod http_authorizer;
mod left_out;
mod presence;
mod provisioning;
mod registrar;
mod sessions;
mod signed;
mod state;
mod topics;
mod wills;
mod world;
