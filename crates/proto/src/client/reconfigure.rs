//! What CONNECT says can change between connections.

use alloc::boxed::Box;
use alloc::sync::Arc;

use evenkeel_codec::Text;

use crate::config::{ConfigError, ConnectConfig};
use crate::record::Record;

use super::Client;

impl Client {
    /// What the next CONNECT says, with the client identifier in use, which the
    /// server may have assigned: to be changed and given to
    /// [`set_connect`](Self::set_connect).
    pub fn connect_config(&self) -> ConnectConfig {
        match self.extras.as_ref().and_then(|extras| extras.next_connect.as_deref()) {
            Some(next) => next.clone(),
            None => {
                let client_id = self.client_id().clone();
                ConnectConfig { client_id, ..self.config.connect.clone() }
            }
        }
    }

    /// What CONNECT says from the next attempt on: client identifier, will,
    /// keep-alive, properties and the rest, checked as the configuration is. The
    /// connection that there is, or is being opened, goes on with what it began
    /// with; [`reconnect`](Self::reconnect) ends it. By default all CONNECTs say
    /// what the configuration does.
    ///
    /// Another client identifier means another session: the one before is left to
    /// the server. Messages in flight are sent in the new one, where a QoS 2
    /// message may end as [`Uncertain`](crate::DeliveryError::Uncertain) if the
    /// server knows that session already (D13), and subscriptions are asked for
    /// again unless they are not to be restored.
    pub fn set_connect(&mut self, connect: ConnectConfig) -> Result<(), ConfigError> {
        let mut config = (*self.config).clone();
        config.connect = connect;
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
    fn leave_session(&mut self, client_id: Text) {
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
