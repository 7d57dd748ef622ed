//! What clients and a server must be able to do together.

mod exchange;
mod flow;
mod identity;
mod properties;
mod retained;
mod routing;
mod session;
mod steps;
mod will;

use std::future::Future;
use std::pin::Pin;

use evenkeel::{QoS, Version};

use crate::case::Case;
use crate::failed::Failed;
use crate::server::Setting;

/// A conversation under way.
pub type Talking<'a> = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + 'a>>;

/// Something that clients and a server must be able to do together.
#[derive(Clone, Copy)]
pub struct Conversation {
    /// What it is about, in snake case.
    pub name: &'static str,
    /// The versions that know it.
    pub versions: &'static [Version],
    /// Whether the server is stopped and started in it.
    pub restarts: bool,
    /// What the server must be made with.
    pub setting: Setting,
    /// Holds it; ends in an error if anything is not as it must be.
    pub hold: for<'a> fn(&'a Case) -> Talking<'a>,
}

impl Conversation {
    const fn new(name: &'static str, hold: for<'a> fn(&'a Case) -> Talking<'a>) -> Self {
        let setting = Setting { password: false, in_flight: None };
        Self { name, versions: MODERN, restarts: false, setting, hold }
    }

    /// One that MQTT 3.1 knows as well.
    const fn basic(mut self) -> Self {
        self.versions = ALL_VERSIONS;
        self
    }

    /// One that only MQTT 5 knows.
    const fn v5(mut self) -> Self {
        self.versions = &[Version::V5];
        self
    }

    const fn restarting(mut self) -> Self {
        self.restarts = true;
        self
    }

    /// One that has more exchanges open at a restart than mosquitto 2.0.11 can
    /// remember by default: see `tests/mosquitto_memory.rs`.
    const fn with_room(mut self) -> Self {
        self.setting.in_flight = Some(1000);
        self
    }

    const fn with_password(mut self) -> Self {
        self.setting.password = true;
        self
    }
}

const ALL_VERSIONS: &[Version] = &[Version::V31, Version::V311, Version::V5];
const MODERN: &[Version] = &[Version::V311, Version::V5];

/// Names a conversation after the function that holds it.
macro_rules! talk {
    ($topic:ident::$function:ident) => {
        Conversation::new(stringify!($function), |case| Box::pin($topic::$function(case)))
    };
    ($name:literal, $topic:ident::$function:ident($argument:expr)) => {
        Conversation::new($name, |case| Box::pin($topic::$function(case, $argument)))
    };
}

/// Clients that are started before their server get in once the server is up.
pub const START_UP: Conversation = talk!(identity::start_up);

/// A client that is not told the version finds one.
pub const FALLBACK: Conversation = talk!(identity::fallback);

/// Connects and sends DISCONNECT.
pub const CONNECT: Conversation = talk!(identity::connect).basic();

/// Every conversation in a given version.
pub const ALL: &[Conversation] = &[
    CONNECT,
    talk!(identity::empty_client_id),
    talk!(identity::wrong_password).with_password(),
    talk!(identity::right_password).with_password().basic(),
    talk!(identity::take_over),
    talk!("publish_qos_0", exchange::publish(QoS::AtMostOnce)).basic(),
    talk!("publish_qos_1", exchange::publish(QoS::AtLeastOnce)).basic(),
    talk!("publish_qos_2", exchange::publish(QoS::ExactlyOnce)).basic(),
    talk!("receive_qos_0", exchange::receive(QoS::AtMostOnce)).basic(),
    talk!("receive_qos_1", exchange::receive(QoS::AtLeastOnce)).basic(),
    talk!("receive_qos_2", exchange::receive(QoS::ExactlyOnce)).basic(),
    talk!(exchange::large_payload),
    talk!(exchange::burst),
    talk!(retained::retained).basic(),
    talk!(retained::retained_removed).basic(),
    talk!(retained::retain_options).v5(),
    talk!(will::will_after_cut).basic(),
    talk!(will::no_will_after_goodbye).basic(),
    talk!(will::retained_will),
    talk!(will::delayed_will).v5(),
    talk!("session_resumed_qos_1", session::resumed(QoS::AtLeastOnce)),
    talk!("session_resumed_qos_2", session::resumed(QoS::ExactlyOnce)),
    talk!(session::subscriptions_restored).basic(),
    talk!("restart_resumed_qos_1", session::restart_resumed(QoS::AtLeastOnce)).restarting(),
    talk!("restart_resumed_qos_2", session::restart_resumed(QoS::ExactlyOnce)).restarting(),
    talk!(session::restart_under_load).restarting().with_room(),
    talk!(session::restart_without_memory).restarting(),
    talk!(routing::wildcards).basic(),
    talk!(routing::unsubscribe).basic(),
    talk!(routing::granted_each).basic(),
    talk!(routing::many_subscriptions),
    talk!(routing::shared_subscription).v5(),
    talk!(routing::no_local).v5(),
    talk!(properties::message_properties).v5(),
    talk!(properties::subscription_identifier).v5(),
    talk!(properties::request_response),
    talk!(properties::message_expiry).v5(),
    talk!(flow::topic_alias).v5(),
    talk!(flow::our_receive_maximum).v5(),
    talk!(flow::their_receive_maximum),
    talk!(flow::maximum_packet_size).v5(),
    talk!(flow::idle_keep_alive).basic(),
    talk!(flow::no_keep_alive),
];
