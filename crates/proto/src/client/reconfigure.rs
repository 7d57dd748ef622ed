//! What CONNECT says can change between connections.

use alloc::boxed::Box;
use alloc::sync::Arc;

use evenkeel_codec::Text;

use crate::config::{ConfigError, ConnectConfig};
use crate::profile::{self, own_client_id};
use crate::record::Record;

use super::Client;

impl Client {
    /// Those of the next attempt.
    pub(super) fn connect_settings(&self) -> ConnectConfig {
        match self.extras.as_ref().and_then(|extras| extras.next_connect.as_deref()) {
            Some(next) => next.clone(),
            None => {
                let client_id = self.client_id().clone();
                ConnectConfig { client_id, ..self.config.connect.clone() }
            }
        }
    }

    /// Checked now, and used by the next attempt.
    pub(super) fn change_connect(&mut self, connect: ConnectConfig) -> Result<(), ConfigError> {
        let mut config = (*self.config).clone();
        config.connect = connect;
        if let Some(profile) = self.config.profile() {
            let wanted = core::mem::take(&mut config.connect.client_id);
            config.connect.client_id = own_client_id(&config, wanted, &mut self.rng);
            profile::connection::connect(&mut config.connect, profile)
                .map_err(ConfigError::Profile)?;
        }
        config.validate()?;
        self.extras.get_or_insert_default().next_connect = Some(Box::new(config.connect));
        Ok(())
    }

    /// An attempt begins: what was set counts from here on.
    pub(super) fn take_connect_config(&mut self) {
        let next = self.extras.as_mut().and_then(|extras| extras.next_connect.take());
        let Some(connect) = next else { return };
        if connect.client_id != *self.client_id() {
            self.leave_session(connect.client_id.clone());
        }
        Arc::make_mut(&mut self.config).connect = *connect;
    }

    /// The session of another identifier is none of ours: nothing that was
    /// received is known there, and its server may hold any identifier.
    pub(super) fn leave_session(&mut self, client_id: Text) {
        self.attempts.client_id = client_id;
        self.attempts.session_is_other = true;
        let session = &mut self.session;
        session.established = false;
        session.inherited = false;
        session.unproven = true;
        session.unknown = true;
        session.doubts.forget();
        if session.inbound.forget() {
            self.note(Record::SessionLost);
        }
        self.note(Record::SessionUnknown);
        self.note_identity();
    }
}
