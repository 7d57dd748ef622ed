//! The two sides of a connection and their addresses.

use crate::texts::TextId;

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who sent CONNECT, or opened the connection.
    Client,
    /// The other.
    Server,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// A host and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The IP address or the name, as text.
    pub host: TextId,
    /// The port; 0 if unknown.
    pub port: u16,
}

impl Address {
    /// What a source does not say.
    pub const UNKNOWN: Self = Self { host: TextId::NONE, port: 0 };
}
