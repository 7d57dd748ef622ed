//! What can be read.

use evenkeel_doctor::Vantage;

use crate::logs;

/// Something that can be read, as `doctor formats` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    /// Its name; that of a log format can be given to `--input`.
    pub name: &'static str,
    /// What writes it.
    pub of: &'static str,
    /// What kind of witness it is.
    pub vantage: Vantage,
    /// What it shows.
    pub shows: &'static str,
}

/// Every format: captures, then logs.
pub fn formats() -> impl Iterator<Item = FormatInfo> {
    let captures = ["pcap", "pcapng"].map(|name| FormatInfo {
        name,
        of: "tcpdump, Wireshark and others",
        vantage: Vantage::Plain,
        shows: "every packet; under TLS sizes and times, or all with a key log",
    });
    captures.into_iter().chain(logs::formats())
}
