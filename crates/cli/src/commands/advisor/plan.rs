//! What happens in each case.

use std::time::Duration;

use evenkeel_aws::advisor::{Case, Scenario};
use evenkeel_codec::PacketType;

/// How long a connection that is cut on purpose lives.
pub(super) const LIFE: Duration = Duration::from_secs(1);

/// What happens to packets and connections in a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// What becomes of a packet to the client.
    pub(super) fate: fn(connection: u32, PacketType) -> Fate,
    /// The packet to the client after which the connection lives on for
    /// [`LIFE`] only.
    pub(super) last: fn(connection: u32) -> Option<PacketType>,
    /// When a message is published to the topic.
    pub(super) message: Message,
    /// Bytes of that message.
    pub(super) payload: usize,
    /// Whether sessions end with their connection.
    pub(super) forgets: bool,
    /// What the server shows of itself by TLS.
    pub(super) server: Server,
    /// What a service of AWS does.
    pub(super) service: Option<Service>,
}

/// What a server shows of itself by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// A certificate that is as it should be.
    Trusted,
    /// One that is a fifth larger than usual.
    Large,
    /// One of another authority.
    Untrusted,
    /// One for another name.
    OtherName,
    /// One that has ended.
    Expired,
}

/// What a service of AWS does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// The shadow takes what the client reports.
    Shadow,
    /// The shadow desires something of a client that listens.
    Desire,
    /// There is a job for a client that listens.
    Job,
}

/// What becomes of a packet to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is sent.
    Sent,
    /// It is kept back.
    Kept,
    /// It is held for a time, if it is the first of its kind on the connection.
    Held,
    /// It is sent, and the connection closed.
    SentLast,
}

/// When a message is published to the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Never.
    Never,
    /// When the client has subscribed.
    WhenSubscribed,
    /// When the client is away.
    WhenAway,
}

/// CONNECTs of a round whose last one is answered.
const ROUND: u32 = 6;

impl Plan {
    /// Nothing happens.
    pub(super) const PLAIN: Self = Self {
        fate: |_, _| Fate::Sent,
        last: |_| None,
        message: Message::Never,
        payload: 16,
        forgets: false,
        server: Server::Trusted,
        service: None,
    };

    /// What happens to packets in a scenario.
    pub(super) fn of_scenario(scenario: Scenario) -> Self {
        let fate: fn(u32, PacketType) -> Fate = match scenario {
            Scenario::Basic => |_, packet| match packet {
                PacketType::PubAck | PacketType::SubAck => Fate::Held,
                _ => Fate::Sent,
            },
            Scenario::KeepAlive => |_, packet| kept_if(is_answer(packet)),
            Scenario::ReconnectBackOff => cut_behind_connack,
            _ => return Self::PLAIN,
        };
        Self { fate, ..Self::PLAIN }
    }

    /// The plan of a case; nothing for those that need no client, and those of scenarios.
    pub(super) fn of(case: &Case) -> Option<Self> {
        let plain = Self::PLAIN;
        let shown = |server| Self { server, ..plain };
        let served = |service| Self { service: Some(service), ..plain };
        let after_suback = |connection| (connection == 1).then_some(PacketType::SubAck);
        Some(match case.id {
            "MQTT_Connect" | "MQTT_Publish" | "MQTT_Subscribe" => plain,
            "TLS_Connect" | "TLS_Support_AWS_IoT_Cipher_Suites" => plain,
            "TLS_Large_Size_Server_Cert" => shown(Server::Large),
            "TLS_Unsecure_Server_Cert" => shown(Server::Untrusted),
            "TLS_Incorrect_Subject_Name_Server_Cert" => shown(Server::OtherName),
            "TLS_Expired_Server_Cert" => shown(Server::Expired),
            // Records of TLS hold 16 KiB: four of them, filled.
            "TLS_Receive_Maximum_Size_Fragments" => {
                Self { message: Message::WhenSubscribed, payload: 64 * 1024, ..plain }
            }
            "Shadow_Publish_Reported_State" => served(Service::Shadow),
            "Shadow_Update_Reported_State" => served(Service::Desire),
            "Job_Execution" => served(Service::Job),
            "MQTT_Client_Puback_Qos1" => Self { message: Message::WhenSubscribed, ..plain },
            "MQTT_Connect_Jitter_Backoff_Retries" => Self {
                fate: |connection, packet| {
                    kept_if(packet == PacketType::ConnAck && !connection.is_multiple_of(ROUND))
                },
                last: |connection| connection.is_multiple_of(ROUND).then_some(PacketType::ConnAck),
                ..plain
            },
            "MQTT_Connect_Exponential_Backoff_Retries" => {
                Self { fate: |_, packet| kept_if(packet == PacketType::ConnAck), ..plain }
            }
            "MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect" => Self {
                fate: |connection, packet| kept_if(packet == PacketType::ConnAck && connection > 1),
                last: |connection| (connection == 1).then_some(PacketType::ConnAck),
                ..plain
            },
            "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection" => {
                Self { fate: cut_behind_connack, ..plain }
            }
            "MQTT_Publish_Retry_No_Puback" => {
                Self { fate: |_, packet| kept_if(packet == PacketType::PubAck), ..plain }
            }
            "MQTT_Subscribe_Retry_No_Suback" => {
                Self { fate: |_, packet| kept_if(packet == PacketType::SubAck), ..plain }
            }
            "MQTT_No_Ack_PingResp" => {
                Self { fate: |_, packet| kept_if(is_answer(packet)), ..plain }
            }
            "MQTT_Persistent_Session_Happy_Case" => {
                Self { last: after_suback, message: Message::WhenAway, ..plain }
            }
            "MQTT_Expired_Persistent_Session" => {
                Self { last: after_suback, forgets: true, ..plain }
            }
            _ => return None,
        })
    }
}

fn cut_behind_connack(_: u32, packet: PacketType) -> Fate {
    if packet == PacketType::ConnAck { Fate::SentLast } else { Fate::Sent }
}

fn kept_if(is_kept: bool) -> Fate {
    if is_kept { Fate::Kept } else { Fate::Sent }
}

fn is_answer(packet: PacketType) -> bool {
    matches!(packet, PacketType::PingResp | PacketType::PubAck | PacketType::SubAck)
}

#[cfg(test)]
mod tests {
    use evenkeel_aws::advisor::{CASES, Group};

    use super::*;

    #[test]
    fn each_case_with_a_client_has_a_plan() {
        for case in &CASES {
            let has_plan = !matches!(case.group, Group::Security | Group::Long);
            assert_eq!(Plan::of(case).is_some(), has_plan, "{}", case.id);
        }
    }

    #[test]
    fn twelve_connects_of_which_two_are_answered() {
        let plan = Plan::of(Case::by_id("MQTT_Connect_Jitter_Backoff_Retries").unwrap()).unwrap();
        let answered: Vec<u32> = (1..=12)
            .filter(|connection| (plan.fate)(*connection, PacketType::ConnAck) == Fate::Sent)
            .collect();
        assert_eq!(answered, [6, 12]);
        assert_eq!((plan.last)(5), None);
        assert_eq!((plan.last)(6), Some(PacketType::ConnAck));
    }
}
