//! What can be wrong with a packet: one enum per operation, one variant per rule.

use core::error::Error;
use core::fmt;

/// How an error holds the one that it comes from.
#[derive(Clone, Copy)]
pub(crate) enum Inner<'a> {
    /// It says everything, or nothing is below.
    None,
    /// The text is that of the inner error, and so is what is below.
    Same(&'a (dyn Error + 'static)),
    /// The text says more; the inner error is the source.
    Below(&'a (dyn Error + 'static)),
}

impl<'a> Inner<'a> {
    /// `text`, with all that is below where the alternate form is asked for.
    pub(crate) fn write(self, text: fmt::Arguments<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(text)?;
        match self.source() {
            Some(below) if f.alternate() => write!(f, ": {below:#}"),
            _ => Ok(()),
        }
    }

    pub(crate) fn source(self) -> Option<&'a (dyn Error + 'static)> {
        match self {
            Self::None => None,
            Self::Same(error) => error.source(),
            Self::Below(error) => Some(error),
        }
    }
}

/// Declares an error enum with, for each variant, the rule it names, the
/// reason code to answer with and its text; behind that, in brackets, the
/// error that it holds.
macro_rules! rules {
    (
        $(#[$doc:meta])*
        $name:ident;
        $(
            $(#[$variant_doc:meta])*
            $variant:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ })?
                => $rule:expr, $reason:expr, $text:literal $([$kind:ident $inner:expr])?;
        )+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant $({ $($(#[$field_doc])* $field: $ty,)+ })?,)+
        }

        impl $name {
            /// The error that this one holds, if it holds one.
            fn inner(&self) -> $crate::error::Inner<'_> {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        $($(let _ = $field;)+)?
                        rules!(@inner $($kind $inner)?)
                    })+
                }
            }

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
                    $(Self::$variant $({ $($field),+ })? => {
                        $($(let _ = $field;)+)?
                        self.inner().write(format_args!($text), f)
                    })+
                }
            }
        }

        impl core::error::Error for $name {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                self.inner().source()
            }
        }
    };
    (@inner) => { $crate::error::Inner::None };
    (@inner $kind:ident $inner:expr) => { $crate::error::Inner::$kind($inner) };
}

mod decode;
mod encode;
mod property;
mod text;

pub use decode::DecodeError;
pub use encode::EncodeError;
pub use property::PropertyError;
pub use text::{TextError, TopicError};
