//! A server that answers each packet at once: CONNECT, PUBLISH of QoS 1.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Clients whose identifier begins so are refused.
pub(crate) const REFUSED: &str = "refused-";

pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(|| serve(stream));
        }
    });
    address
}

/// Clients of this program write one packet at a time.
fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("TCP");
    let mut packet = [0; 1024];
    while let Ok(len @ 1..) = stream.read(&mut packet) {
        let refuses = packet[..len].windows(REFUSED.len()).any(|it| it == REFUSED.as_bytes());
        let answer = match packet[0] >> 4 {
            1 => [0x20, 2, 0, if refuses { 5 } else { 0 }],
            _ => [0x40, 2, 0, 1],
        };
        if stream.write_all(&answer).is_err() || refuses {
            return;
        }
    }
}

/// CONNECT, MQTT 3.1.1.
pub(crate) fn connect(client: &str) -> Vec<u8> {
    let len = u8::try_from(12 + client.len()).expect("a short one");
    let client_len = len - 12;
    let head = [0x10, len, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, client_len];
    [&head[..], client.as_bytes()].concat()
}

/// PUBLISH of QoS 1 with 200 bytes of payload.
pub(crate) fn publish() -> Vec<u8> {
    let body = [&[0, 5][..], b"pumps", &[0, 1], &[b'x'; 200]].concat();
    let len = u8::try_from(body.len() - 128).expect("of two digits") | 0x80;
    [&[0x32, len, 1][..], &body].concat()
}
