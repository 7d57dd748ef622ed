//! The profile of ThingsBoard Cloud.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, Confidence, ConnectionLimits, KeepAliveGrace, Limit, List, OnBreak,
    Profile, PublishLimits, Rate, SubscribeLimits,
};

/// Data points of a device.
const RATES: [Rate; 3] = [
    Rate::per_second(100),
    Rate { amount: 2000, period: Duration::from_secs(60) },
    Rate { amount: 15_000, period: Duration::from_secs(3600) },
];

/// ThingsBoard Cloud, for a device; the tenant's profile can have other
/// numbers, and a server of one's own has no limits unless configured.
pub fn thingsboard_cloud() -> Profile {
    Profile {
        name: Cow::Borrowed("thingsboard-cloud"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive_grace: Some(
                Limit::documented(
                    KeepAliveGrace { percent: 150, longest: Some(Duration::from_secs(600)) },
                    "ThingsBoard, Transport configuration: default of \
                     transport.sessions.inactivity_timeout; what the cloud has is not said",
                    OnBreak::Disconnects,
                )
                .confidence(Confidence::Observed),
            ),
            authentication: Some(Limit::documented(
                List(Cow::Borrowed(&[AuthenticationKind::AccessToken])),
                "ThingsBoard, MQTT Device API (thingsboard.io/docs): the token is the user name",
                OnBreak::Refuses,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            publish_rates: Some(
                Limit::documented(
                    List(Cow::Borrowed(&RATES)),
                    "kwb-r/wasserportal, tb_plan_defaults, 2026-05, after ThingsBoard's own page: \
                     data points of a device; a message has at least one",
                    OnBreak::Unknown,
                )
                .confidence(Confidence::Observed),
            ),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
