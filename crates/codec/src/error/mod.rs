//! What can be wrong with a packet: one enum per operation, one variant per rule.

/// Declares an error enum with, for each variant, the rule it names, the
/// reason code to answer with and its text.
macro_rules! rules {
    (
        $(#[$doc:meta])*
        $name:ident;
        $(
            $(#[$variant_doc:meta])*
            $variant:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ })?
                => $rule:expr, $reason:expr, $text:literal;
        )+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant $({ $($(#[$field_doc])* $field: $ty,)+ })?,)+
        }

        impl $name {
            /// The rule that is broken: the identifier of a normative
            /// statement such as `MQTT-3.3.1-4`, or, if the specification
            /// gives the rule none, its section such as `section 1.5.5`; of
            /// MQTT 5 even if MQTT 3.1.1 has the rule too. What only MQTT
            /// 3.1.1 asks begins with `MQTT311-`.
            #[must_use]
            pub const fn rule(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        $($(let _ = $field;)+)?
                        $rule
                    })+
                }
            }

            /// The reason code that tells the peer what was wrong.
            #[must_use]
            pub const fn reason_code(&self) -> $crate::ReasonCode {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        $($(let _ = $field;)+)?
                        $reason
                    })+
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self {
                    $(Self::$variant $({ $($field),+ })? => write!(f, $text),)+
                }
            }
        }

        impl core::error::Error for $name {}
    };
}

mod decode;
mod encode;
mod property;
mod text;

pub use decode::DecodeError;
pub use encode::EncodeError;
pub use property::PropertyError;
pub use text::{TextError, TopicError};
