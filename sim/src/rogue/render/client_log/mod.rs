//! The client's log, as the program of the scene writes it.

mod mqttjs;
mod paho;

use super::{BEGIN, Scene};
use crate::rogue::scene::Program;

pub(super) fn render(scene: &Scene) -> (String, &'static str) {
    match scene.program {
        Program::Paho => (paho::log(scene), "paho-python"),
        Program::MqttJs5_3 | Program::MqttJs5_16 => (mqttjs::log(scene), "mqttjs"),
    }
}

/// A time as these programs print it: `2026-01-02`, `03:04:05`, milliseconds.
fn clock(at: f64) -> (String, String, u64) {
    let millis = (at * 1000.0) as u64;
    let seconds = BEGIN % 86_400 + millis / 1000;
    let (day, second) = (2 + seconds / 86_400, seconds % 86_400);
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    (format!("2026-01-{day:02}"), time, millis % 1000)
}
