//! A scene as the files that people would have.

mod broker_log;
mod capture;
mod client_log;
mod events;
mod sealed;

use bytes::BytesMut;
use evenkeel_codec::{Decoder, Packet};
use evenkeel_doctor::Vantage;

use super::{Conn, Scene};
use crate::rng::Rng;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its format, if its content need not tell.
    pub format: Option<&'static str>,
}

/// The file of this kind.
pub fn render(scene: &Scene, vantage: Vantage, rng: &mut Rng) -> Rendering {
    match vantage {
        Vantage::Plain => {
            let bytes = capture::plain(scene);
            Rendering { name: "plain.pcap", bytes, format: None }
        }
        Vantage::Encrypted => {
            let bytes = capture::encrypted(scene, rng);
            Rendering { name: "sealed.pcap", bytes, format: None }
        }
        Vantage::BrokerLog => {
            let bytes = broker_log::render(scene).into_bytes();
            Rendering { name: "broker.log", bytes, format: Some("mosquitto") }
        }
        Vantage::ClientLog => {
            let (bytes, format) = client_log::render(scene);
            Rendering { name: "client.log", bytes: bytes.into_bytes(), format: Some(format) }
        }
        Vantage::ClientEvents => {
            let bytes = events::render(scene).into_bytes();
            Rendering { name: "events.jsonl", bytes, format: Some("evenkeel") }
        }
    }
}

/// The packets that a program reads from these bytes, up to one that is broken.
fn packets(conn: &Conn, bytes: &[u8]) -> Vec<Packet> {
    let mut decoder = Decoder::new(conn.version, u32::MAX);
    let mut bytes = BytesMut::from(bytes);
    core::iter::from_fn(|| decoder.decode(&mut bytes).ok().flatten()).collect()
}

/// 2026-01-02 03:04:05 UTC: when every world begins.
const BEGIN: u64 = 1_767_323_045;
