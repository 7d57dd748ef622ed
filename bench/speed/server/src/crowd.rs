//! Many clients at once that do little; served until the program is killed.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::session::Session;
use crate::setup::Setup;

const LISTENER: Token = Token(usize::MAX);

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
                && !member.serve()?
            {
                members.remove(&event.token());
            }
        }
    }
}

impl Member {
    /// Answers what has come; false when the client has gone.
    fn serve(&mut self) -> std::io::Result<bool> {
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
            // Answers are so short that the socket takes them whole.
            self.socket.write_all(&out)?;
        }
    }
}
