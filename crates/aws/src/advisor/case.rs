//! The cases of AWS Device Advisor.

use std::time::Duration;

/// One case of AWS Device Advisor.
#[derive(Debug, PartialEq, Eq)]
pub struct Case {
    /// The identifier in AWS's suites.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// How long AWS waits, unless a suite says otherwise; in a case of scenarios, how long
    /// the client has for each.
    pub timeout: Duration,
    /// What makes it pass.
    pub passes: &'static str,
    /// What makes it pass with a warning, if anything does.
    pub warns: &'static str,
}

/// What a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// TLS.
    Tls,
    /// MQTT.
    Mqtt,
    /// Device Shadow.
    Shadow,
    /// Jobs.
    Job,
    /// Policies.
    Security,
    /// Hours with one process of the client.
    Long,
}

impl Case {
    /// The case of this identifier.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.id == id)
    }
}

/// How long AWS waits for most cases.
const USUAL: Duration = Duration::from_secs(300);

const fn case(
    group: Group,
    id: &'static str,
    title: &'static str,
    passes: &'static str,
    warns: &'static str,
) -> Case {
    Case { id, title, group, timeout: USUAL, passes, warns }
}

/// All cases.
pub static CASES: [Case; 25] = [
    case(Group::Tls, "TLS_Connect", "connects by TLS", "the handshake completes", ""),
    case(
        Group::Tls,
        "TLS_Support_AWS_IoT_Cipher_Suites",
        "offers cipher suites of AWS",
        "a recommended suite is offered",
        "unknown suites are offered, too",
    ),
    case(
        Group::Tls,
        "TLS_Large_Size_Server_Cert",
        "takes a large certificate chain",
        "the handshake completes with a chain that is a fifth larger",
        "",
    ),
    case(
        Group::Tls,
        "TLS_Receive_Maximum_Size_Fragments",
        "takes TLS records of 16 KiB",
        "a PUBACK answers a PUBLISH of 64 KiB",
        "",
    ),
    case(
        Group::Tls,
        "TLS_Unsecure_Server_Cert",
        "refuses a certificate of unknown issuer",
        "the client closes the connection",
        "",
    ),
    case(
        Group::Tls,
        "TLS_Incorrect_Subject_Name_Server_Cert",
        "refuses a certificate of another name",
        "the client closes the connection",
        "",
    ),
    case(
        Group::Tls,
        "TLS_Expired_Server_Cert",
        "refuses a certificate that has ended",
        "the client closes the connection",
        "",
    ),
    case(Group::Mqtt, "MQTT_Connect", "connects", "a CONNECT arrives", ""),
    case(
        Group::Mqtt,
        "MQTT_Client_Puback_Qos1",
        "acknowledges QoS 1",
        "a PUBACK answers the PUBLISH",
        "",
    ),
    case(
        Group::Mqtt,
        "MQTT_Connect_Jitter_Backoff_Retries",
        "tries again with jitter if there is no CONNACK",
        "twice five CONNECTs without answer, at growing or random distances",
        "the distances grow exactly exponentially",
    ),
    case(
        Group::Mqtt,
        "MQTT_Connect_Exponential_Backoff_Retries",
        "tries again at growing distances if there is no CONNACK",
        "five CONNECTs or more without answer, at growing distances",
        "",
    ),
    case(
        Group::Mqtt,
        "MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect",
        "tries again with jitter after the server's end",
        "five CONNECTs or more at growing or random distances",
        "the distances grow exactly exponentially",
    ),
    case(
        Group::Mqtt,
        "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection",
        "tries again with jitter if connections end at once",
        "five CONNECTs or more at growing or random distances",
        "the distances grow exactly exponentially",
    ),
    case(Group::Mqtt, "MQTT_Publish", "publishes", "a PUBLISH to the topic arrives", ""),
    case(Group::Mqtt, "MQTT_Subscribe", "subscribes", "a SUBSCRIBE to the topic arrives", ""),
    case(
        Group::Mqtt,
        "MQTT_Publish_Retry_No_Puback",
        "publishes again if there is no PUBACK",
        "the PUBLISH is sent again, with its identifier and on its connection",
        "",
    ),
    case(
        Group::Mqtt,
        "MQTT_Subscribe_Retry_No_Suback",
        "subscribes again if there is no SUBACK",
        "the SUBSCRIBE is sent again, with its identifier and on its connection",
        "",
    ),
    case(
        Group::Mqtt,
        "MQTT_No_Ack_PingResp",
        "ends a connection that is dead",
        "the client closes it within one and a half keep-alives and a second",
        "the client closes it later",
    ),
    case(
        Group::Mqtt,
        "MQTT_Persistent_Session_Happy_Case",
        "resumes its session",
        "no SUBSCRIBE if the session is present, and the kept message is acknowledged",
        "the client subscribes all the same",
    ),
    case(
        Group::Mqtt,
        "MQTT_Expired_Persistent_Session",
        "subscribes anew if its session has ended",
        "a SUBSCRIBE if the session is not present",
        "",
    ),
    case(
        Group::Shadow,
        "Shadow_Publish_Reported_State",
        "reports its state",
        "the shadow has a reported state",
        "",
    ),
    case(
        Group::Shadow,
        "Shadow_Update_Reported_State",
        "follows what is desired",
        "the reported state becomes the desired one",
        "",
    ),
    case(
        Group::Job,
        "Job_Execution",
        "executes a job",
        "the job has succeeded",
        "the job has failed or was rejected",
    ),
    Case {
        id: "Security_Device_Policies",
        title: "has narrow policies",
        group: Group::Security,
        timeout: Duration::from_secs(60),
        passes: "no attached policy has a wildcard",
        warns: "",
    },
    case(
        Group::Long,
        "MQTT_Long_Duration",
        "stays connected for hours, whatever happens",
        "each scenario",
        "distances grow exactly exponentially, or what has no answer is not sent again",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_differ_and_are_found() {
        for (index, case) in CASES.iter().enumerate() {
            let found = CASES.iter().position(|other| other.id == case.id);
            assert_eq!(found, Some(index), "{}", case.id);
            assert!(std::ptr::eq(Case::by_id(case.id).unwrap(), case));
        }
        assert_eq!(Case::by_id("mqtt_connect"), None);
        assert_eq!(Case::by_id("Security_Device_Policies").unwrap().timeout.as_secs(), 60);
    }
}
