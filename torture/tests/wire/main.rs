//! The torture suite: each file is a group of scenarios.

mod credentials;
mod delivery;
mod endurance;
mod flapping;
mod identity;
mod keep_alive;
mod moments;
mod poison;
mod redirect;
mod refusal;
mod server_keep_alive;

use std::process::ExitCode;

fn main() -> ExitCode {
    evenkeel_torture::run(&[
        ("credentials", credentials::SCENARIOS),
        ("delivery", delivery::SCENARIOS),
        ("endurance", endurance::SCENARIOS),
        ("flapping", flapping::SCENARIOS),
        ("identity", identity::SCENARIOS),
        ("keep_alive", keep_alive::SCENARIOS),
        ("moments", moments::SCENARIOS),
        ("poison", poison::SCENARIOS),
        ("redirect", redirect::SCENARIOS),
        ("refusal", refusal::SCENARIOS),
        ("server_keep_alive", server_keep_alive::SCENARIOS),
    ])
}
