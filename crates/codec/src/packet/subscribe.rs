//! SUBSCRIBE and the options of a subscription.

use alloc::vec::Vec;

use super::filters::Filters;
use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_text, put_u16};
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, QoS, TopicFilter, Version,
};

/// SUBSCRIBE: asks for one or more subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Ties the SUBACK to this.
    pub packet_id: PacketId,
    /// At least one; SUBACK answers them in this order.
    pub filters: Vec<SubscribeFilter>,
    /// Subscription identifier and user properties.
    pub properties: Properties,
}

/// One filter of a SUBSCRIBE with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeFilter {
    /// The topics, with wildcards and `$share/` as MQTT has them.
    pub filter: TopicFilter,
    /// The highest QoS, and from MQTT 5 on what of its own or retained messages comes.
    pub options: SubscribeOptions,
}

/// Options of one subscription; before MQTT 5 only the QoS is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS the server may deliver with.
    pub qos: QoS,
    /// Leaves out messages this client published itself.
    pub no_local: bool,
    /// Keeps the retain flag as published.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When the server sends retained messages for a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At each subscribe.
    #[default]
    OnSubscribe = 0,
    /// Only if the subscription did not exist.
    OnNewSubscribe = 1,
    /// Never.
    Never = 2,
}

const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;

impl Subscribe {
    //= [MQTT-3.8.3-1]
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let Filters { packet_id, properties, filters } =
            Filters::decode(&mut reader, version, |reader| {
                let filter = reader.filter()?;
                let options = SubscribeOptions::from_wire(reader.u8()?, version)?;
                let entry = SubscribeFilter { filter, options };
                if entry.breaks_no_local() {
                    return Err(DecodeError::NoLocalOnShared);
                }
                Ok(entry)
            })?;
        Ok(Self { packet_id, filters, properties })
    }
}

impl SubscribeFilter {
    //= [MQTT-3.8.3-4]
    fn breaks_no_local(&self) -> bool {
        self.options.no_local && self.filter.is_shared()
    }
}

impl SubscribeOptions {
    //= [MQTT-3.8.3-5]
    //= [MQTT311-3.8.3-4]
    fn from_wire(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let reserved = match version {
            Version::V5 => 0b1100_0000,
            Version::V311 => 0b1111_1100,
            // MQTT 3.1 calls the upper bits unused, not reserved.
            Version::V31 => 0,
        };
        if byte & reserved != 0 {
            return Err(DecodeError::SubscriptionOptionsReserved { options: byte });
        }
        let qos = QoS::from_level(byte & 0b11).ok_or(DecodeError::SubscriptionQos3)?;
        if !version.has_properties() {
            return Ok(Self { qos, ..Self::default() });
        }
        Ok(Self {
            qos,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling: match byte >> 4 & 0b11 {
                0 => RetainHandling::OnSubscribe,
                1 => RetainHandling::OnNewSubscribe,
                2 => RetainHandling::Never,
                _ => return Err(DecodeError::RetainHandling3),
            },
        })
    }

    const fn to_wire(self, version: Version) -> u8 {
        let mut byte = self.qos.level();
        if version.has_properties() {
            if self.no_local {
                byte |= NO_LOCAL;
            }
            if self.retain_as_published {
                byte |= RETAIN_AS_PUBLISHED;
            }
            byte |= (self.retain_handling as u8) << 4;
        }
        byte
    }
}

impl Body for Subscribe {
    const PACKET_TYPE: PacketType = PacketType::Subscribe;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        let packet_type = PacketType::Subscribe;
        if self.filters.is_empty() {
            return Err(EncodeError::NoFilters { packet_type });
        }
        let filters: usize = self.filters.iter().map(|entry| 3 + entry.filter.text().len()).sum();
        if !version.has_properties() {
            return Ok(2 + filters);
        }
        if self.filters.iter().any(SubscribeFilter::breaks_no_local) {
            return Err(EncodeError::NoLocalOnShared);
        }
        let properties = self.properties.measure(PropertyOwner::Packet(packet_type))?;
        Ok(2 + list_len(properties) + filters)
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_u16(self.packet_id.get(), out);
        if version.has_properties() {
            self.properties.write(out);
        }
        for entry in &self.filters {
            put_text(entry.filter.text(), out);
            out.push(entry.options.to_wire(version));
        }
    }
}
