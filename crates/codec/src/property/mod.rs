//! The properties of MQTT 5.

mod check;
mod table;
mod wire;

pub(crate) use table::PropertyOwner;
pub(crate) use wire::list_len;

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::Text;

/// One property of a packet (MQTT 5 section 2.2.2.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Property {
    /// 0x01: 1 says the payload is UTF-8 text, 0 unspecified bytes.
    PayloadFormatIndicator(u8),
    /// 0x02: lifetime of the message in seconds.
    MessageExpiryInterval(u32),
    /// 0x03: MIME type or other description of the payload.
    ContentType(Text),
    /// 0x08: topic of the response to a request.
    ResponseTopic(Text),
    /// 0x09: ties a response to its request.
    CorrelationData(Bytes),
    /// 0x0B: 1 to 268,435,455; may occur several times in a PUBLISH to a client.
    SubscriptionIdentifier(u32),
    /// 0x11: seconds a session outlives its connection; `u32::MAX` is without end.
    SessionExpiryInterval(u32),
    /// 0x12: the client identifier the server chose.
    AssignedClientIdentifier(Text),
    /// 0x13: keep-alive in seconds that the server imposes.
    ServerKeepAlive(u16),
    /// 0x15: name of the enhanced authentication method.
    AuthenticationMethod(Text),
    /// 0x16: data of the enhanced authentication method; a secret.
    AuthenticationData(Bytes),
    /// 0x17: 0 asks for no reason strings and user properties but in PUBLISH, CONNACK, DISCONNECT.
    RequestProblemInformation(u8),
    /// 0x18: seconds between the end of a connection and its will.
    WillDelayInterval(u32),
    /// 0x19: 1 asks for Response Information in CONNACK.
    RequestResponseInformation(u8),
    /// 0x1A: basis for response topics.
    ResponseInformation(Text),
    /// 0x1C: another server to use.
    ServerReference(Text),
    /// 0x1F: diagnosis for people.
    ReasonString(Text),
    /// 0x21: QoS 1 and 2 exchanges the sender of this property handles at once; not 0.
    ReceiveMaximum(u16),
    /// 0x22: highest topic alias the sender of this property accepts.
    TopicAliasMaximum(u16),
    /// 0x23: stands for a topic on this connection; not 0.
    TopicAlias(u16),
    /// 0x24: highest QoS the server accepts, 0 or 1.
    MaximumQoS(u8),
    /// 0x25: 0 if the server refuses retained messages.
    RetainAvailable(u8),
    /// 0x26: a name and value of the user's; may occur several times.
    UserProperty(Text, Text),
    /// 0x27: largest packet, in bytes, the sender of this property accepts; not 0.
    MaximumPacketSize(u32),
    /// 0x28: 0 if the server refuses wildcard subscriptions.
    WildcardSubscriptionAvailable(u8),
    /// 0x29: 0 if the server refuses subscription identifiers.
    SubscriptionIdentifierAvailable(u8),
    /// 0x2A: 0 if the server refuses shared subscriptions.
    SharedSubscriptionAvailable(u8),
}

/// The identifier byte of a [`Property`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u8);

/// The properties of one packet, in wire order; always empty before MQTT 5.
///
/// An empty list holds no memory. Decoding refuses duplicates and properties
/// that have no place in the packet; encoding checks the same.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Properties(Vec<Property>);

impl Properties {
    /// No properties.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// True if there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a property.
    pub fn push(&mut self, property: Property) {
        self.0.push(property);
    }

    /// Appends a property and returns the list, for building in one expression.
    #[must_use]
    pub fn with(mut self, property: Property) -> Self {
        self.push(property);
        self
    }

    /// The same list without memory of the buffer it was read into.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.0.iter_mut().for_each(Property::detach);
        self
    }

    /// Removes every property with this identifier.
    pub fn remove(&mut self, id: PropertyId) {
        self.0.retain(|property| property.id() != id);
    }

    /// Goes through the properties in wire order.
    pub fn iter(&self) -> core::slice::Iter<'_, Property> {
        self.0.iter()
    }

    /// The names and values of the user properties, in order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// The subscription identifiers, in order.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> {
        self.iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(*id),
            _ => None,
        })
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = core::slice::Iter<'a, Property>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

/// Identifier, constant and accessor of each property in one table.
macro_rules! properties {
    ($($id:literal $konst:ident $variant:ident $get:ident -> $ty:ty;)*) => {
        impl PropertyId {
            /// The property's name; `None` for an identifier MQTT 5 does not define.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$konst => Some(stringify!($variant)),)*
                    Self::SUBSCRIPTION_IDENTIFIER => Some("SubscriptionIdentifier"),
                    Self::USER_PROPERTY => Some("UserProperty"),
                    _ => None,
                }
            }

            $(#[doc = concat!("Identifier of [`Property::", stringify!($variant), "`].")]
            pub const $konst: Self = Self($id);)*
        }

        impl Properties {
            $(#[doc = concat!("The value of [`Property::", stringify!($variant), "`], if present.")]
            pub fn $get(&self) -> Option<$ty> {
                self.iter().find_map(|property| match property {
                    Property::$variant(value) => Some(value.clone()),
                    _ => None,
                })
            })*
        }

        impl Property {
            /// The identifier on the wire.
            pub const fn id(&self) -> PropertyId {
                match self {
                    $(Self::$variant(_) => PropertyId::$konst,)*
                    Self::SubscriptionIdentifier(_) => PropertyId::SUBSCRIPTION_IDENTIFIER,
                    Self::UserProperty(..) => PropertyId::USER_PROPERTY,
                }
            }
        }
    };
}

impl PropertyId {
    /// Identifier of [`Property::SubscriptionIdentifier`].
    pub const SUBSCRIPTION_IDENTIFIER: Self = Self(0x0B);
    /// Identifier of [`Property::UserProperty`].
    pub const USER_PROPERTY: Self = Self(0x26);
}

properties! {
    0x01 PAYLOAD_FORMAT_INDICATOR PayloadFormatIndicator payload_format_indicator -> u8;
    0x02 MESSAGE_EXPIRY_INTERVAL MessageExpiryInterval message_expiry_interval -> u32;
    0x03 CONTENT_TYPE ContentType content_type -> Text;
    0x08 RESPONSE_TOPIC ResponseTopic response_topic -> Text;
    0x09 CORRELATION_DATA CorrelationData correlation_data -> Bytes;
    0x11 SESSION_EXPIRY_INTERVAL SessionExpiryInterval session_expiry_interval -> u32;
    0x12 ASSIGNED_CLIENT_IDENTIFIER AssignedClientIdentifier assigned_client_identifier -> Text;
    0x13 SERVER_KEEP_ALIVE ServerKeepAlive server_keep_alive -> u16;
    0x15 AUTHENTICATION_METHOD AuthenticationMethod authentication_method -> Text;
    0x16 AUTHENTICATION_DATA AuthenticationData authentication_data -> Bytes;
    0x17 REQUEST_PROBLEM_INFORMATION RequestProblemInformation request_problem_information -> u8;
    0x18 WILL_DELAY_INTERVAL WillDelayInterval will_delay_interval -> u32;
    0x19 REQUEST_RESPONSE_INFORMATION RequestResponseInformation request_response_information -> u8;
    0x1A RESPONSE_INFORMATION ResponseInformation response_information -> Text;
    0x1C SERVER_REFERENCE ServerReference server_reference -> Text;
    0x1F REASON_STRING ReasonString reason_string -> Text;
    0x21 RECEIVE_MAXIMUM ReceiveMaximum receive_maximum -> u16;
    0x22 TOPIC_ALIAS_MAXIMUM TopicAliasMaximum topic_alias_maximum -> u16;
    0x23 TOPIC_ALIAS TopicAlias topic_alias -> u16;
    0x24 MAXIMUM_QOS MaximumQoS maximum_qos -> u8;
    0x25 RETAIN_AVAILABLE RetainAvailable retain_available -> u8;
    0x27 MAXIMUM_PACKET_SIZE MaximumPacketSize maximum_packet_size -> u32;
    0x28 WILDCARD_SUBSCRIPTION_AVAILABLE WildcardSubscriptionAvailable wildcard_subscription_available -> u8;
    0x29 SUBSCRIPTION_IDENTIFIER_AVAILABLE SubscriptionIdentifierAvailable subscription_identifier_available -> u8;
    0x2A SHARED_SUBSCRIPTION_AVAILABLE SharedSubscriptionAvailable shared_subscription_available -> u8;
}

impl PropertyId {
    /// The identifier with this value; `None` if MQTT 5 defines none.
    fn from_wire(value: u32) -> Option<Self> {
        let id = Self(u8::try_from(value).ok()?);
        id.name().map(|_| id)
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.name().unwrap_or("unknown"), self.0)
    }
}

impl Property {
    fn detach(&mut self) {
        match self {
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => *text = text.detached(),
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) => {
                *bytes = Bytes::copy_from_slice(bytes);
            }
            Self::UserProperty(name, value) => {
                *name = name.detached();
                *value = value.detached();
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Property {
    /// Shows name and value; of authentication data, a secret, only the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple(self.id().name().unwrap_or("unknown"));
        match self {
            Self::AuthenticationData(_) => tuple.field(&format_args!("<secret>")),
            _ => self.value().show(&mut tuple),
        };
        tuple.finish()
    }
}
