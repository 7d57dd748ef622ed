//! `doctor proxy`: stands between clients and a server, changes nothing, and
//! says what is wrong.
//!
//! Bytes are handed on first and looked at afterwards, on another thread: a
//! doctor that is slow slows nobody down. What it has no time for is a gap in
//! its evidence, never in the traffic. With `--faults` it changes what the rules
//! of a script say.

mod channel;
mod faulty;
mod injector;
mod judge;
mod relay;
mod tls;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use evenkeel_doctor::{Bounds, Doctor, OpenFailure};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::at_once::AtOnce;
use super::suppress::Suppressions;
use super::told::Told;
use crate::args::DoctorProxyArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::settings::profile_named_or_read;
use crate::signals::Stop;
use injector::Injector;
use judge::Judge;
use upstream::Upstream;

/// Connections at one time; more wait in the listener's queue.
const CONNECTIONS: usize = 4096;

/// The same with faults, which hold whole packets.
const FAULTY_CONNECTIONS: usize = 256;

/// How long the server may take to accept, TLS included.
const OPENING: Duration = Duration::from_secs(20);

/// Listens until a signal, then tells the whole.
pub(super) fn run(args: &DoctorProxyArgs, printer: Printer) -> Result<(), Failure> {
    let suppressions = Suppressions::read(args.telling.suppress.as_deref())?;
    let profile = match &args.profile {
        Some(name) => profile_named_or_read(name)?,
        None => evenkeel_profile::Profile::empty(),
    };
    let upstream = Upstream::new(&args.to, args.cafile.as_deref())?;
    let acceptor = if args.tls { Some(tls::Acceptor::make(printer)?) } else { None };
    let injector = match &args.faults {
        Some(path) => Some(Injector::read(path, upstream.speech(), printer)?),
        None => None,
    };
    let mut doctor = Doctor::new(profile, Bounds::default());
    super::set_thresholds(&mut doctor, &args.thresholds)?;
    let judge = Judge::start(doctor, AtOnce::new(&args.telling, None, &suppressions, printer));
    let proxy = Arc::new(Proxy { upstream, acceptor, injector, judge: judge.handle() });
    crate::commands::in_runtime(printer, true, async |stop| {
        proxy.serve(args, printer, stop).await
    })?;
    let (report, read) = judge.finish()?;
    let told = Told::new(report, vec![read], None, &args.telling, &suppressions)?;
    super::tell(&told, &args.telling, printer)
}

/// What every connection needs.
struct Proxy {
    upstream: Upstream,
    acceptor: Option<tls::Acceptor>,
    injector: Option<Injector>,
    judge: judge::Handle,
}

impl Proxy {
    async fn serve(
        self: Arc<Self>,
        args: &DoctorProxyArgs,
        printer: Printer,
        mut stop: Stop,
    ) -> Result<(), Failure> {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            Failure::new(Exit::Failed, format!("{} cannot be listened at", args.listen))
                .why(error)
                .hint("another port, or --listen 127.0.0.1:0 for any free one")
        })?;
        let address = listener.local_addr().map_or(args.listen, |address| address);
        printer.say(&format!("listening on {address}, for {}", args.to));
        let most = if self.injector.is_some() { FAULTY_CONNECTIONS } else { CONNECTIONS };
        let slots = Arc::new(Semaphore::new(most));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let slot = slots.clone().acquire_owned();
            let accepted = async {
                let slot = slot.await.ok()?;
                Some((listener.accept().await, slot))
            };
            tokio::select! {
                () = stop.requested() => {
                    // Their taps go with them, so that the doctor learns of the end.
                    connections.shutdown().await;
                    return Ok(());
                }
                Some((accepted, slot)) = accepted => match accepted {
                    Ok((stream, peer)) => {
                        let proxy = self.clone();
                        connections.spawn(async move {
                            proxy.connection(stream, peer).await;
                            drop(slot);
                        });
                    }
                    // Out of file descriptors, say: the next one may do.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
    }

    /// One client: to the server and back, until both are done.
    async fn connection(&self, stream: tokio::net::TcpStream, peer: std::net::SocketAddr) {
        let _ = stream.set_nodelay(true);
        let tap = self.judge.connection(peer, self.upstream.address());
        let Ok(client) = tls::accept(self.acceptor.as_ref(), stream).await else {
            return tap.failed(OpenFailure::Tls);
        };
        match timeout(OPENING, self.upstream.open()).await {
            Ok(Ok(server)) => {
                tap.accepted();
                match &self.injector {
                    None => relay::relay(client, server, &tap).await,
                    Some(injector) => faulty::relay(client, server, &tap, injector).await,
                }
            }
            Ok(Err(failure)) => tap.failed(failure),
            Err(_) => tap.failed(OpenFailure::Silent),
        }
    }
}
