//! The profile of Adafruit IO.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, ConnectFloor, ConnectionLimits, Limit, List, OnBreak, Profile,
    PublishLimits, Rate, SubscribeLimits,
};

const API: &str = "Adafruit IO MQTT API (io.adafruit.com/api/docs/mqtt.html)";

/// Adafruit IO with a free account.
///
/// Who publishes too fast is told on the topic `USER/throttle`, and kept out
/// for a time if it happens often.
pub fn adafruit_io() -> Profile {
    Profile {
        name: Cow::Borrowed("adafruit-io"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            connect_floor: Some(Limit::documented(
                ConnectFloor {
                    spacing: Duration::from_secs(10),
                    spacing_after_short: Duration::from_secs(10),
                    short: Duration::from_secs(10),
                },
                "Adafruit IO changelog, 2017-06-30: at least 10 s before each reconnect; their \
                 library takes 60 s once throttled",
                OnBreak::Refuses,
            )),
            authentication: Some(Limit::documented(
                List(Cow::Borrowed(&[AuthenticationKind::Password])),
                API,
                OnBreak::Refuses,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_qos: Some(Limit::documented(
                1,
                "Adafruit_IO_Python issue 106: the broker supports QoS 0 and 1",
                OnBreak::Unknown,
            )),
            publish_rate: Some(Limit::documented(
                Rate { amount: 30, period: Duration::from_secs(60) },
                "Adafruit IO API, rate limiting: data points of an account, all clients together; \
                 60 with Adafruit IO Plus",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
