//! The way of bytes through the rules of `--faults`.
//!
//! The doctor sees what the client sees: what it sends as it comes, and what it
//! gets once that has left.

use std::future::pending;
use std::io;
use std::time::Duration;

use evenkeel_broker::relay::{Relay, Side};
use evenkeel_doctor as doctor;
use evenkeel_doctor::CloseHow;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, sleep_until, timeout};

use super::injector::Injector;
use super::judge::Tap;
use super::relay::{AFTER_ONE, CHUNK, Stream};

/// A client gets this long, and this many bytes, to read the last packets and
/// close, if a rule has closed its connection.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1024 * 1024;

/// Relays both ways, as the rules say.
pub(super) async fn relay(
    client: Box<dyn Stream>,
    server: Box<dyn Stream>,
    tap: &Tap,
    injector: &Injector,
) {
    let mut line = Line::open(client, server, tap, injector);
    while !line.is_done() {
        line.pass_on().await;
        if !line.is_done() {
            line.wait().await;
        }
    }
    line.finish().await;
}

/// Where bytes come from.
struct Source {
    reading: ReadHalf<Box<dyn Stream>>,
    chunk: Vec<u8>,
    /// How it ended.
    end: Option<CloseHow>,
}

/// Where bytes go.
struct Target {
    writing: WriteHalf<Box<dyn Stream>>,
    bytes: Vec<u8>,
    sent: usize,
    is_flushed: bool,
    /// It gets nothing more.
    is_over: bool,
}

/// One connection.
struct Line<'a> {
    relay: Relay,
    from_client: Source,
    from_server: Source,
    to_client: Target,
    to_server: Target,
    /// When the first of the two has ended.
    alone_since: Option<Instant>,
    is_blind: bool,
    tap: &'a Tap,
    injector: &'a Injector,
}

/// What happened first.
enum Happened {
    Read(Side, io::Result<usize>),
    Wrote(Side, io::Result<usize>),
    /// Something may be due.
    Due,
}

impl<'a> Line<'a> {
    fn open(
        client: Box<dyn Stream>,
        server: Box<dyn Stream>,
        tap: &'a Tap,
        injector: &'a Injector,
    ) -> Self {
        let (from_client, to_client) = ends(client);
        let (from_server, to_server) = ends(server);
        let relay = injector.with(|faults, now| Relay::open(faults, now, injector.speech()));
        let (alone_since, is_blind) = (None, false);
        Self {
            relay,
            from_client,
            from_server,
            to_client,
            to_server,
            alone_since,
            is_blind,
            tap,
            injector,
        }
    }

    fn is_done(&self) -> bool {
        let both = self.to_client.is_over && self.to_server.is_over;
        both || self.alone_since.is_some_and(|since| since.elapsed() >= AFTER_ONE)
    }

    /// Tells what rules did, and gives each side what is for it.
    async fn pass_on(&mut self) {
        self.injector.with(|faults, now| self.relay.tick(faults, now));
        for applied in self.relay.applied() {
            self.tap.fault(applied.action);
            self.injector.tell(&applied);
        }
        if self.relay.is_blind() && !std::mem::replace(&mut self.is_blind, true) {
            self.injector.tell_blind();
        }
        let now = self.injector.now();
        for to in [Side::Client, Side::Server] {
            let target = self.target(to);
            let is_ready = target.is_ready();
            if is_ready {
                let (relay, target) = self.parts(to);
                relay.take_output(now, to, &mut target.bytes);
            }
            let target = self.target(to);
            if target.is_over {
                target.bytes.clear();
            } else if (is_ready && target.is_ready() || self.relay.is_overdue(now))
                && self.relay.is_over(now, to)
            {
                self.end(to).await;
            }
        }
    }

    /// Tells a side that nothing more will come.
    async fn end(&mut self, to: Side) {
        if to == Side::Client {
            let how = match self.from_server.end {
                Some(how) if !self.relay.is_closed() => how,
                _ => CloseHow::Fin,
            };
            self.tap.closing(doctor::Side::Server, how);
        }
        self.alone_since.get_or_insert_with(Instant::now);
        let target = self.target(to);
        target.is_over = true;
        // One that is gone already needs no news.
        let _ = timeout(LINGER, target.writing.shutdown()).await;
    }

    async fn wait(&mut self) {
        let now = self.injector.now();
        let wants = [Side::Client, Side::Server].map(|from| self.relay.wants(now, from));
        // What is due already waits for room.
        let due = self.relay.deadline(now).filter(|at| *at > now).map(|at| self.injector.at(at));
        let alone = self.alone_since.map(|since| since + AFTER_ONE);
        let due = [due, alone].into_iter().flatten().min();
        let Self { from_client, from_server, to_client, to_server, .. } = self;
        let happened = tokio::select! {
            read = from_client.read(), if wants[0] => Happened::Read(Side::Client, read),
            read = from_server.read(), if wants[1] => Happened::Read(Side::Server, read),
            wrote = to_client.progress() => Happened::Wrote(Side::Client, wrote),
            wrote = to_server.progress() => Happened::Wrote(Side::Server, wrote),
            () = sleep(due) => Happened::Due,
        };
        match happened {
            Happened::Read(from, Ok(len @ 1..)) => self.took(from, len),
            Happened::Read(from, Ok(0)) => self.ended(from, CloseHow::Fin),
            Happened::Read(from, Err(_)) => self.ended(from, CloseHow::Reset),
            Happened::Wrote(to, Ok(len)) => self.wrote(to, len),
            Happened::Wrote(to, Err(_)) => self.failed(to),
            Happened::Due => {}
        }
    }

    /// Bytes came.
    fn took(&mut self, from: Side, len: usize) {
        let Self { relay, from_client, from_server, tap, injector, .. } = self;
        let source = if from == Side::Client { from_client } else { from_server };
        let bytes = source.chunk.get(..len).unwrap_or_default();
        if from == Side::Client {
            tap.bytes(doctor::Side::Client, bytes);
        }
        injector.with(|faults, now| relay.receive(faults, now, from, bytes));
    }

    /// No more bytes will come.
    fn ended(&mut self, from: Side, how: CloseHow) {
        match from {
            Side::Client => {
                self.from_client.end = Some(how);
                self.alone_since.get_or_insert_with(Instant::now);
                self.tap.closing(doctor::Side::Client, how);
            }
            // The client has not heard of it yet.
            Side::Server => self.from_server.end = Some(how),
        }
        self.injector.with(|faults, now| self.relay.ended(faults, now, from));
    }

    /// Bytes went.
    fn wrote(&mut self, to: Side, len: usize) {
        let tap = self.tap;
        let target = self.target(to);
        let bytes = target.bytes.get(target.sent..target.sent + len).unwrap_or_default();
        if to == Side::Client && !bytes.is_empty() {
            tap.bytes(doctor::Side::Server, bytes);
        }
        target.sent += len;
        if target.sent == target.bytes.len() {
            target.bytes.clear();
            target.sent = 0;
        }
    }

    /// A side is gone.
    fn failed(&mut self, to: Side) {
        let target = self.target(to);
        target.is_over = true;
        (target.sent, target.is_flushed) = (0, true);
        target.bytes.clear();
        if to == Side::Client {
            self.ended(Side::Client, CloseHow::Reset);
        }
        self.alone_since.get_or_insert_with(Instant::now);
    }

    /// Lets a client read what was sent: a socket that is dropped with unread
    /// bytes would take the last packets with it.
    async fn finish(self) {
        if self.relay.is_closed() {
            let rest = &mut self.from_client.reading.take(LINGER_BYTES);
            let _ = timeout(LINGER, tokio::io::copy(rest, &mut tokio::io::sink())).await;
        }
        self.injector.with(|faults, _| self.relay.forget(faults));
    }

    const fn target(&mut self, to: Side) -> &mut Target {
        self.parts(to).1
    }

    const fn parts(&mut self, to: Side) -> (&mut Relay, &mut Target) {
        let target = match to {
            Side::Client => &mut self.to_client,
            Side::Server => &mut self.to_server,
        };
        (&mut self.relay, target)
    }
}

fn ends(stream: Box<dyn Stream>) -> (Source, Target) {
    let (reading, writing) = split(stream);
    let source = Source { reading, chunk: vec![0; CHUNK], end: None };
    let target = Target { writing, bytes: Vec::new(), sent: 0, is_flushed: true, is_over: false };
    (source, target)
}

impl Source {
    /// Never again once it has ended.
    async fn read(&mut self) -> io::Result<usize> {
        match self.end {
            None => self.reading.read(&mut self.chunk).await,
            Some(_) => pending().await,
        }
    }
}

impl Target {
    /// Whether all has gone that was for it.
    const fn is_ready(&self) -> bool {
        self.bytes.is_empty() && self.is_flushed
    }

    /// Writes some of what there is; never without.
    async fn progress(&mut self) -> io::Result<usize> {
        let rest = self.bytes.get(self.sent..).unwrap_or_default();
        if !rest.is_empty() {
            self.is_flushed = false;
            return match self.writing.write(rest).await? {
                0 => Err(io::ErrorKind::WriteZero.into()),
                len => Ok(len),
            };
        }
        if self.is_flushed {
            return pending().await;
        }
        self.writing.flush().await?;
        self.is_flushed = true;
        Ok(0)
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_broker::fault::Script;
    use evenkeel_broker::relay::{Faults, Speech};
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::personality::Personality;
    use crate::printer::{ColorChoice, Printer, Verbosity};

    const CONNECT: &[u8] = b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04pump";
    const CONNACK: &[u8] = b"\x20\x02\0\0";

    /// A client and a server with a relay of one rule between them. A pipe of
    /// either holds 32 bytes.
    fn between(rule: &str) -> (DuplexStream, DuplexStream, impl Future<Output = ()> + use<>) {
        let script = Script::parse(&format!("[[rule]]\n{rule}")).unwrap();
        let printer = Printer::new(Personality::Evenkeel, Verbosity::Quiet, ColorChoice::Never);
        let injector = Injector::new(Faults::new(script).unwrap(), Speech::Mqtt, printer);
        let ((near, client), (far, server)) = (duplex(32), duplex(32));
        let relayed = async move {
            let (tap, _) = Tap::unheard(1);
            relay(Box::new(client), Box::new(server), &tap, &injector).await;
        };
        (near, far, relayed)
    }

    async fn reads(stream: &mut DuplexStream, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, expected);
    }

    async fn is_at_its_end(stream: &mut DuplexStream) {
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_passed_on_and_the_other_side_may_go_on() {
        let (mut near, mut far, relayed) = between("sent = \"AUTH\"\naction = \"drop\"");
        let sides = async {
            near.write_all(CONNECT).await.unwrap();
            near.shutdown().await.unwrap();
            reads(&mut far, CONNECT).await;
            is_at_its_end(&mut far).await;
            far.write_all(CONNACK).await.unwrap();
            drop(far);
            reads(&mut near, CONNACK).await;
            is_at_its_end(&mut near).await;
        };
        tokio::join!(relayed, sides);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_takes_its_time() {
        let (mut near, mut far, relayed) =
            between("sent = \"CONNACK\"\naction = { delay = \"10s\" }");
        let sides = async {
            near.write_all(CONNECT).await.unwrap();
            reads(&mut far, CONNECT).await;
            let began = Instant::now();
            far.write_all(CONNACK).await.unwrap();
            reads(&mut near, CONNACK).await;
            // A timer of tokio counts whole milliseconds, and rounds up.
            let took = began.elapsed();
            assert!((10_000..=10_001).contains(&took.as_millis()), "{took:?}");
            drop((near, far));
        };
        tokio::join!(relayed, sides);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_line_is_left_a_while_after_its_client() {
        let (mut near, mut far, relayed) =
            between("received = \"CONNECT\"\naction = { silence = {} }");
        let sides = async {
            near.write_all(CONNECT).await.unwrap();
            reads(&mut far, CONNECT).await;
            far.write_all(CONNACK).await.unwrap();
            let began = Instant::now();
            drop(near);
            // Nobody tells the server.
            is_at_its_end(&mut far).await;
            assert!(began.elapsed() >= AFTER_ONE, "{:?}", began.elapsed());
        };
        tokio::join!(relayed, sides);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_does_not_hold_a_close_up() {
        let (mut near, mut far, relayed) = between("sent = \"PINGRESP\"\naction = \"close\"");
        let sides = async {
            near.write_all(CONNECT).await.unwrap();
            reads(&mut far, CONNECT).await;
            // More than the client's pipe holds.
            far.write_all(&CONNACK.repeat(8)).await.unwrap();
            far.write_all(&CONNACK.repeat(8)).await.unwrap();
            far.write_all(b"\xd0\0").await.unwrap();
            is_at_its_end(&mut far).await;
        };
        let began = Instant::now();
        tokio::join!(relayed, sides);
        assert!(began.elapsed() < AFTER_ONE, "{:?}", began.elapsed());
        drop(near);
    }
}
