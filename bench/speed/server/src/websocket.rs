//! Just enough of WebSocket for a server: binary frames in both directions.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use tungstenite::handshake::derive_accept_key;

/// Room for one read of the socket.
const READ: usize = 256 * 1024;

pub(crate) struct WebSocket {
    socket: TcpStream,
    raw: Vec<u8>,
    filled: usize,
    /// Payload of the present frame that is still to come, and its mask.
    left: usize,
    mask: [u8; 4],
    /// How far the mask has been turned.
    turned: usize,
}

impl WebSocket {
    /// Answers the handshake.
    pub(crate) fn accept(mut socket: TcpStream) -> io::Result<Self> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            request.extend_from_slice(&byte);
        }
        let request = String::from_utf8_lossy(&request);
        let header = |name: &str| {
            let lines = request.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        };
        let key = header("sec-websocket-key").expect("a key");
        let protocol = header("sec-websocket-protocol").unwrap_or("mqtt");
        // A client may offer several names for one protocol.
        let protocol = protocol.split(',').next().unwrap_or("mqtt").trim();
        write!(
            socket,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n",
            derive_accept_key(key.as_bytes()),
        )?;
        let raw = vec![0; READ];
        Ok(Self { socket, raw, filled: 0, left: 0, mask: [0; 4], turned: 0 })
    }

    /// Reads frame headers off the front of `raw`; false while one is incomplete.
    fn header(&mut self) -> bool {
        let raw = &self.raw[..self.filled];
        let [_, second, ..] = *raw else { return false };
        let (length, at) = match second & 0x7f {
            126 if raw.len() >= 4 => (usize::from(u16::from_be_bytes([raw[2], raw[3]])), 4),
            127 if raw.len() >= 10 => {
                let long: [u8; 8] = raw[2..10].try_into().expect("eight bytes");
                (u64::from_be_bytes(long) as usize, 10)
            }
            126 | 127 => return false,
            short => (usize::from(short), 2),
        };
        let Some(mask) = raw.get(at..at + 4) else { return false };
        self.mask.copy_from_slice(mask);
        self.turned = 0;
        // What control frames say is no MQTT.
        self.left = if raw[0] & 0x0f >= 8 { 0 } else { length };
        let consumed = at + 4 + if self.left == 0 { length } else { 0 };
        if consumed > self.filled {
            return false;
        }
        self.consume(consumed);
        true
    }

    fn consume(&mut self, count: usize) {
        self.raw.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    fn unmask(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.left.min(self.filled).min(buffer.len());
        let mut mask = self.mask;
        mask.rotate_left(self.turned % 4);
        for (to, from) in buffer[..count].chunks_mut(4).zip(self.raw[..count].chunks(4)) {
            for ((to, from), mask) in to.iter_mut().zip(from).zip(mask) {
                *to = from ^ mask;
            }
        }
        self.turned += count;
        self.left -= count;
        self.consume(count);
        count
    }
}

impl Read for WebSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut total = 0;
        loop {
            while self.left > 0 || self.header() {
                let count = self.unmask(&mut buffer[total..]);
                total += count;
                if self.left > 0 {
                    break;
                }
            }
            if total > 0 {
                return Ok(total);
            }
            match self.socket.read(&mut self.raw[self.filled..])? {
                0 => return Ok(0),
                count => self.filled += count,
            }
        }
    }
}

impl Write for WebSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut frame = Vec::with_capacity(bytes.len() + 10);
        frame.push(0x82);
        match bytes.len() {
            length @ 0..126 => frame.push(length as u8),
            length @ 126..0x1_0000 => {
                frame.push(126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(bytes);
        self.socket.write_all(&frame)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
