//! UNSUBSCRIBE.

use alloc::vec::Vec;

use crate::property::{Place, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_text, put_u16};
use crate::{DecodeError, EncodeError, PacketId, PacketType, Properties, TopicFilter, Version};

/// UNSUBSCRIBE: ends one or more subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Ties the UNSUBACK to this.
    pub packet_id: PacketId,
    /// At least one.
    pub filters: Vec<TopicFilter>,
    /// User properties.
    pub properties: Properties,
}

impl Unsubscribe {
    //= [MQTT-3.10.3-1]
    //= [MQTT-3.10.3-2]
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let packet_type = PacketType::Unsubscribe;
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(&mut reader, Place::Packet(packet_type))?;
        }
        if reader.is_empty() {
            return Err(DecodeError::NoFilters { packet_type });
        }
        let mut filters = Vec::new();
        while !reader.is_empty() {
            reader.room_for(&filters)?;
            filters.push(reader.filter()?);
        }
        Ok(Self { packet_id, filters, properties })
    }
}

impl Reader<'_> {
    pub(super) fn filter(&mut self) -> Result<TopicFilter, DecodeError> {
        TopicFilter::new(self.text()?).map_err(|error| DecodeError::Filter { error })
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
            let properties = self.properties.measure(Place::Packet(packet_type))?;
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
