//! A scene as the files that people would have.

mod broker_log;
mod capture;
mod client_log;
mod sealed;

use evenkeel_doctor::Vantage;

use super::Scene;
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

/// The file of this kind; `None` for kinds that a scene does not have.
pub fn render(scene: &Scene, vantage: Vantage, rng: &mut Rng) -> Option<Rendering> {
    Some(match vantage {
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
        Vantage::ClientEvents => return None,
    })
}

/// 2026-01-02 03:04:05 UTC: when every world begins.
const BEGIN: u64 = 1_767_323_045;
