//! Writes captures: TCP between clients and one server, and MQTT in it.

use std::io::{self, Write};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// Who sends.
pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// A connection: the client's address, and the next sequence numbers of both.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) host: [u8; 4],
    pub(crate) port: u16,
    pub(crate) seq: [u32; 2],
}

impl Peer {
    pub(crate) fn new(host: [u8; 4], port: u16) -> Self {
        Self { host, port, seq: [1000, 5000] }
    }
}

/// A pcap file of Ethernet that is being written.
pub(crate) struct Pcap<W> {
    pub(crate) to: W,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// The time of the next packet, in microseconds since 1970.
    pub(crate) micros: u64,
}

impl<W: Write> Pcap<W> {
    pub(crate) fn new(mut to: W) -> io::Result<Self> {
        for field in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 1] {
            to.write_all(&field.to_be_bytes())?;
        }
        Ok(Self { to, packets: 0, bytes: 24, micros: 1_700_000_000_000_000 })
    }

    /// A segment at the next sequence number.
    pub(crate) fn send(
        &mut self,
        peer: &mut Peer,
        from: usize,
        flags: u8,
        data: &[u8],
    ) -> io::Result<()> {
        self.at(peer, from, 0, flags, data)?;
        let counted = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        peer.seq[from] = peer.seq[from].wrapping_add(counted);
        Ok(())
    }

    /// A segment that is so far ahead of the next sequence number, and changes none.
    pub(crate) fn at(
        &mut self,
        peer: &Peer,
        from: usize,
        ahead: u32,
        flags: u8,
        data: &[u8],
    ) -> io::Result<()> {
        let len = 40 + data.len();
        let mut head = [0; 70];
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        let fields = [seconds as u32, micros as u32, 14 + len as u32, 14 + len as u32];
        for (at, field) in fields.into_iter().enumerate() {
            head[at * 4..at * 4 + 4].copy_from_slice(&field.to_be_bytes());
        }
        // Behind two addresses of Ethernet, IPv4; behind it TCP.
        head[28..32].copy_from_slice(&[8, 0, 0x45, 0]);
        head[32..34].copy_from_slice(&(len as u16).to_be_bytes());
        head[36..42].copy_from_slice(&[0x40, 0, 64, 6, 0, 0]);
        let mut ends = [(peer.host, peer.port), ([10, 255, 0, 9], 1883)];
        ends.rotate_left(from);
        head[42..46].copy_from_slice(&ends[0].0);
        head[46..50].copy_from_slice(&ends[1].0);
        head[50..52].copy_from_slice(&ends[0].1.to_be_bytes());
        head[52..54].copy_from_slice(&ends[1].1.to_be_bytes());
        head[54..58].copy_from_slice(&peer.seq[from].wrapping_add(ahead).to_be_bytes());
        head[58..62].copy_from_slice(&peer.seq[1 - from].to_be_bytes());
        head[62..66].copy_from_slice(&[0x50, flags, 1, 0]);
        self.to.write_all(&head)?;
        self.to.write_all(data)?;
        self.packets += 1;
        self.bytes += (head.len() + data.len()) as u64;
        self.micros += 13;
        Ok(())
    }

    /// The three segments of an opening.
    pub(crate) fn open(&mut self, peer: &mut Peer) -> io::Result<()> {
        self.send(peer, CLIENT, SYN, b"")?;
        self.send(peer, SERVER, SYN | ACK, b"")?;
        self.send(peer, CLIENT, ACK, b"")
    }
}

/// The packets of MQTT 3.1.1 that are needed.
pub(crate) mod mqtt {
    pub(crate) const CONNACK: &[u8] = &[0x20, 2, 0, 0];
    pub(crate) const PINGREQ: &[u8] = &[0xC0, 0];
    pub(crate) const PINGRESP: &[u8] = &[0xD0, 0];
    pub(crate) const DISCONNECT: &[u8] = &[0xE0, 0];

    fn packet(first: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![first];
        let mut left = body.len();
        loop {
            let more = if left > 0x7F { 0x80 } else { 0 };
            packet.push((left & 0x7F) as u8 | more);
            left >>= 7;
            if left == 0 {
                break;
            }
        }
        packet.extend(body);
        packet
    }

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
    }

    /// CONNECT without a clean session, and with a will if its topic is not empty.
    pub(crate) fn connect(id: &str, keep_alive: u16, will: &str) -> Vec<u8> {
        let mut body = text("MQTT");
        body.extend([4, if will.is_empty() { 0 } else { 4 }]);
        body.extend(keep_alive.to_be_bytes());
        body.extend(text(id));
        if !will.is_empty() {
            body.extend(text(will));
            body.extend(text("gone"));
        }
        packet(0x10, &body)
    }

    /// PUBLISH, with QoS 1 if `id` is not 0.
    pub(crate) fn publish(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
        let mut body = text(topic);
        if id > 0 {
            body.extend(id.to_be_bytes());
        }
        body.extend(payload);
        packet(if id > 0 { 0x32 } else { 0x30 }, &body)
    }

    pub(crate) fn puback(id: u16) -> [u8; 4] {
        let [high, low] = id.to_be_bytes();
        [0x40, 2, high, low]
    }
}
