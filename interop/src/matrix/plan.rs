//! The rows of the matrix.

use evenkeel::Version;

use crate::conversation::{self, Conversation};
use crate::site::{Transport, version_name};

/// What is worth trying over WebSocket once it works over TCP.
const OVER_WEBSOCKET: [&str; 3] = ["connect", "receive_qos_1", "large_payload"];

/// A conversation in one version over one transport.
#[derive(Clone, Copy)]
pub struct Row {
    /// What is tried.
    pub conversation: Conversation,
    /// The version; `None` lets the client choose.
    pub version: Option<Version>,
    /// What bytes travel on.
    pub transport: Transport,
}

impl Row {
    /// Its heading.
    pub fn name(&self) -> String {
        let words = self.conversation.name.replace('_', " ");
        match self.transport {
            Transport::WebSocket => format!("{words}, WebSocket"),
            _ => words,
        }
    }

    /// The heading of the table it is in.
    pub fn table(&self) -> String {
        match self.version {
            Some(version) => format!("MQTT {}", version_name(version).trim_start_matches('v')),
            None => "Any version".to_owned(),
        }
    }

    /// True if the client is started together with the broker.
    pub fn is_start_up(&self) -> bool {
        self.conversation.name == conversation::START_UP.name
    }

    /// True if nothing else of the same version and transport can work if this does not.
    pub fn is_first_step(&self) -> bool {
        self.conversation.name == "connect"
    }
}

/// Every row, in order. Not in it: what needs a server of a special making.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = [conversation::START_UP, conversation::FALLBACK]
        .map(|conversation| Row { conversation, version: None, transport: Transport::Tcp })
        .to_vec();
    let usual =
        |conversation: &&Conversation| !conversation.restarts && !conversation.setting.password;
    for version in [Version::V311, Version::V5, Version::V31] {
        for transport in [Transport::Tcp, Transport::WebSocket] {
            let tried = |conversation: &&Conversation| {
                transport == Transport::Tcp
                    || (version != Version::V31 && OVER_WEBSOCKET.contains(&conversation.name))
            };
            let of_version = conversation::ALL
                .iter()
                .filter(usual)
                .filter(tried)
                .filter(|conversation| conversation.versions.contains(&version));
            rows.extend(of_version.map(|conversation| Row {
                conversation: *conversation,
                version: Some(version),
                transport,
            }));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_begins_with_its_first_step() {
        let rows = rows();
        for version in [Version::V31, Version::V311, Version::V5] {
            let first = rows.iter().find(|row| row.version == Some(version)).unwrap();
            assert!(first.is_first_step(), "{version:?} begins with {}", first.name());
        }
        assert!(rows.iter().any(|row| row.name() == "large payload, WebSocket"));
        assert!(rows.iter().all(|row| !row.conversation.restarts));
    }
}
