//! What idle connections cost whoever holds them: a write and a read for each
//! ping, evenly spread except what falls into one tick.

use std::io::{ErrorKind, Read, Result, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use speed_common::{CALM, Idle, Job};

/// Pings that are due within it go out together, and their answers are read at
/// the end of the next: to wake up for each costs more than the pings. Longer
/// ticks save nothing more.
const TICK: Duration = Duration::from_millis(100);

pub fn hold(job: &Job) -> Result<()> {
    let mut idle = Idle::start(job);
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(job.connections);
    for number in 0..job.connections {
        let mut socket = TcpStream::from_std(connect(job)?);
        poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        sockets.push(socket);
    }
    run(job, &mut poll, &mut sockets, CALM)?;
    idle.watch();
    run(job, &mut poll, &mut sockets, Duration::from_secs(job.seconds))?;
    idle.finish();
    Ok(())
}

fn connect(job: &Job) -> Result<std::net::TcpStream> {
    let mut socket = std::net::TcpStream::connect((job.host.as_str(), job.port))?;
    socket.set_nodelay(true)?;
    let [high, low] = job.keep_alive.to_be_bytes();
    socket.write_all(b"\x10\x0f\0\x04MQTT\x04\x02")?;
    socket.write_all(&[high, low, 0, 3, b'r', b'a', b'w'])?;
    let mut answer = [0; 4];
    socket.read_exact(&mut answer)?;
    assert_eq!(answer[0], 0x20);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Pings once in a keep-alive on each connection, and reads the answers.
fn run(job: &Job, poll: &mut Poll, sockets: &mut [TcpStream], time: Duration) -> Result<()> {
    let each = Duration::from_secs(job.keep_alive.into()) / sockets.len().max(1) as u32;
    let mut events = Events::with_capacity(sockets.len());
    let begun = Instant::now();
    let (mut pings, mut ticks) = (0_u32, 0);
    while begun.elapsed() < time {
        ticks += 1;
        std::thread::sleep((TICK * ticks).saturating_sub(begun.elapsed()));
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            let mut answers = [0; 64];
            match sockets[event.token().0].read(&mut answers) {
                Ok(0) => panic!("the server has gone"),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        while each * pings <= begun.elapsed() {
            let next = pings as usize % sockets.len();
            sockets[next].write_all(&[0xc0, 0])?;
            pings += 1;
        }
    }
    Ok(())
}
