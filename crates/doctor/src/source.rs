//! Where evidence comes from, and what such a source can show.

use alloc::string::String;
use core::time::Duration;

/// The number of a source, given by [`Doctor::source`](crate::Doctor::source).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// What kind of witness a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vantage {
    /// Packets in the clear, from a capture or a proxy.
    Plain,
    /// Sizes, times and TCP flags of encrypted traffic.
    Encrypted,
    /// What a client wrote in its log.
    ClientLog,
    /// What a broker wrote in its log.
    BrokerLog,
    /// Events of an Evenkeel client.
    ClientEvents,
}

impl Vantage {
    /// Every vantage, in the order of the rules' tables.
    pub const ALL: [Self; 5] =
        [Self::Plain, Self::Encrypted, Self::ClientLog, Self::BrokerLog, Self::ClientEvents];

    /// The vantage in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain traffic",
            Self::Encrypted => "encrypted traffic",
            Self::ClientLog => "client log",
            Self::BrokerLog => "broker log",
            Self::ClientEvents => "client events",
        }
    }

    /// Whether the source saw bytes, not words about them.
    pub const fn is_wire(self) -> bool {
        matches!(self, Self::Plain | Self::Encrypted)
    }
}

/// One file, stream or tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What people call it: a file's name.
    pub name: String,
    /// What kind of witness it is. A capture that holds plain and encrypted
    /// connections is two sources with one name.
    pub vantage: Vantage,
    /// The finest difference of times that it can tell. Thresholds below twice
    /// this are not judged on it.
    pub resolution: Duration,
    /// Whether its times are calendar times, to be compared with other sources.
    pub calendar: bool,
}

impl Source {
    /// Whether differences as small as `span` mean something in this source.
    pub fn tells(&self, span: Duration) -> bool {
        span >= self.resolution.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of a vantage are found by its number.
    #[test]
    fn all_has_each_vantage_at_its_number() {
        for (number, vantage) in Vantage::ALL.into_iter().enumerate() {
            assert_eq!(vantage as usize, number);
        }
    }
}
