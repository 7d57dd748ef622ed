//! AUTH, byte by byte.

use evenkeel_codec::Property::{
    AuthenticationData, AuthenticationMethod, ReasonString, UserProperty,
};
use evenkeel_codec::{Auth, Bytes, Packet, ReasonCode, Version};

use super::{Vector, properties, text};

pub(super) fn vectors() -> Vec<Vector> {
    let version = Version::V5;
    let success = || Packet::Auth(Auth::default());
    vec![
        Vector::new("auth_v5_success", version, "f0 00", success()),
        Vector::decode_only("auth_v5_reason_0", version, "f0 01 00", success()),
        Vector::decode_only("auth_v5_no_properties", version, "f0 02 00 00", success()),
        Vector::new(
            "auth_v5_continue",
            version,
            "f0 17  18  15  15 0001 'M'  16 0002 00ff  1f 0002 'go'  26 0001 'k' 0001 'v'",
            Packet::Auth(Auth {
                reason: ReasonCode::CONTINUE_AUTHENTICATION,
                properties: properties([
                    AuthenticationMethod(text("M")),
                    AuthenticationData(Bytes::from_static(&[0x00, 0xff])),
                    ReasonString(text("go")),
                    UserProperty(text("k"), text("v")),
                ]),
            }),
        ),
        Vector::new(
            "auth_v5_again",
            version,
            "f0 06  19  04  15 0001 'M'",
            Packet::Auth(Auth {
                reason: ReasonCode::REAUTHENTICATE,
                properties: properties([AuthenticationMethod(text("M"))]),
            }),
        ),
    ]
}
