//! Requests at a fixed rate, and how long their responses take.
//!
//! Each response is held against the instant at which its request was due,
//! not at which it was sent: a stall counts for every request that it delayed
//! (the correction for coordinated omission).

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use crate::framing::Header;
use crate::setup::Setup;
use crate::source;
use crate::stream::Stream;

/// How long the last responses may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends all requests, gathers the responses, prints the percentiles.
pub(crate) fn serve(mut stream: Stream, setup: &Setup, version: u8) -> std::io::Result<()> {
    let Stream::Plain(socket) = &mut stream else { panic!("paced over plain TCP only") };
    crate::nonblocking(socket)?;
    let (mut packet, _) = source::packet(0, setup.size, version);
    let number_at = packet.len() - setup.size;
    let mut responses = Responses::new(setup);
    let (mut sent, mut out) = (0, Vec::new());
    while responses.answered < setup.count {
        let due = responses.due_by_now().min(setup.count);
        for number in sent..due {
            packet[number_at..][..8].copy_from_slice(&number.to_be_bytes());
            out.extend_from_slice(&packet);
        }
        sent = due;
        let going = write_some(socket, &mut out).and_then(|()| responses.read(socket));
        match going {
            Ok(true) if !responses.is_late() => {}
            Err(error) if !crate::is_end(&error) => return Err(error),
            _ => break,
        }
    }
    println!("{}", responses.report());
    Ok(())
}

fn write_some(socket: &mut impl Write, out: &mut Vec<u8>) -> std::io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    match socket.write(out) {
        Ok(count) => drop(out.drain(..count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

struct Responses {
    begun: Instant,
    /// Nanoseconds between two requests.
    step: f64,
    size: usize,
    count: u64,
    answered: u64,
    buffer: Vec<u8>,
    filled: usize,
    /// Nanoseconds each response took.
    took: Vec<u64>,
}

impl Responses {
    fn new(setup: &Setup) -> Self {
        Self {
            begun: Instant::now(),
            step: 1e9 / setup.rate as f64,
            size: setup.size,
            count: setup.count,
            answered: 0,
            buffer: vec![0; crate::READ],
            filled: 0,
            took: Vec::with_capacity(setup.count as usize),
        }
    }

    /// Requests that should have gone out by now.
    fn due_by_now(&self) -> u64 {
        (self.begun.elapsed().as_nanos() as f64 / self.step) as u64 + 1
    }

    fn is_late(&self) -> bool {
        let end = Duration::from_nanos((self.step * self.count as f64) as u64);
        self.begun.elapsed() > end + TIMEOUT
    }

    /// Takes the responses that are here; false at the end of the stream.
    fn read(&mut self, socket: &mut impl Read) -> std::io::Result<bool> {
        match socket.read(&mut self.buffer[self.filled..]) {
            Ok(0) => return Ok(false),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
        let now = self.begun.elapsed().as_nanos() as f64;
        let mut at = 0;
        while let Some(header) = Header::read(&self.buffer[at..self.filled]) {
            let end = at + header.len + header.body;
            if end > self.filled {
                break;
            }
            if header.packet_type() == 3 {
                let number = &self.buffer[end - self.size..][..8];
                let number = u64::from_be_bytes(number.try_into().expect("eight bytes"));
                self.took.push((now - number as f64 * self.step).max(0.0) as u64);
                self.answered += 1;
            }
            at = end;
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(true)
    }

    fn report(&mut self) -> String {
        self.took.sort_unstable();
        let at = |share: f64| {
            let index = (self.took.len() as f64 * share) as usize;
            let nanos = self.took.get(index.min(self.took.len().saturating_sub(1)));
            nanos.map_or(0.0, |nanos| *nanos as f64 / 1000.0)
        };
        format!(
            r#"{{"answered":{},"asked":{},"p50":{:.1},"p90":{:.1},"p99":{:.1},"p999":{:.1},"max":{:.1}}}"#,
            self.answered,
            self.count,
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0),
        )
    }
}
