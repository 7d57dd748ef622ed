//! Which protocol version is spoken, and what becomes of the answer (R14).

use evenkeel_codec::{Decoder, ReasonCode, Version};

use crate::io::Credentials;
use crate::reconnect::Spoken;

use super::Client;

impl Client {
    /// The version for the server that was just chosen.
    pub(super) fn version_to_speak(&self) -> Version {
        if self.may_fall_back() {
            self.attempts.servers.spoken().next(self.now, self.session_is_open())
        } else {
            self.config.version
        }
    }

    fn may_fall_back(&self) -> bool {
        let config = &self.config;
        config.fallback
            && config.version == Version::V5
            && config.connect.authentication.is_none()
            && config.only_in_v5().is_none()
    }

    /// A session that the server keeps has exchanges in flight.
    fn session_is_open(&self) -> bool {
        let is_kept = !self.config.clean_session() && !self.client_id().is_empty();
        is_kept && (self.session.flights.len() > 0 || self.session.inbound.has_receipts())
    }

    /// What only MQTT 5 can carry is not asked for in less: a password without
    /// a user name.
    pub(super) fn choose_version_for(&mut self, credentials: &Credentials) {
        let only_v5 = credentials.password.is_some() && credentials.username.is_none();
        if !only_v5 || !self.may_fall_back() {
            return;
        }
        let limit = self.config.connect.maximum_packet_size;
        if let Some(opening) = self.connection.opening_mut() {
            opening.version = Version::V5;
            opening.decoder = Some(Decoder::new(Version::V5, limit));
        }
    }

    /// A CONNACK came, whatever it says. One in MQTT 5 is from a server that
    /// speaks it.
    pub(super) fn note_answer(&mut self, reason: ReasonCode) {
        let Some(opening) = self.connection.opening() else { return };
        let spoken = opening.decoder.as_ref().and_then(Decoder::version);
        if let Some(sent) = opening.last_sent {
            self.attempts.reconnector.on_answer(self.now.since(sent));
        }
        if spoken == Some(Version::V5) && reason != ReasonCode::UNSUPPORTED_PROTOCOL_VERSION {
            self.attempts.servers.on_v5();
        }
    }

    /// The version was refused in words; true if the other one is to be
    /// tried.
    pub(super) fn other_version_is_left(&mut self) -> bool {
        let version = self.opening_version();
        let now = self.now;
        version.is_some_and(|version| {
            let note = |spoken: &mut Spoken| spoken.on_refused(version, now);
            self.may_fall_back() && self.attempts.servers.note_spoken(note) == Some(true)
        })
    }

    /// The server closed when CONNACK was due, or said nothing; one that has
    /// not been sent CONNECT has nothing to answer. If the host has other
    /// addresses, it is their turn first, in the same version.
    pub(super) fn note_no_answer(&mut self, silent: bool) {
        let now = self.now;
        let Some(opening) = self.connection.opening() else { return };
        let (version, was_asked) = (opening.version, opening.last_sent.is_some());
        if was_asked && self.attempts.alternatives == 0 {
            let note = |spoken: &mut Spoken| spoken.on_no_answer(version, silent, now);
            self.attempts.servers.note_spoken(note);
        }
    }

    fn opening_version(&self) -> Option<Version> {
        self.connection.opening().map(|opening| opening.version)
    }
}
