//! The broker without I/O: hand-made packets on virtual time.

mod access;
mod admission;
mod alias;
mod auth;
mod chaos;
mod errors;
mod events;
mod expiry;
mod faults;
mod flow;
mod keep_alive;
mod limits;
mod order;
mod qos;
mod quota;
mod retained;
mod schema;
mod service;
mod session;
mod share;
mod strict;
mod subscribe;
mod will;
mod world;
