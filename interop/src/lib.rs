//! Evenkeel against real brokers.
//!
//! A [conversation](conversation::ALL) is something that clients and a server
//! must be able to do together. The tests of this crate hold every one of them
//! with a server on this machine over every transport; the `matrix` program
//! tries them on many brokers and writes down what it saw; the `many_clients` program
//! lets a hundred clients talk at once and counts.

pub mod case;
pub mod certificates;
pub mod conversation;
pub mod failed;
pub mod folder;
pub mod interrupt;
pub mod many_clients;
pub mod matrix;
pub mod memory;
pub mod ports;
pub mod python;
pub mod server;
pub mod site;
pub mod wire;
