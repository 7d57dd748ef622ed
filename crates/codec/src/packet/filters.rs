//! What SUBSCRIBE and UNSUBSCRIBE have in common.

use alloc::vec::Vec;

use crate::property::PropertyOwner;
use crate::reader::Reader;
use crate::{DecodeError, PacketId, Properties, TopicFilter, Version};

/// The body of either packet, each filter with what stands beside it.
pub(super) struct Filters<T> {
    pub(super) packet_id: PacketId,
    pub(super) properties: Properties,
    pub(super) filters: Vec<T>,
}

impl<T> Filters<T> {
    //= [MQTT-3.8.3-2]
    //= [MQTT-3.10.3-2]
    pub(super) fn decode(
        reader: &mut Reader<'_>,
        version: Version,
        decode_one: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let packet_type = reader.packet_type();
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(reader, PropertyOwner::Packet(packet_type))?;
        }
        if reader.is_empty() {
            return Err(DecodeError::NoFilters { packet_type });
        }
        let mut filters = Vec::new();
        while !reader.is_empty() {
            let filter = decode_one(reader)?;
            reader.room_for(&filters)?;
            filters.push(filter);
        }
        Ok(Self { packet_id, properties, filters })
    }
}

impl Reader<'_> {
    pub(super) fn filter(&mut self) -> Result<TopicFilter, DecodeError> {
        TopicFilter::new(self.text()?).map_err(|error| DecodeError::Filter { error })
    }
}
