//! The verdicts on what was seen.

mod attempts;
mod exchange;
mod session;

use std::time::Duration;

use super::{Case, Kind, Moment, Verdict};

/// What a suite says about its cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The topic that the client publishes to or subscribes to; any if it is
    /// not said.
    pub topic: Option<String>,
    /// Attempts that the cases of reconnecting wait for, 5 to 10 at AWS.
    pub attempts: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self { topic: None, attempts: 5 }
    }
}

/// The verdict on what was seen in a case that has ended.
#[must_use]
pub fn judge(case: &Case, setting: &Setting, moments: &[Moment]) -> Verdict {
    match case.id {
        "MQTT_Connect" => exchange::connect(moments),
        "MQTT_Publish" => exchange::publish(setting, moments),
        "MQTT_Subscribe" => exchange::subscribe(setting, moments),
        "MQTT_Client_Puback_Qos1" => exchange::puback(moments),
        "MQTT_Publish_Retry_No_Puback" => exchange::retried(Kind::Publish, moments),
        "MQTT_Subscribe_Retry_No_Suback" => exchange::retried(Kind::Subscribe, moments),
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
    times(Kind::Connect, moments).len() >= wanted
}

/// When the client has sent packets of a kind.
fn times(kind: Kind, moments: &[Moment]) -> Vec<Duration> {
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
