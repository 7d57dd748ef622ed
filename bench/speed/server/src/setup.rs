//! What one run is about.

use std::path::PathBuf;

/// The arguments, all of the form `KEY=VALUE` and all with a default.
pub(crate) struct Setup {
    /// `transport`: `mqtt`, `mqtts` or `ws`.
    pub(crate) websocket: bool,
    pub(crate) security: Security,
    /// `receive_maximum`: what CONNACK says to MQTT 5 clients; 0 says nothing.
    pub(crate) receive_maximum: u16,
    /// `count`: messages to send once the client has subscribed.
    pub(crate) count: u64,
    /// `size`: bytes of payload in each.
    pub(crate) size: usize,
    /// `qos` of each.
    pub(crate) qos: u8,
    /// `window`: messages under way at once, for QoS 1 and 2.
    pub(crate) window: u64,
    /// `rate`: messages per second, to be answered; 0 sends as fast as it goes.
    pub(crate) rate: u64,
    /// `crowd=1`: serves any number of clients that mostly ping, until all have gone.
    pub(crate) crowd: bool,
}

/// TLS, and where its certificate authority is written for the client.
pub(crate) enum Security {
    None,
    Tls { ca: PathBuf },
}

impl Setup {
    pub(crate) fn from_args() -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let value = |key: &str| {
            let pairs = args.iter().filter_map(|arg| arg.split_once('='));
            pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
        };
        let number =
            |key: &str| value(key).map_or(0, |value| value.parse::<u64>().expect("a number"));
        Self {
            websocket: value("transport") == Some("ws"),
            security: match value("transport") {
                Some("mqtts") => Security::Tls { ca: value("ca").expect("ca=FILE").into() },
                _ => Security::None,
            },
            receive_maximum: number("receive_maximum") as u16,
            count: number("count"),
            size: number("size") as usize,
            qos: number("qos") as u8,
            window: number("window").max(1),
            rate: number("rate"),
            crowd: number("crowd") == 1,
        }
    }
}
