//! Why a capture cannot be read any further.

use std::fmt;

/// A capture cannot be read past this place. What came before it has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureError {
    /// The offset of the byte at which reading stopped.
    pub offset: u64,
    /// What is wrong there.
    pub kind: CaptureFault,
}

/// What is wrong with a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureFault {
    /// The file begins like no capture.
    NotACapture,
    /// The file ends inside a packet or block: so many bytes are there of it.
    Truncated {
        /// How many bytes there are.
        have: u64,
    },
    /// A packet that claims to be larger than any is.
    PacketTooLarge {
        /// What it claims, in bytes.
        bytes: u32,
    },
    /// A pcapng block whose length cannot be.
    BlockLength {
        /// What it claims, in bytes.
        bytes: u32,
    },
    /// A pcapng section without its mark of byte order.
    ByteOrder,
    /// A pcapng packet of an interface that was never described.
    UnknownInterface {
        /// Its number.
        number: u32,
    },
    /// More interfaces than are followed.
    TooManyInterfaces,
    /// All packets are of links that are not read.
    UnknownLink {
        /// The type of the first, as <https://www.tcpdump.org/linktypes.html> numbers them.
        link: u32,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.offset;
        match self.kind {
            CaptureFault::NotACapture => {
                write!(f, "neither pcap nor pcapng; record with `tcpdump -w` or Wireshark")
            }
            CaptureFault::Truncated { have } => write!(
                f,
                "the capture ends inside a packet at byte {at}, of which {have} bytes are there; \
                 end the recorder before copying the file"
            ),
            CaptureFault::PacketTooLarge { bytes } => write!(
                f,
                "the packet at byte {at} claims {bytes} bytes, more than any has; the file is \
                 damaged from there on"
            ),
            CaptureFault::BlockLength { bytes } => write!(
                f,
                "the block at byte {at} claims {bytes} bytes, which cannot be; the file is damaged \
                 from there on"
            ),
            CaptureFault::ByteOrder => write!(
                f,
                "the section at byte {at} does not say its byte order; the file is damaged from \
                 there on"
            ),
            CaptureFault::UnknownInterface { number } => write!(
                f,
                "the packet at byte {at} is of interface {number}, which the file does not \
                 describe; the file is damaged from there on"
            ),
            CaptureFault::TooManyInterfaces => write!(
                f,
                "the section that reaches byte {at} has more than {} interfaces; split it with \
                 `editcap`",
                super::pcapng::INTERFACES
            ),
            CaptureFault::UnknownLink { link } => write!(
                f,
                "its packets are of a link that is not read, of type {link}; record IP on \
                 Ethernet, PPP, loopback or `any`"
            ),
        }
    }
}

impl std::error::Error for CaptureError {}
