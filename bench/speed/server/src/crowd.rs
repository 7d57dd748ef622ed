//! Many clients at once that do little; served until all have gone.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::session::Session;
use crate::setup::Setup;

const LISTENER: Token = Token(usize::MAX);

/// Pings are counted by such spans of time, in milliseconds ...
const SPAN: u128 = 100;
/// ... and told of so many spans: two rounds of a keep-alive of 5 s.
const SPANS: usize = 100;

/// How many pings came in each span since the start.
struct Pings {
    start: Instant,
    counts: Vec<u32>,
}

impl Pings {
    fn count(&mut self) {
        let span = (self.start.elapsed().as_millis() / SPAN) as usize;
        self.counts.resize(self.counts.len().max(span + 1), 0);
        self.counts[span] += 1;
    }

    /// Of the last spans, before the one in which clients went: the mean and
    /// the most of them, as JSON.
    fn report(&self) -> String {
        let whole = &self.counts[..self.counts.len().saturating_sub(1)];
        let last = &whole[whole.len().saturating_sub(SPANS)..];
        let mean = f64::from(last.iter().sum::<u32>()) / last.len().max(1) as f64;
        let most = last.iter().max().unwrap_or(&0);
        format!(
            r#"{{"pings_mean":{mean:.1},"pings_most":{most},"cpu":{:.6}}}"#,
            crate::cpu_seconds()
        )
    }
}

const PINGRESP: [u8; 2] = [0xd0, 0];

struct Member {
    socket: TcpStream,
    session: Session,
    rest: Vec<u8>,
}

pub(crate) fn serve(listener: TcpListener, setup: &Setup) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut members: HashMap<Token, Member> = HashMap::new();
    let mut names = 0;
    let mut pings = Pings { start: Instant::now(), counts: Vec::new() };
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut socket, _)) = listener.accept() {
                    socket.set_nodelay(true)?;
                    let token = Token(names);
                    names += 1;
                    poll.registry().register(&mut socket, token, Interest::READABLE)?;
                    let session = Session::new(setup);
                    members.insert(token, Member { socket, session, rest: Vec::new() });
                }
            } else if let Some(member) = members.get_mut(&event.token())
                && !member.serve(&mut pings)?
            {
                members.remove(&event.token());
                if members.is_empty() {
                    println!("{}", pings.report());
                    return Ok(());
                }
            }
        }
    }
}

impl Member {
    /// Answers what has come; false when the client has gone.
    fn serve(&mut self, pings: &mut Pings) -> std::io::Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(_) => return Ok(false),
            }
            let mut out = Vec::new();
            let taken = self.session.take(&self.rest, &mut out);
            self.rest.drain(..taken);
            if out == PINGRESP {
                pings.count();
            }
            // Answers are so short that the socket takes them whole.
            self.socket.write_all(&out)?;
        }
    }
}
