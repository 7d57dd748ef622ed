//! The verdicts on what was seen.

mod attempts;
mod exchange;
mod long;
mod security;
mod service;
mod session;
mod tls;

use std::time::Duration;

use evenkeel_codec::PacketType;
use serde_json::{Value, json};

use super::{Case, Moment, Operation, Verdict};
use crate::gate::policy::Policy;

pub use long::is_scenario_settled;

/// What a suite says about its cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The topic that the client publishes to or subscribes to; any if it is
    /// not said.
    pub topic: Option<String>,
    /// Attempts that the cases of reconnecting wait for, 5 to 10 at AWS.
    pub attempts: usize,
    /// What the shadow must report; anything if it is not said.
    pub reported: Option<Value>,
    /// What is desired of the client.
    pub desired: Value,
    /// What the client does in `MQTT_Long_Duration`.
    pub operations: Vec<Operation>,
    /// The policies of the device, each with its name.
    pub policies: Vec<(String, Policy)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            topic: None,
            attempts: 5,
            reported: None,
            desired: json!({"advised": true}),
            operations: Operation::NAMES.map(|(_, operation)| operation).to_vec(),
            policies: Vec::new(),
        }
    }
}

/// The verdict on what was seen in a case that has ended.
#[must_use]
pub fn judge(case: &Case, setting: &Setting, moments: &[Moment]) -> Verdict {
    match case.id {
        "TLS_Connect" | "TLS_Large_Size_Server_Cert" => tls::secured(moments),
        "TLS_Support_AWS_IoT_Cipher_Suites" => tls::suites(moments),
        "TLS_Receive_Maximum_Size_Fragments" => exchange::puback(moments),
        "TLS_Unsecure_Server_Cert"
        | "TLS_Incorrect_Subject_Name_Server_Cert"
        | "TLS_Expired_Server_Cert" => tls::refused(moments),
        "Shadow_Publish_Reported_State" => service::reports(setting, moments),
        "Shadow_Update_Reported_State" => service::follows(setting, moments),
        "Job_Execution" => service::job(moments),
        "Security_Device_Policies" => security::policies(setting),
        "MQTT_Long_Duration" => long::duration(setting, moments),
        "MQTT_Connect" => exchange::connect(moments),
        "MQTT_Publish" => exchange::publish(setting, moments),
        "MQTT_Subscribe" => exchange::subscribe(setting, moments),
        "MQTT_Client_Puback_Qos1" => exchange::puback(moments),
        "MQTT_Publish_Retry_No_Puback" => exchange::retried(PacketType::Publish, moments),
        "MQTT_Subscribe_Retry_No_Suback" => exchange::retried(PacketType::Subscribe, moments),
        "MQTT_No_Ack_PingResp" => exchange::dead(moments),
        "MQTT_Connect_Jitter_Backoff_Retries" => attempts::two_rounds(moments),
        "MQTT_Connect_Exponential_Backoff_Retries" => attempts::growing(moments),
        "MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect" => {
            attempts::reconnects(setting, true, moments)
        }
        "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection" => {
            attempts::reconnects(setting, false, moments)
        }
        "MQTT_Persistent_Session_Happy_Case" => session::resumed(setting, moments),
        "MQTT_Expired_Persistent_Session" => session::expired(setting, moments),
        _ => Verdict::NotRun("not judged by its packets".to_owned()),
    }
}

/// True if a case needs no more time: what is judged by the number of attempts has
/// enough of them, and anything else has passed.
#[must_use]
pub fn is_settled(case: &Case, setting: &Setting, moments: &[Moment]) -> bool {
    let wanted = match case.id {
        "MQTT_Connect_Jitter_Backoff_Retries" => 2 * attempts::ROUND,
        "MQTT_Connect_Exponential_Backoff_Retries" => attempts::ROUND,
        "MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect"
        | "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection" => attempts::wanted(setting),
        _ => return matches!(judge(case, setting, moments), Verdict::Pass(_) | Verdict::Warn(_)),
    };
    is_enough(wanted, moments)
}

fn is_enough(connects: usize, moments: &[Moment]) -> bool {
    times(PacketType::Connect, moments).len() >= connects
}

/// When the client has sent packets of a kind.
fn times(kind: PacketType, moments: &[Moment]) -> Vec<Duration> {
    let sent = moments.iter().filter(|moment| moment.what.received(kind).is_some());
    sent.map(|moment| moment.at).collect()
}

impl Setting {
    /// True if topics or filters are those that the client is expected to use.
    fn expects(&self, topics: &[String]) -> bool {
        self.topic.as_ref().is_none_or(|topic| topics.contains(topic))
    }
}

/// A reason for a failure: this never came.
fn never(what: &str) -> Verdict {
    Verdict::Fail(format!("{what} never came"))
}
