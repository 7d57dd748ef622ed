//! The configuration that is being made, key by key. `ABI.md` lists the keys.

use alloc::boxed::Box;

use bytes::Bytes;
use evenkeel_codec::{PacketType, Properties, QoS, TopicName, Will};
use evenkeel_proto::{Config, ConnectConfig};

use crate::arguments;
use crate::failure::Failure;
use crate::options::{
    choice, flag, offline_qos0, refused, span, taken_over, topic_aliases, version, when_full,
    when_uncertain, whole,
};
use crate::profiles::Chosen;
use crate::sessions::StagedSession;

/// What CONNECT says has keys below this one.
const FIRST_OTHER: u32 = 40;

/// A configuration that is being made.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    config: Config,
    profile: Chosen,
    /// It is for a client that there is: only what CONNECT says can change.
    of_client: bool,
    session: StagedSession,
}

impl Staged {
    /// That of a client, to be changed.
    pub(crate) fn of_client(connect: ConnectConfig) -> Self {
        let mut staged = Self { of_client: true, ..Self::default() };
        staged.config.connect = connect;
        staged
    }

    /// For a new client, in the profile's limits.
    pub(crate) fn finish(mut self) -> Result<(Config, StagedSession), Failure> {
        if self.of_client {
            return Err(Failure::Argument(
                "this configuration was begun for a client that there is",
            ));
        }
        self.profile.make_strict(&mut self.config)?;
        Ok((self.config, self.session))
    }

    /// It is for a client whose session the caller keeps, and this is what is there: how
    /// many bytes of it count.
    #[cfg(feature = "sessions")]
    pub(crate) fn replay(&mut self, log: &[u8]) -> Result<u32, Failure> {
        self.session.replay(log).map(crate::records::length).map_err(Failure::Unreadable)
    }

    /// For a client that there is.
    pub(crate) fn into_connect(self) -> ConnectConfig {
        self.config.connect
    }

    pub(crate) fn set_number(&mut self, key: u32, value: f64) -> Result<(), Failure> {
        self.admit(key)?;
        self.number(key, value).map_err(|wants| Failure::Key { key, wants })
    }

    pub(crate) fn set_bytes(&mut self, key: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.admit(key)?;
        let connect = &mut self.config.connect;
        let owned = || Bytes::copy_from_slice(bytes);
        match key {
            1 => connect.client_id = arguments::text(bytes)?,
            5 => connect.credentials.username = Some(arguments::text(bytes)?),
            6 => connect.credentials.password = Some(owned()),
            10 => connect.authentication = Some((arguments::text(bytes)?, Bytes::new())),
            11 => match &mut connect.authentication {
                Some((_, data)) => *data = owned(),
                None => return Err(Failure::Key { key, wants: "comes behind the method, key 10" }),
            },
            12 => connect.properties = arguments::properties(bytes, PacketType::Connect)?,
            20 => connect.will = Some(will(bytes)?),
            21 | 24 => {
                let Some(will) = &mut connect.will else {
                    return Err(Failure::Key { key, wants: WILL_FIRST });
                };
                match key {
                    21 => will.payload = owned(),
                    _ => will.properties = arguments::properties(bytes, PacketType::Connect)?,
                }
            }
            50 => {
                let properties = arguments::properties(bytes, PacketType::Disconnect)?;
                self.config.disconnect_properties = properties;
            }
            51 => self.profile = Chosen::by_name(bytes)?,
            52 => self.profile = Chosen::by_value(bytes)?,
            _ => return Err(Failure::Key { key, wants: "no such key for text or bytes" }),
        }
        Ok(())
    }

    fn admit(&self, key: u32) -> Result<(), Failure> {
        if self.of_client && key >= FIRST_OTHER {
            let wants = "a client that there is keeps all but what CONNECT says";
            return Err(Failure::Key { key, wants });
        }
        Ok(())
    }

    fn number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        match key {
            1..FIRST_OTHER => self.connect_number(key, value),
            60..=72 => self.reconnect_number(key, value),
            80..=100 => self.bound_number(key, value),
            110 | 111 => self.session.number(key, value),
            _ => self.other_number(key, value),
        }
    }

    fn connect_number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        let connect = &mut self.config.connect;
        match key {
            2 => connect.clean_start = flag(value)?,
            3 => connect.session_expiry = whole(value)?,
            4 => connect.keep_alive = whole(value)?,
            7 => connect.receive_maximum = whole(value)?,
            8 => connect.maximum_packet_size = whole(value)?,
            9 => connect.topic_alias_maximum = whole(value)?,
            22 => connect.will.as_mut().ok_or(WILL_FIRST)?.qos = qos(value)?,
            23 => connect.will.as_mut().ok_or(WILL_FIRST)?.retain = flag(value)?,
            _ => return Err(NO_NUMBER),
        }
        Ok(())
    }

    fn other_number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        let config = &mut self.config;
        match key {
            40 => config.version = version(value)?,
            41 => config.fallback = flag(value)?,
            42 => config.servers = whole(value)?,
            43 => config.connect_timeout = span(value)?,
            44 => config.keep_alive.min_ping_spacing = span(value)?,
            45 => config.keep_alive.spread_first_ping = flag(value)?,
            46 if value.is_nan() => config.keep_alive.response_timeout = None,
            46 => config.keep_alive.response_timeout = Some(span(value)?),
            47 => config.restore_subscriptions = flag(value)?,
            48 => config.when_uncertain = choice(value, when_uncertain)?,
            49 => config.topic_aliases = choice(value, topic_aliases)?,
            _ => return Err(NO_NUMBER),
        }
        Ok(())
    }

    fn reconnect_number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        let reconnect = &mut self.config.reconnect;
        match key {
            60 => reconnect.enabled = flag(value)?,
            61 => reconnect.base = span(value)?,
            62 => reconnect.cap = span(value)?,
            63 => reconnect.jitter = flag(value)?,
            64 => reconnect.stable_after = span(value)?,
            65 => reconnect.attempts = Some(whole(value)?).filter(|most| *most > 0),
            66 => reconnect.budget = Some(whole(value)?).filter(|most| *most > 0),
            67 => reconnect.budget_window = span(value)?,
            68 => reconnect.floor = span(value)?,
            69 => reconnect.refused = choice(value, refused)?,
            70 => reconnect.taken_over = choice(value, taken_over)?,
            71 => reconnect.slow_lane.0 = span(value)?,
            72 => reconnect.slow_lane.1 = span(value)?,
            _ => return Err(NO_NUMBER),
        }
        Ok(())
    }

    fn bound_number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        let Config { queue, bounds, .. } = &mut self.config;
        match key {
            80 => queue.messages = whole(value)?,
            81 => queue.bytes = whole(value)?,
            82 => queue.offline_qos0 = choice(value, offline_qos0)?,
            83 => queue.when_full = choice(value, when_full)?,
            90 => bounds.in_flight = whole(value)?,
            91 => bounds.in_flight_qos2_before_v5 = whole(value)?,
            92 => bounds.packet_size = Some(whole(value)?).filter(|size| *size > 0),
            93 => bounds.maximum_qos = qos(value)?,
            94 => bounds.filters_per_packet = whole(value)?,
            95 => bounds.operations = whole(value)?,
            96 => bounds.write_buffer = whole(value)?,
            97 => bounds.inbox_messages = whole(value)?,
            98 => bounds.inbox_bytes = whole(value)?,
            99 => bounds.strict_receive_maximum = flag(value)?,
            100 => bounds.deaths_per_packet = whole(value)?,
            _ => return Err(NO_NUMBER),
        }
        Ok(())
    }
}

const NO_NUMBER: &str = "no such key for a number";
const WILL_FIRST: &str = "comes behind the topic of the will, key 20";

fn qos(value: f64) -> Result<QoS, &'static str> {
    choice(value, |level| QoS::from_level(u8::try_from(level).ok()?))
}

fn will(topic: &[u8]) -> Result<Box<Will>, Failure> {
    let topic = TopicName::new(arguments::text(topic)?).map_err(Failure::Topic)?;
    let (payload, properties) = (Bytes::new(), Properties::new());
    Ok(Box::new(Will { qos: QoS::AtMostOnce, retain: false, topic, payload, properties }))
}
