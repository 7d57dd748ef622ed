//! PINGREQ and PINGRESP.

use alloc::vec::Vec;

use crate::PacketType;

/// Appends PINGREQ, the same two bytes in every version.
pub fn encode_ping_req(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PacketType::PingReq.first_byte(), 0]);
}

/// Appends PINGRESP, the same two bytes in every version.
pub fn encode_ping_resp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PacketType::PingResp.first_byte(), 0]);
}
