//! Reason codes, and the return codes before MQTT 5.

use core::fmt;

/// The outcome byte of acknowledgements, DISCONNECT and AUTH (MQTT 5).
///
/// Return codes of the older versions are translated to these when they are
/// decoded, and back when they are encoded. Codes from `0x80` up are failures.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(pub u8);

macro_rules! codes {
    ($($value:literal $name:ident $text:literal;)*) => {
        impl ReasonCode {
            $(#[doc = concat!("`", stringify!($value), "`: ", $text, ".")]
            pub const $name: Self = Self($value);)*

            /// The name in the MQTT 5 specification; `None` for a code it does not define.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    0x00 SUCCESS "Success";
    0x01 GRANTED_QOS_1 "Granted QoS 1";
    0x02 GRANTED_QOS_2 "Granted QoS 2";
    0x04 DISCONNECT_WITH_WILL "Disconnect with Will Message";
    0x10 NO_MATCHING_SUBSCRIBERS "No matching subscribers";
    0x11 NO_SUBSCRIPTION_EXISTED "No subscription existed";
    0x18 CONTINUE_AUTHENTICATION "Continue authentication";
    0x19 REAUTHENTICATE "Re-authenticate";
    0x80 UNSPECIFIED_ERROR "Unspecified error";
    0x81 MALFORMED_PACKET "Malformed Packet";
    0x82 PROTOCOL_ERROR "Protocol Error";
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "Implementation specific error";
    0x84 UNSUPPORTED_PROTOCOL_VERSION "Unsupported Protocol Version";
    0x85 CLIENT_IDENTIFIER_NOT_VALID "Client Identifier not valid";
    0x86 BAD_USER_NAME_OR_PASSWORD "Bad User Name or Password";
    0x87 NOT_AUTHORIZED "Not authorized";
    0x88 SERVER_UNAVAILABLE "Server unavailable";
    0x89 SERVER_BUSY "Server busy";
    0x8A BANNED "Banned";
    0x8B SERVER_SHUTTING_DOWN "Server shutting down";
    0x8C BAD_AUTHENTICATION_METHOD "Bad authentication method";
    0x8D KEEP_ALIVE_TIMEOUT "Keep Alive timeout";
    0x8E SESSION_TAKEN_OVER "Session taken over";
    0x8F TOPIC_FILTER_INVALID "Topic Filter invalid";
    0x90 TOPIC_NAME_INVALID "Topic Name invalid";
    0x91 PACKET_IDENTIFIER_IN_USE "Packet Identifier in use";
    0x92 PACKET_IDENTIFIER_NOT_FOUND "Packet Identifier not found";
    0x93 RECEIVE_MAXIMUM_EXCEEDED "Receive Maximum exceeded";
    0x94 TOPIC_ALIAS_INVALID "Topic Alias invalid";
    0x95 PACKET_TOO_LARGE "Packet too large";
    0x96 MESSAGE_RATE_TOO_HIGH "Message rate too high";
    0x97 QUOTA_EXCEEDED "Quota exceeded";
    0x98 ADMINISTRATIVE_ACTION "Administrative action";
    0x99 PAYLOAD_FORMAT_INVALID "Payload format invalid";
    0x9A RETAIN_NOT_SUPPORTED "Retain not supported";
    0x9B QOS_NOT_SUPPORTED "QoS not supported";
    0x9C USE_ANOTHER_SERVER "Use another server";
    0x9D SERVER_MOVED "Server moved";
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "Shared Subscriptions not supported";
    0x9F CONNECTION_RATE_EXCEEDED "Connection rate exceeded";
    0xA0 MAXIMUM_CONNECT_TIME "Maximum connect time";
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "Subscription Identifiers not supported";
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "Wildcard Subscriptions not supported";
}

impl ReasonCode {
    /// True for the failures, `0x80` and above.
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReasonCode(0x{:02x} {})", self.0, self.name().unwrap_or("unknown"))
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:02x})", self.name().unwrap_or("unknown reason"), self.0)
    }
}
