//! Bad clients, bad servers and bad paths with known truth, for the doctor.
//!
//! A [`Scene`] is what happened on the wire, with the rules that may name it.
//! It is rendered as each of the files that people would have: a capture in the
//! clear, one under TLS, a broker's log, a client's log, and an Evenkeel client's
//! events. The doctor is given
//! one of them, and what it says is held against the truth.

mod bad;
mod benign;
mod benign_wire;
mod judge;
mod render;
mod scene;
mod script;

pub use judge::{Cell, Matrix, Verdict, diagnose, matrix, verdict};
pub use render::{Rendering, render};
pub use scene::{Camera, Conn, Line, Program, Scene, What};

use crate::rng::Rng;

/// Makes a scene from a seed.
pub type Maker = fn(&mut Rng) -> Scene;

/// Every fault that can be played, by name.
pub fn bad() -> impl Iterator<Item = (&'static str, Maker)> {
    bad::all()
}

/// Every world in which nothing is wrong, though some look so.
pub fn benign() -> impl Iterator<Item = (&'static str, Maker)> {
    benign::all().chain(benign_wire::all())
}
