//! No client, but what any client is bound by: packets encoded ahead, blocking
//! reads and writes, nothing looked at but what must be. MQTT 3.1.1.

mod idle;

use std::io::{Read, Result, Write};
use std::net::TcpStream;

use speed_common::{ANSWERS, FILTER, Job, Meter, Mode, TOPIC};

/// Bytes gathered for one write.
const BLOCK: usize = 64 * 1024;
/// A small window goes out in so many parts, and is answered so: the server
/// works on one while the next is made, and neither falls asleep. That costs
/// as much processor time as a window at once and is faster by a third.
const PARTS: usize = 10;
/// A window is large, and answered at once, above so many messages.
const LARGE: u16 = 1000;

fn main() -> Result<()> {
    let job = Job::from_args();
    if job.mode == Mode::Idle {
        return idle::hold(&job);
    }
    let mut wire = Wire::connect(&job)?;
    match job.mode {
        Mode::Publish if job.qos == 0 => stream(&mut wire, &job),
        Mode::Publish => publish(&mut wire, &job),
        Mode::Receive => receive(&mut wire, &job),
        _ => answer(&mut wire, &job),
    }
}

/// A socket, and what was read and not yet understood.
struct Wire {
    socket: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes of a payload still to come.
    skip: usize,
}

/// One packet as far as it matters: its first byte, and what tells of it.
struct Seen {
    first: u8,
    id: [u8; 2],
    /// Where the packet ends; beyond the buffer for a large one.
    end: usize,
}

impl Wire {
    fn connect(job: &Job) -> Result<Self> {
        let socket = TcpStream::connect((job.host.as_str(), job.port))?;
        socket.set_nodelay(true)?;
        let mut wire = Self { socket, buffer: vec![0; 256 * 1024], filled: 0, skip: 0 };
        wire.socket.write_all(b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03raw")?;
        wire.expect(0x20)?;
        Ok(wire)
    }

    fn expect(&mut self, first: u8) -> Result<()> {
        let mut seen = false;
        while !seen {
            self.read(|_, packet| {
                seen |= packet.first == first;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Reads once and shows each packet that has begun.
    fn read(&mut self, mut show: impl FnMut(&[u8], Seen) -> Result<()>) -> Result<()> {
        let count = self.socket.read(&mut self.buffer[self.filled..])?;
        assert_ne!(count, 0, "the server has gone");
        self.filled += count;
        let mut at = self.skip.min(self.filled);
        self.skip -= at;
        while let Some(packet) = next(&self.buffer[at..self.filled]) {
            let end = at + packet.end;
            show(&self.buffer[at..end.min(self.filled)], packet)?;
            self.skip = end.saturating_sub(self.filled);
            at = end.min(self.filled);
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }
}

/// The packet at the front, once its identifier is there.
fn next(input: &[u8]) -> Option<Seen> {
    let (first, rest) = input.split_first()?;
    let mut body = 0;
    let place = rest.iter().take(4).enumerate().find_map(|(place, byte)| {
        body |= usize::from(byte & 0x7f) << (7 * place);
        (byte & 0x80 == 0).then_some(place)
    })?;
    let head = place + 2;
    let at = match (first >> 4, first & 6) {
        (3, 0) => None,
        (3, _) => {
            Some(head + 2 + usize::from(u16::from_be_bytes(*input.get(head..)?.first_chunk()?)))
        }
        _ if body >= 2 => Some(head),
        _ => None,
    };
    let id = match at {
        Some(at) => *input.get(at..)?.first_chunk()?,
        None => [0, 0],
    };
    Some(Seen { first: *first, id, end: head + body })
}

/// A PUBLISH, and where its packet identifier stands.
fn packet(topic: &str, qos: u8, size: usize) -> (Vec<u8>, usize) {
    let id = if qos > 0 { 2 } else { 0 };
    let mut packet = vec![0x30 | (qos << 1)];
    let mut body = 2 + topic.len() + id + size;
    while body > 0x7f {
        packet.push(body as u8 | 0x80);
        body >>= 7;
    }
    packet.extend_from_slice(&[body as u8, 0, topic.len() as u8]);
    packet.extend_from_slice(topic.as_bytes());
    let id_at = packet.len();
    packet.resize(id_at + id + size, b'x');
    (packet, id_at)
}

fn stream(wire: &mut Wire, job: &Job) -> Result<()> {
    let (packet, _) = packet(TOPIC, 0, job.size);
    let each = (BLOCK / packet.len()).max(1) as u64;
    let block = packet.repeat(each as usize);
    let meter = Meter::start();
    let mut left = job.count;
    while left > 0 {
        let now = each.min(left);
        wire.socket.write_all(&block[..now as usize * packet.len()])?;
        left -= now;
    }
    // An answer to this one says that all before it has come.
    wire.socket.write_all(&[0xc0, 0])?;
    wire.expect(0xd0)?;
    meter.finish(job.count);
    Ok(())
}

fn publish(wire: &mut Wire, job: &Job) -> Result<()> {
    let (packet, id_at) = packet(TOPIC, job.qos, job.size);
    let window = u64::from(job.window).min(job.count);
    // The whole window lies ready: what is sent is a part of this.
    let small = packet.len() < BLOCK;
    let mut ready = packet.repeat(if small { window as usize } else { 1 });
    for (packet, id) in ready.chunks_mut(packet.len()).zip(1_u16..) {
        packet[id_at..][..2].copy_from_slice(&id.to_be_bytes());
    }
    let part = usize::from(job.window).div_ceil(PARTS);
    let mut socket = wire.socket.try_clone()?;
    let meter = Meter::start();
    let (mut sent, mut done) = (0, 0);
    let mut out = Vec::new();
    while done < job.count {
        let free = (job.count - sent).min(window - (sent - done));
        if small {
            // Answers come in order, so identifiers go round with the window.
            let from = sent % window;
            let first = free.min(window - from);
            let part = |from: u64, count: u64| {
                &ready[from as usize * packet.len()..][..count as usize * packet.len()]
            };
            if free > 0 {
                out.extend_from_slice(part(from, first));
                out.extend_from_slice(part(0, free - first));
            }
        } else {
            for number in sent..sent + free {
                let id = (number % window + 1) as u16;
                ready[id_at..][..2].copy_from_slice(&id.to_be_bytes());
                wire.socket.write_all(&ready)?;
            }
        }
        sent += free;
        for part in out.chunks(part * packet.len()) {
            socket.write_all(part)?;
        }
        out.clear();
        wire.read(|_, packet| {
            match packet.first >> 4 {
                5 => {
                    out.extend_from_slice(&[0x62, 2, packet.id[0], packet.id[1]]);
                    pass_on(&mut socket, &mut out, 4 * part)?;
                }
                _ => done += 1,
            }
            Ok(())
        })?;
    }
    meter.finish(job.count);
    Ok(())
}

/// Writes what has gathered once it is at least so many bytes.
fn pass_on(socket: &mut TcpStream, out: &mut Vec<u8>, least: usize) -> Result<()> {
    if out.len() >= least {
        socket.write_all(out)?;
        out.clear();
    }
    Ok(())
}

fn subscribe(wire: &mut Wire) -> Result<()> {
    let length = 5 + FILTER.len() as u8;
    wire.socket.write_all(&[0x82, length, 0, 1, 0, FILTER.len() as u8])?;
    wire.socket.write_all(&[FILTER.as_bytes(), &[2]].concat())
}

fn receive(wire: &mut Wire, job: &Job) -> Result<()> {
    let meter = Meter::start();
    subscribe(wire)?;
    let window = usize::from(job.window);
    let part = if job.window > LARGE { window } else { window.div_ceil(PARTS) };
    let mut socket = wire.socket.try_clone()?;
    let (mut received, mut finished) = (0, 0);
    let mut out = Vec::new();
    while finished < job.count || wire.skip > 0 {
        wire.read(|_, packet| {
            let [high, low] = packet.id;
            match packet.first >> 4 {
                3 if job.qos == 1 => out.extend_from_slice(&[0x40, 2, high, low]),
                3 if job.qos == 2 => out.extend_from_slice(&[0x50, 2, high, low]),
                6 => out.extend_from_slice(&[0x70, 2, high, low]),
                _ => {}
            }
            received += u64::from(packet.first >> 4 == 3);
            finished += u64::from(packet.first >> 4 == if job.qos == 2 { 6 } else { 3 });
            pass_on(&mut socket, &mut out, 4 * part)
        })?;
        wire.socket.write_all(&out)?;
        out.clear();
    }
    assert_eq!(received, job.count);
    meter.finish(job.count);
    Ok(())
}

fn answer(wire: &mut Wire, job: &Job) -> Result<()> {
    subscribe(wire)?;
    let (packet, payload_at) = packet(ANSWERS, 0, job.size);
    let (mut answered, mut out, mut meter) = (0, Vec::new(), None);
    while answered < job.count {
        wire.read(|bytes, seen| {
            if seen.first >> 4 == 3 {
                meter.get_or_insert_with(Meter::start);
                out.extend_from_slice(&packet[..payload_at]);
                out.extend_from_slice(&bytes[bytes.len() - job.size..]);
                answered += 1;
            }
            Ok(())
        })?;
        wire.socket.write_all(&out)?;
        out.clear();
    }
    if let Some(meter) = meter {
        meter.finish(job.count);
    }
    // The last answers are read before the connection is closed.
    wire.socket.write_all(&[0xc0, 0])?;
    Ok(())
}
