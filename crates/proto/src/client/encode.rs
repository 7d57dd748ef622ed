//! PUBLISH on its way into the transmit buffer: alias, size, and the payload
//! copied once or shared.

use evenkeel_codec::{Publish, TopicAliasUse, Transfer, Version};

use crate::connection::Online;
use crate::operation::PublishLimit;
use crate::tuning;

use super::Client;
use super::trace::publish_packet;

/// More than a PUBLISH holds beside topic, payload and properties of the
/// message: fixed header, lengths, identifier, alias and expiry.
const LARGEST_FRAME: usize = 32;

impl Client {
    /// Writes a PUBLISH for the first time, with an alias if it fits with
    /// one: what was accepted is not too large for our own additions (D2).
    #[inline]
    pub(super) fn write_first(
        &mut self,
        publish: &Publish,
        transfer: Transfer,
    ) -> Result<(), PublishLimit> {
        self.write_first_of(publish, None, transfer)
    }

    /// The same, with this payload in place of its own.
    #[inline]
    pub(super) fn write_first_of(
        &mut self,
        publish: &Publish,
        payload: Option<&[u8]>,
        transfer: Transfer,
    ) -> Result<(), PublishLimit> {
        let topic_alias = self.alias_for(publish);
        let with_alias = Transfer { topic_alias, ..transfer };
        let sent = self.write_message(publish, payload, &with_alias);
        if sent.is_ok() || topic_alias == TopicAliasUse::None {
            return sent;
        }
        self.forget_alias(publish, topic_alias);
        self.write_message(publish, payload, &transfer)
    }

    #[inline]
    fn alias_for(&mut self, publish: &Publish) -> TopicAliasUse {
        match self.connection.online_mut() {
            Some(Online { outgoing_aliases: Some(aliases), .. }) => aliases.assign(publish),
            _ => TopicAliasUse::None,
        }
    }

    /// A PUBLISH that was to define an alias was not sent.
    fn forget_alias(&mut self, publish: &Publish, topic_alias: TopicAliasUse) {
        if let TopicAliasUse::Define(alias) = topic_alias
            && let Some(Online { outgoing_aliases: Some(aliases), .. }) =
                self.connection.online_mut()
        {
            aliases.forget(publish, alias);
        }
    }

    /// Encodes a PUBLISH into the transmit buffer; a large payload is shared,
    /// not copied. Leaves the buffer as it was if that is not allowed.
    #[inline]
    pub(super) fn write_publish(
        &mut self,
        publish: &Publish,
        transfer: &Transfer,
    ) -> Result<(), PublishLimit> {
        self.write_message(publish, None, transfer)
    }

    fn write_message(
        &mut self,
        publish: &Publish,
        payload: Option<&[u8]>,
        transfer: &Transfer,
    ) -> Result<(), PublishLimit> {
        let Some(online) = self.connection.online() else { return Ok(()) };
        let version = online.limits.version;
        let limit = online.limits.packet_size.value;
        let transfer = &clamped(publish, transfer, online.limits.message_expiry.value);
        let bytes = payload.unwrap_or(&publish.payload);
        let properties = publish.properties.encoded_len();
        let at_most = bytes.len() + publish.topic.len() + properties + LARGEST_FRAME;
        // The exact size is worth its price only if it can matter.
        if at_most > limit as usize
            && let Some(limit) = too_large(publish, bytes.len(), version, transfer, limit)
        {
            return Err(self.by_name(limit, version));
        }
        let before = self.transmit.len();
        let shared = payload.is_none() && bytes.len() >= tuning::SHARED_FROM;
        self.transmit
            .append(|out| {
                if shared {
                    publish.encode_head(version, transfer, out)
                } else {
                    publish.encode_payload(bytes, version, transfer, out)
                }
            })
            .map_err(PublishLimit::Encode)?;
        if shared {
            self.transmit.append_shared(publish.payload.clone());
        }
        self.stats.publishes_sent += 1;
        if let Some(online) = self.connection.online_mut() {
            online.offsets.on_publish(self.transmit.len() - before);
            if let Some(pacer) = online.pacer.get_mut() {
                pacer.on_publish(self.now, publish, &online.offsets);
            }
        }
        self.trace_sent(|| publish_packet(publish, payload, transfer));
        Ok(())
    }
}

/// The message is to live no longer than the server keeps any.
#[inline]
fn clamped(publish: &Publish, transfer: &Transfer, longest: u32) -> Transfer {
    let mut clamped = *transfer;
    if longest < u32::MAX {
        let wanted =
            transfer.message_expiry.or_else(|| publish.properties.message_expiry_interval());
        clamped.message_expiry = wanted.map(|wanted| wanted.min(longest));
    }
    clamped
}

//= [MQTT-3.2.2-15]
/// The limit that a PUBLISH with a payload of this length breaks, if any.
pub(super) fn too_large(
    publish: &Publish,
    payload: usize,
    version: Version,
    transfer: &Transfer,
    limit: u32,
) -> Option<PublishLimit> {
    match publish.encoded_len_of(payload, version, transfer) {
        Ok(size) if size > limit as usize => Some(PublishLimit::PacketSize { size, limit }),
        Ok(_) => None,
        Err(error) => Some(PublishLimit::Encode(error)),
    }
}
