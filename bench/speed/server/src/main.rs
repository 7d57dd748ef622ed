//! Sink and source of MQTT messages for the clients that are measured.
//!
//! It does as little as a server can: acknowledges what comes, one write for
//! each read, and sends packets encoded ahead. It trusts the client: a packet
//! that breaks MQTT may end the program, never a measurement unnoticed.
//!
//! Called with `KEY=VALUE` arguments, see [`Setup`]. Prints `port N` once it
//! listens, and what it counted as one line of JSON when the client has gone.

mod crowd;
mod framing;
mod pace;
mod session;
mod setup;
mod source;
mod stream;
mod websocket;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use session::Session;
use setup::Setup;
use stream::Stream;

/// Room for one read.
const READ: usize = 256 * 1024;

fn main() -> std::io::Result<()> {
    let setup = Setup::from_args();
    // Before the port is told: the client reads the certificate authority.
    let security = setup.security.prepare();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("port {}", listener.local_addr()?.port());
    if setup.crowd {
        return crowd::serve(listener, &setup);
    }
    loop {
        // Clients that probe the server first close without a word.
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        if serve(stream::accept(socket, &setup, &security)?, &setup)? {
            return Ok(());
        }
    }
}

/// Serves one client until it goes; false if it never said CONNECT.
fn serve(mut stream: Stream, setup: &Setup) -> std::io::Result<bool> {
    let mut session = Session::new(setup);
    let mut input = Input::default();
    let mut out = Vec::with_capacity(READ);
    while !session.ended && input.read(&mut stream)? {
        input.pass_on(&mut session, &mut out);
        if session.subscribed && setup.rate > 0 {
            stream.write_all(&out)?;
            return pace::serve(stream, setup, session.version).map(|()| true);
        }
        match session.send(&mut stream, &mut out) {
            // A client that is done exits without a goodbye.
            Err(error) if is_end(&error) => break,
            sent => sent?,
        }
    }
    if session.connected {
        println!("{}", session.report(input.reads));
    }
    Ok(session.connected)
}

/// True if the client has gone.
fn is_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// What was read and not yet understood.
struct Input {
    buffer: Vec<u8>,
    filled: usize,
    reads: u64,
}

impl Default for Input {
    fn default() -> Self {
        Self { buffer: vec![0; READ], filled: 0, reads: 0 }
    }
}

impl Input {
    /// Reads once; false at the end of the stream.
    fn read(&mut self, stream: &mut Stream) -> std::io::Result<bool> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = match stream.read(room) {
            Ok(count) => count,
            Err(error) if is_end(&error) => 0,
            Err(error) => return Err(error),
        };
        self.reads += 1;
        self.filled += count;
        Ok(count > 0)
    }

    fn pass_on(&mut self, session: &mut Session, out: &mut Vec<u8>) {
        let taken = session.take(&self.buffer[..self.filled], out);
        self.buffer.copy_within(taken..self.filled, 0);
        self.filled -= taken;
    }
}

/// The processor time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// For a socket that must not block; only plain ones are asked for it.
fn nonblocking(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nonblocking(true)
}
