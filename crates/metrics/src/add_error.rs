//! Why a client was not added.

use std::error::Error;
use std::fmt;

use crate::{NAME_MAX, OTHER};

/// Why a client was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// The name is empty.
    Empty,
    /// The name has more than [`NAME_MAX`] characters.
    Long,
    /// The name has a control character.
    Control,
    /// The name is [`OTHER`], that of clients without a name of their own.
    Reserved,
    /// This client is here already, under this name or another.
    Known,
}

impl AddError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::Control | Self::Reserved => {
                "name the client by what it is for, such as \"telemetry\"".to_owned()
            }
            Self::Long => format!("give at most {NAME_MAX} characters"),
            Self::Known => "add each client once; to rename it, remove it first".to_owned(),
        }
    }

    pub(crate) fn in_name(name: &str) -> Option<Self> {
        match name {
            "" => Some(Self::Empty),
            OTHER => Some(Self::Reserved),
            name if name.chars().count() > NAME_MAX => Some(Self::Long),
            name if name.chars().any(char::is_control) => Some(Self::Control),
            _ => None,
        }
    }
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = match self {
            Self::Empty => "a client needs a name in metrics",
            Self::Long => "the client's name in metrics is too long",
            Self::Control => "the client's name in metrics has a control character",
            Self::Reserved => "the name \"other\" is that of clients without a name of their own",
            Self::Known => "the client has a name in these metrics already",
        };
        write!(f, "{fact}; {}", self.hint())
    }
}

impl Error for AddError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_on_both_sides_of_the_bound() {
        let (most, long) = ("é".repeat(NAME_MAX), "é".repeat(NAME_MAX + 1));
        for (name, wanted) in [
            ("pump 17/ü", None),
            (most.as_str(), None),
            (long.as_str(), Some(AddError::Long)),
            ("", Some(AddError::Empty)),
            ("other", Some(AddError::Reserved)),
            ("Other", None),
            ("a\nb", Some(AddError::Control)),
            ("a\u{9b}b", Some(AddError::Control)),
        ] {
            assert_eq!(AddError::in_name(name), wanted, "{name:?}");
        }
        let text = AddError::Long.to_string();
        assert_eq!(text, "the client's name in metrics is too long; give at most 64 characters");
    }
}
