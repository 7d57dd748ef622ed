//! The faults of a script on relayed connections, at their exact moments.

mod actions;
mod bounds;
mod conditions;
mod frames;
mod world;
