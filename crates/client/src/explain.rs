//! Error texts in parts: the fact, what lies below it, and a hint at what to do
//! about it.

use std::error::Error;
use std::fmt;

/// What lies below an error: its source.
pub(crate) type Below<'a> = Option<&'a (dyn Error + 'static)>;

/// Ends the text of an error: the alternate form has the sources behind it.
pub(crate) fn end_with(below: Below<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match below {
        Some(below) if f.alternate() => write!(f, ": {below:#}"),
        _ => Ok(()),
    }
}

/// Implements `Display`, `Error` and `fact` for an error that has the methods
/// `write_fact`, `below` and `hint`.
macro_rules! explained_error {
    ($name:ident) => {
        impl $name {
            /// Returns the text with those of its sources and without the hint, for callers
            /// that show the hint apart.
            pub fn fact(&self) -> String {
                struct Fact<'a>(&'a $name);
                impl std::fmt::Display for Fact<'_> {
                    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        self.0.write_fact(f)?;
                        $crate::explain::end_with(self.0.below(), f)
                    }
                }
                format!("{:#}", Fact(self))
            }
        }

        /// What happened, and what to do about it; in the alternate form also the sources.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.write_fact(f)?;
                $crate::explain::end_with(self.below(), f)?;
                match self.hint() {
                    Some(hint) => write!(f, "; {hint}"),
                    None => Ok(()),
                }
            }
        }

        impl std::error::Error for $name {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                self.below()
            }
        }
    };
}

pub(crate) use explained_error;
