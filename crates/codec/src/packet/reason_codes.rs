//! Which reason codes each packet may hold (MQTT 5 sections 2.4 and 3.2 to 3.15).

use crate::reader::Reader;
use crate::{DecodeError, EncodeError, PacketType, ReasonCode};

/// The codes of a packet; none for packets without a reason code.
const fn allowed(packet_type: PacketType) -> &'static [u8] {
    match packet_type {
        //= [MQTT-3.2.2-8]
        PacketType::ConnAck => &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
            0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
        ],
        //= [MQTT-3.4.2-1]
        //= [MQTT-3.5.2-1]
        PacketType::PubAck | PacketType::PubRec => {
            &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
        }
        //= [MQTT-3.6.2-1]
        //= [MQTT-3.7.2-1]
        PacketType::PubRel | PacketType::PubComp => &[0x00, 0x92],
        //= [MQTT-3.9.3-2]
        PacketType::SubAck => {
            &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
        }
        //= [MQTT-3.11.3-2]
        PacketType::UnsubAck => &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
        // 0x8c is missing in the list of section 3.14.2.1 but given to
        // DISCONNECT by section 2.4.
        //= [MQTT-3.14.2-1]
        PacketType::Disconnect => &[
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90,
            0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0,
            0xa1, 0xa2,
        ],
        //= [MQTT-3.15.2-1]
        PacketType::Auth => &[0x00, 0x18, 0x19],
        _ => &[],
    }
}

impl PacketType {
    /// Refuses a code from the wire that this packet must not hold.
    pub(super) fn decode_reason(self, code: u8) -> Result<ReasonCode, DecodeError> {
        if allowed(self).contains(&code) {
            Ok(ReasonCode(code))
        } else {
            Err(DecodeError::ReasonCode { packet_type: self, code })
        }
    }

    /// Refuses to write a code that this packet must not hold.
    pub(super) fn check_reason(self, reason: ReasonCode) -> Result<(), EncodeError> {
        if allowed(self).contains(&reason.0) {
            Ok(())
        } else {
            Err(EncodeError::ReasonCode { packet_type: self, code: reason.0 })
        }
    }
}

impl Reader<'_> {
    /// A reason code that this packet may hold.
    pub(super) fn reason(&mut self) -> Result<ReasonCode, DecodeError> {
        let code = self.u8()?;
        self.packet_type().decode_reason(code)
    }
}
