//! The ordinary traffic of 5,000 clients, and of one with a fault.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use super::wire::{ACK, CLIENT, FIN, Pcap, Peer, SERVER, mqtt};

const CLIENTS: u32 = 5000;
/// The number of the one with the fault.
const PUMP: u32 = 17;
const KEEP_ALIVE: u16 = 60;
/// That of the one with the fault.
const SHORT: u16 = 10;
pub(crate) const SECOND: u64 = 1_000_000;

/// Numbers that look random, and are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A client of the ordinary capture.
struct Client {
    number: u32,
    peer: Peer,
    /// What it does next on its connection; 0 is to open it.
    step: u64,
    /// After how many steps it leaves.
    steps: u64,
    packet_id: u16,
}

impl Client {
    fn new(number: u32) -> Self {
        let [_, b, c, d] = number.to_be_bytes();
        let peer = Peer::new([10, b, c, d], 9999);
        Self { number, peer, step: 0, steps: 0, packet_id: 0 }
    }

    /// Does the next thing; returns after how many microseconds another follows.
    fn act(&mut self, pcap: &mut Pcap<impl Write>, random: &mut Random) -> io::Result<u64> {
        let step = self.step;
        self.step += 1;
        if step == 0 {
            return self.begin(pcap, random);
        }
        if self.number == PUMP {
            return self.orphan(step, pcap);
        }
        if step >= self.steps {
            self.step = 0;
            pcap.send(&mut self.peer, CLIENT, ACK, mqtt::DISCONNECT)?;
            pcap.send(&mut self.peer, CLIENT, FIN | ACK, b"")?;
            pcap.send(&mut self.peer, SERVER, FIN | ACK, b"")?;
            return Ok((5 + random.below(60)) * SECOND);
        }
        if self.number.is_multiple_of(4) {
            return self.ping(pcap).map(|()| u64::from(KEEP_ALIVE) * SECOND);
        }
        self.publish(pcap, random)?;
        Ok(100_000 + random.below(2 * SECOND))
    }

    fn begin(&mut self, pcap: &mut Pcap<impl Write>, random: &mut Random) -> io::Result<u64> {
        self.peer = Peer::new(self.peer.host, self.peer.port.wrapping_add(1).max(10_000));
        self.steps = 100 + random.below(900);
        pcap.open(&mut self.peer)?;
        let keep_alive = if self.number == PUMP { SHORT } else { KEEP_ALIVE };
        let connect = mqtt::connect(&format!("pump-{}", self.number), keep_alive, "");
        pcap.send(&mut self.peer, CLIENT, ACK, &connect)?;
        pcap.send(&mut self.peer, SERVER, ACK, mqtt::CONNACK)?;
        Ok(u64::from(keep_alive) * SECOND)
    }

    fn ping(&mut self, pcap: &mut Pcap<impl Write>) -> io::Result<()> {
        pcap.send(&mut self.peer, CLIENT, ACK, mqtt::PINGREQ)?;
        pcap.send(&mut self.peer, SERVER, ACK, mqtt::PINGRESP)
    }

    /// A first ping as it should be; with the second one another timer, which
    /// finds no answer yet.
    fn orphan(&mut self, step: u64, pcap: &mut Pcap<impl Write>) -> io::Result<u64> {
        if step == 1 {
            return self.ping(pcap).map(|()| u64::from(SHORT) * SECOND);
        }
        self.step = 0;
        pcap.send(&mut self.peer, CLIENT, ACK, mqtt::PINGREQ)?;
        pcap.send(&mut self.peer, CLIENT, FIN | ACK, b"")?;
        pcap.send(&mut self.peer, SERVER, FIN | ACK, b"")?;
        Ok(SECOND)
    }

    /// With QoS 0 or 1, most payloads small; one in 50 takes several segments.
    fn publish(&mut self, pcap: &mut Pcap<impl Write>, random: &mut Random) -> io::Result<()> {
        self.packet_id = if random.below(2) == 0 { 0 } else { self.step as u16 };
        let longest = [64, 256, 1024, 1300, 8000][random.below(50).saturating_sub(45) as usize];
        let payload = vec![self.step as u8; random.below(longest) as usize];
        let topic = format!("site/{}/pump-{}/level", self.number % 20, self.number);
        let publish = mqtt::publish(&topic, self.packet_id, &payload);
        for segment in publish.chunks(1400) {
            pcap.send(&mut self.peer, CLIENT, ACK, segment)?;
        }
        if self.packet_id > 0 {
            pcap.send(&mut self.peer, SERVER, ACK, &mqtt::puback(self.packet_id))?;
        }
        pcap.send(&mut self.peer, CLIENT, ACK, b"")
    }
}

/// They publish, are idle and reconnect as they should, until the capture has so
/// many bytes.
pub(crate) fn ordinary(pcap: &mut Pcap<impl Write>, bytes: u64) -> io::Result<()> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut clients: Vec<Client> = (0..CLIENTS).map(Client::new).collect();
    let begin = pcap.micros;
    let mut due: BinaryHeap<Reverse<(u64, u32)>> =
        (0..CLIENTS).map(|number| Reverse((begin + random.below(30 * SECOND), number))).collect();
    while pcap.bytes < bytes
        && let Some(Reverse((at, number))) = due.pop()
    {
        pcap.micros = pcap.micros.max(at);
        let after = clients[number as usize].act(pcap, &mut random)?;
        due.push(Reverse((pcap.micros + after, number)));
    }
    Ok(())
}
