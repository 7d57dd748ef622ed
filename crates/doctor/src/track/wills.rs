//! Which client a will's topic is of, and since when that client is back.

use alloc::collections::BTreeMap;

use crate::event::{ConnAckSeen, ConnectSeen, Moment};
use crate::source::SourceId;
use crate::texts::TextId;

/// Wills kept; more are left out.
const KEPT: usize = 4096;

/// The will of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Will {
    pub(crate) client: TextId,
    /// The payload's, as of PUBLISH; 0 if the source does not say.
    pub(crate) digest: u32,
    /// The CONNACK of its newest connection.
    pub(crate) since: Option<Moment>,
    /// How many of its connections had this will.
    pub(crate) connections: u32,
}

/// The wills of all sources, by topic.
#[derive(Debug, Default)]
pub(crate) struct Wills(BTreeMap<(SourceId, TextId), Will>);

impl Wills {
    pub(crate) fn connect(&mut self, source: SourceId, connect: &ConnectSeen) {
        let (topic, client) = (connect.will_topic, connect.client_id);
        let known = self.0.contains_key(&(source, topic));
        if !topic.same(topic) || !client.same(client) || (!known && self.0.len() >= KEPT) {
            return;
        }
        let digest = connect.will_digest;
        let new = Will { client, digest, since: None, connections: 0 };
        let will = self.0.entry((source, topic)).or_insert(new);
        if will.client != client {
            *will = new;
        }
        (will.digest, will.since) = (digest, None);
        will.connections = will.connections.saturating_add(1);
    }

    pub(crate) fn connack(
        &mut self,
        source: SourceId,
        connect: &ConnectSeen,
        connack: &ConnAckSeen,
        moment: Moment,
    ) {
        let will = self.0.get_mut(&(source, connect.will_topic));
        if let Some(will) = will.filter(|will| will.client == connect.client_id)
            && connack.code == 0
        {
            will.since = Some(moment);
        }
    }

    pub(crate) fn of(&self, source: SourceId, topic: TextId) -> Option<&Will> {
        self.0.get(&(source, topic))
    }
}
