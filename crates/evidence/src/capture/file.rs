//! A capture file, from its bytes to events.

use std::fmt;
use std::time::Duration;

use evenkeel_doctor::Place;

use super::error::{CaptureError, CaptureFault};
use super::flow::{self, Flows, Now};
use super::link;
use super::names;
use super::net::{self, Carried, Dns};
use super::options::Options;
use super::pcap::{self, Pcap};
use super::pcapng::Pcapng;
use super::record::{Captured, Record};
use crate::{Sink, recent};

/// The longest record of a file that is held until it is whole, and its memory
/// before it had this room.
const RECORD: usize = 2 * (super::pcapng::BLOCK as usize);
/// The port of resolvers.
const DNS: u16 = 53;

/// Reads one capture.
///
/// Bytes may come in any pieces. An error is for good: what comes after it is
/// left out, and [`Capture::end`] tells what was still waiting.
pub struct Capture {
    format: Format,
    /// The beginning of a record that is not whole, and how much of it is needed.
    held: Vec<u8>,
    need: usize,
    /// Bytes to pass over.
    skip: u64,
    /// Where in the file the next record begins.
    offset: u64,
    failed: Option<CaptureError>,
    flows: Flows,
    counts: Counts,
}

enum Format {
    Unknown,
    Pcap(Pcap),
    Pcapng(Pcapng),
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    packets: u64,
    fragments: u64,
    other: u64,
    /// The link of the first packet, as long as that of none can be read.
    unknown_link: Option<u32>,
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets of the network.
    pub packets: u64,
    /// Of those, fragments of IP, which are not put together.
    pub fragments: u64,
    /// Of those, packets that are neither TCP nor DNS nor ICMP, or cannot be read.
    pub other: u64,
    /// Connections of MQTT.
    pub connections: u64,
    /// MQTT packets in the clear.
    pub mqtt_packets: u64,
    /// How often bytes of a connection are missing.
    pub gaps: u64,
    /// Connections that were forgotten for newer ones.
    pub forgotten: u64,
}

impl fmt::Debug for Capture {
    /// Shows no bytes of packets: passwords and payloads are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("offset", &self.offset)
            .field("held", &self.held())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Capture {
    /// The bytes that one holds at most, without the keys of a key log: most of
    /// them for as many connections as are followed at one time, and what is
    /// held of their packets. An allocator takes some more.
    pub const MOST_BYTES: usize = flow::MOST + names::MOST + recent::MOST + RECORD;

    /// A capture that reports name so.
    pub fn new(name: &str, options: &Options) -> Self {
        let mut flows = Flows::new(name, &options.ports);
        flows.ground.keys.add(&options.key_log);
        Self {
            format: Format::Unknown,
            held: Vec::new(),
            need: 0,
            skip: 0,
            offset: 0,
            failed: None,
            flows,
            counts: Counts::default(),
        }
    }

    /// Takes the next bytes of the file in.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), CaptureError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read(bytes, sink).map_err(|kind| {
            let error = CaptureError { offset: self.offset, kind };
            self.failed = Some(error);
            error
        })
    }

    /// The file has ended: tells what was waiting for more. An error says that
    /// the file ends in the middle of something.
    pub fn end(&mut self, sink: &mut dyn Sink) -> Result<(), CaptureError> {
        self.flows.end(sink);
        if let Some(error) = self.failed {
            return Err(error);
        }
        let kind = match (&self.format, self.counts.unknown_link) {
            (Format::Unknown, _) => CaptureFault::NotACapture,
            (_, Some(link)) => CaptureFault::UnknownLink { link },
            _ if self.held.is_empty() && self.skip == 0 => return Ok(()),
            _ => CaptureFault::Truncated { have: self.held.len() as u64 },
        };
        Err(CaptureError { offset: self.offset, kind })
    }

    /// What was read so far.
    pub fn summary(&self) -> Summary {
        Summary {
            packets: self.counts.packets,
            fragments: self.counts.fragments,
            other: self.counts.other,
            connections: self.flows.counts.connections,
            mqtt_packets: self.flows.ground.mqtt_packets,
            gaps: self.flows.counts.gaps,
            forgotten: self.flows.counts.forgotten,
        }
    }

    /// Bytes in memory of packets and records that are not whole; at most
    /// 32 MiB and one packet.
    pub fn held(&self) -> usize {
        self.held.len() + self.flows.held()
    }

    fn read(&mut self, mut bytes: &[u8], sink: &mut dyn Sink) -> Result<(), CaptureFault> {
        loop {
            let skip = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= skip as u64;
            self.offset += skip as u64;
            bytes = bytes.get(skip..).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(());
            }
            if self.held.is_empty() {
                let taken = self.record(bytes, sink)?;
                bytes = bytes.get(taken..).unwrap_or_default();
                if taken == 0 {
                    self.held.extend_from_slice(bytes);
                    return Ok(());
                }
                continue;
            }
            let more = bytes.len().min(self.need.saturating_sub(self.held.len()));
            let (now, rest) = bytes.split_at(more);
            self.held.extend_from_slice(now);
            bytes = rest;
            if self.held.len() >= self.need {
                let mut held = std::mem::take(&mut self.held);
                let taken = self.record(&held, sink)?;
                held.drain(..taken);
                self.held = held;
            }
        }
    }

    /// Reads the record at the front; returns how many bytes it took, 0 if
    /// there are too few.
    fn record(&mut self, input: &[u8], sink: &mut dyn Sink) -> Result<usize, CaptureFault> {
        let record = match &mut self.format {
            Format::Unknown => self.begin(input)?,
            Format::Pcap(pcap) => pcap.next(input)?,
            Format::Pcapng(pcapng) => pcapng.next(input)?,
        };
        let taken = match record {
            Record::Need(need) => {
                self.need = need;
                return Ok(0);
            }
            Record::Skip(n) => {
                let here = input.len().min(usize::try_from(n).unwrap_or(usize::MAX));
                self.skip = n - here as u64;
                here
            }
            Record::Keys(lines, n) => {
                self.flows.ground.keys.add(lines);
                n
            }
            Record::Packet(packet, n) => {
                self.packet(&packet, sink);
                n
            }
        };
        self.offset += taken as u64;
        Ok(taken)
    }

    fn begin<'a>(&mut self, input: &'a [u8]) -> Result<Record<'a>, CaptureFault> {
        let Some(&magic) = input.first_chunk::<4>() else { return Ok(Record::Need(4)) };
        if Pcapng::begins(magic) {
            // Its interfaces have their own resolutions; most have microseconds.
            let mut pcapng = Pcapng::default();
            let record = pcapng.next(input);
            self.format = Format::Pcapng(pcapng);
            return record;
        }
        if !Pcap::begins(magic) {
            return Err(CaptureFault::NotACapture);
        }
        let Some(header) = input.first_chunk::<{ pcap::HEADER }>() else {
            return Ok(Record::Need(pcap::HEADER));
        };
        let pcap = Pcap::new(header).ok_or(CaptureFault::NotACapture)?;
        if pcap.is_nanos() {
            self.flows.sources.resolution = Duration::from_nanos(1);
        }
        self.format = Format::Pcap(pcap);
        Ok(Record::Skip(pcap::HEADER as u64))
    }

    fn packet(&mut self, packet: &Captured<'_>, sink: &mut dyn Sink) {
        self.counts.packets += 1;
        if self.counts.packets == 1 {
            self.counts.unknown_link = Some(packet.link);
        }
        if link::is_known(packet.link) {
            self.counts.unknown_link = None;
        }
        let now = Now { at: packet.at, place: Place(self.offset) };
        let carried = link::ip(packet.link, packet.bytes).map_or(Carried::Other, net::carried);
        match carried {
            Carried::Tcp(segment) => self.flows.segment(&segment, now, sink),
            Carried::Icmp(icmp) => self.flows.icmp(&icmp, now, sink),
            Carried::Udp { from, to, payload } if from.port == DNS || to.port == DNS => {
                let client = if to.port == DNS { from } else { to };
                if let Some(dns) = Dns::read(payload) {
                    self.flows.dns(client, dns, now, sink);
                }
            }
            Carried::Udp { .. } | Carried::Other => self.counts.other += 1,
            Carried::Fragment => self.counts.fragments += 1,
        }
    }
}
