//! An MQTT broker for development and tests.

pub mod core;
pub mod fault;
mod text;

pub use crate::core::{
    Access, Behaviour, Challenge, ClientStats, CloseReason, Config, ConnectionId, Denial, Event,
    EventKind, Instant, Limits, Offer, PacketCounts, Stats, Users, UsersError, UsersProblem,
};
