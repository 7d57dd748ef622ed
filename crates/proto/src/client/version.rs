//! Which protocol version is spoken, and what becomes of the answer (R14).

use evenkeel_codec::{Decoder, ReasonCode, Version};

use crate::io::Credentials;
use crate::reconnect::Spoken;

use super::{Client, Link};

impl Client {
    /// The version for the server that was just chosen.
    pub(super) fn version_to_speak(&self) -> Version {
        let (now, session_is_open) = (self.now, self.session_is_open());
        match self.may_fall_back() {
            true => self.dialer.servers.spoken().next(now, session_is_open),
            false => self.config.version,
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
        if let Link::Opening(opening) = &mut self.link {
            opening.version = Version::V5;
            opening.decoder = Some(Decoder::new(Version::V5, limit));
        }
    }

    /// A CONNACK came, whatever it says. One in MQTT 5 is from a server that
    /// speaks it.
    pub(super) fn note_answer(&mut self, reason: ReasonCode) {
        let Link::Opening(opening) = &self.link else { return };
        let spoken = opening.decoder.as_ref().and_then(Decoder::version);
        if spoken == Some(Version::V5) && reason != ReasonCode::UNSUPPORTED_PROTOCOL_VERSION {
            self.dialer.servers.on_v5();
        }
    }

    /// The version was refused in words; true where the other one is to be
    /// tried.
    pub(super) fn other_version_is_left(&mut self) -> bool {
        let version = self.opening_version();
        let now = self.now;
        version.is_some_and(|version| {
            let note = |spoken: &mut Spoken| spoken.on_refused(version, now);
            self.may_fall_back() && self.dialer.servers.note_spoken(note) == Some(true)
        })
    }

    /// The server closed where CONNACK was due, or said nothing; one that has
    /// not been sent CONNECT has nothing to answer. Where the host has other
    /// addresses, it is their turn first, in the same version.
    pub(super) fn note_no_answer(&mut self, silent: bool) {
        let now = self.now;
        let was_asked = matches!(&self.link, Link::Opening(opening) if opening.last_sent.is_some());
        let is_due = was_asked && self.dialer.alternatives == 0;
        if let Some(version) = self.opening_version().filter(|_| is_due) {
            let note = |spoken: &mut Spoken| spoken.on_no_answer(version, silent, now);
            self.dialer.servers.note_spoken(note);
        }
    }

    fn opening_version(&self) -> Option<Version> {
        match &self.link {
            Link::Opening(opening) => Some(opening.version),
            _ => None,
        }
    }
}
