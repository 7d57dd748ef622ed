//! Cases that are run together.

use super::{CASES, Case, Group};

/// Cases that are run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// What AWS asks of devices that it lists as qualified, as far as it is known.
    Qualification,
    /// The cases of a group.
    Group(Group),
    /// All cases but those of hours.
    All,
}

/// AWS's list for its Device Qualification Program.
const QUALIFICATION: [&str; 11] = [
    "TLS_Connect",
    "TLS_Incorrect_Subject_Name_Server_Cert",
    "TLS_Unsecure_Server_Cert",
    "TLS_Support_AWS_IoT_Cipher_Suites",
    "TLS_Receive_Maximum_Size_Fragments",
    "TLS_Expired_Server_Cert",
    "TLS_Large_Size_Server_Cert",
    "MQTT_Connect",
    "MQTT_Subscribe",
    "MQTT_Publish",
    "MQTT_Connect_Jitter_Backoff_Retries",
];

impl Suite {
    /// Every suite with its name.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("qualification", Self::Qualification),
        ("mqtt", Self::Group(Group::Mqtt)),
        ("tls", Self::Group(Group::Tls)),
        ("shadow", Self::Group(Group::Shadow)),
        ("job", Self::Group(Group::Job)),
        ("security", Self::Group(Group::Security)),
        ("long", Self::Group(Group::Long)),
        ("all", Self::All),
    ];

    /// The suite of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, suite)| *suite)
    }

    /// Its cases, in the order in which they are run.
    pub fn cases(self) -> impl Iterator<Item = &'static Case> {
        CASES.iter().filter(move |case| match self {
            Self::Qualification => QUALIFICATION.contains(&case.id),
            Self::Group(group) => case.group == group,
            Self::All => case.group != Group::Long,
        })
    }
}
