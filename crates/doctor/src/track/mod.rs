//! What is known of each connection and client, kept current event by event.

mod client;
mod connection;
mod connections;
mod flights;
mod path;
mod pings;
mod population;
mod registry;
mod round;
mod swaps;
mod tracker;
mod watch;
mod wills;

pub(crate) use client::{Client, Key};
pub(crate) use connection::{Connection, End};
pub(crate) use connections::Connections;
pub(crate) use flights::{Again, Flight, Flights};
pub(crate) use path::Paths;
pub(crate) use pings::{Earlier, Ping, Pings};
pub(crate) use population::{Ending, Population};
pub(crate) use registry::Registry;
pub(crate) use round::{Idle, Mark, MarkKind, Marks, Round, Said};
pub(crate) use swaps::{Swap, swaps, taken_over};
pub(crate) use tracker::Tracker;
pub(crate) use watch::Watch;
pub(crate) use wills::Wills;
