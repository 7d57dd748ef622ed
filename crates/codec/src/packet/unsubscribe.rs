//! UNSUBSCRIBE.

use alloc::vec::Vec;

use super::filters::Filters;
use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_text, put_u16};
use crate::{DecodeError, EncodeError, PacketId, PacketType, Properties, TopicFilter, Version};

/// UNSUBSCRIBE: ends one or more subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Ties the UNSUBACK to this.
    pub packet_id: PacketId,
    /// At least one; each exactly as it was subscribed to.
    pub filters: Vec<TopicFilter>,
    /// User properties, from MQTT 5 on; no other kind is allowed.
    pub properties: Properties,
}

impl Unsubscribe {
    //= [MQTT-3.10.3-1]
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let Filters { packet_id, properties, filters } =
            Filters::decode(&mut reader, version, |reader| reader.filter())?;
        Ok(Self { packet_id, filters, properties })
    }
}

impl Body for Unsubscribe {
    const PACKET_TYPE: PacketType = PacketType::Unsubscribe;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        let packet_type = PacketType::Unsubscribe;
        if self.filters.is_empty() {
            return Err(EncodeError::NoFilters { packet_type });
        }
        let filters: usize = self.filters.iter().map(|filter| 2 + filter.text().len()).sum();
        if version.has_properties() {
            let properties = self.properties.measure(PropertyOwner::Packet(packet_type))?;
            return Ok(2 + list_len(properties) + filters);
        }
        Ok(2 + filters)
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_u16(self.packet_id.get(), out);
        if version.has_properties() {
            self.properties.write(out);
        }
        for filter in &self.filters {
            put_text(filter.text(), out);
        }
    }
}
