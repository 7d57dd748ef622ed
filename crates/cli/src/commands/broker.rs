//! `broker`: the development broker until a signal ends it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use evenkeel_broker::{Broker, Event, EventKind, Quota, Strictness};
use tokio::sync::broadcast::error::RecvError;

use crate::args::{BrokerArgs, EventsVersion};
use crate::duration;
use crate::emulator::{self, Admin, Authorizers};
use crate::error::Failure;
use crate::exit::Exit;
use crate::monitor::{Monitor, Sources};
use crate::printer::{Data, Printer};
use crate::private;
use crate::settings::BrokerSettings;
use crate::signals::Stop;

pub(super) async fn run(
    settings: BrokerSettings,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let mut journal = Journal::open(settings.events.as_deref(), settings.events_version, printer)?;
    let is_emulator = settings.emulated.is_some();
    for warning in &settings.warnings {
        printer.warn(warning);
    }
    let admin = match &settings.folder {
        Some(folder) => Some(Admin::listen(folder)?),
        None => None,
    };
    let monitor = Monitor::bind(settings.metrics.as_ref())?;
    let started = match settings.emulated {
        None => settings.builder.start().await,
        Some((emulator, save)) => settings.builder.start_with(emulator, save).await,
    };
    let broker = started.map_err(|error| {
        Failure::usage("the broker cannot start")
            .why(error)
            .hint("choose another port or address, 0 for any free port")
    })?;
    if let Some(monitor) = monitor {
        monitor.serve(Sources { clients: None, broker: Some(broker.clone()) }, printer)?;
    }
    let mut events = broker.events();
    // Recorded before anyone listened; later events come by the channel.
    for event in broker.recorded().iter().filter(|event| event.name() == "listening") {
        journal.record(event)?;
    }
    for url in broker.urls() {
        printer.say(&format!("listening on {url}"));
    }
    for line in settings.quota.iter().flat_map(about) {
        printer.say(&line);
    }
    let kept = if is_emulator { "sessions and retained messages" } else { "everything" };
    printer.warn(&format!("this broker is for development and tests: it keeps {kept} in memory"));
    let serving = serve(admin.as_ref(), settings.authorizers.as_ref(), &broker, printer);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => break,
            () = &mut serving => break,
            event = events.recv() => match event {
                Ok(event) => {
                    journal.record(&event)?;
                    if is_emulator {
                        tell(&event, printer)?;
                    }
                }
                Err(RecvError::Lagged(lost)) => printer.warn(&format!("{lost} events were not written in time")),
                Err(RecvError::Closed) => break,
            },
        }
    }
    printer.say("stopping");
    broker.stop(false).await.map_err(|error| {
        Failure::new(Exit::Failed, "the broker did not stop in order").why(error)
    })?;
    while let Ok(event) = events.try_recv() {
        journal.record(&event)?;
    }
    Ok(())
}

/// Serves the operator of an emulated account, and answers for its authorizers,
/// without end.
async fn serve(
    admin: Option<&Admin>,
    authorizers: Option<&Authorizers>,
    broker: &Broker,
    printer: Printer,
) {
    let operator = async {
        match admin {
            Some(admin) => admin.serve(broker).await,
            None => std::future::pending().await,
        }
    };
    let questions = async {
        match authorizers {
            Some(authorizers) => authorizers.serve(broker, printer).await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(operator, questions);
}

/// What the operator of an emulated account wants to see: who was refused, and why.
fn tell(event: &Event, printer: Printer) -> Result<(), Failure> {
    match &event.kind {
        EventKind::Service { service, text } => {
            printer.say(&format!("{service}: {text}"));
        }
        EventKind::Denied { act, topic, why } => {
            let client = event.client_id.as_deref().unwrap_or_default();
            printer.say(&format!("gate: {client:?} may not {act} {topic:?}: {why}"));
        }
        EventKind::StateNotSaved { text } => {
            return Err(Failure::new(Exit::Failed, "the account's state cannot be written")
                .why(text)
                .hint("nothing of it was answered; make room, and start again"));
        }
        _ => {}
    }
    Ok(())
}

/// Makes the folder of an emulated account, or adds a thing to it.
pub(super) fn init(args: &BrokerArgs, printer: Printer) -> Result<(), Failure> {
    let (Some(folder), Some(thing)) = (&args.aws.folder, &args.aws.init) else { return Ok(()) };
    let lines = emulator::init(folder, thing)?;
    printer.show(&format!("{}\n", lines.join("\n")))
}

/// What it enforces, what not, and which spans are shorter than they are called.
fn about(quota: &Quota) -> Vec<String> {
    let left_out = quota.left_out();
    let level = match quota.strictness {
        Strictness::Documented => "documented",
        Strictness::Observed => "observed",
        Strictness::Harsh => "harsh",
    };
    let name = &quota.profile.name;
    let count = quota.profile.limits().len() - left_out.len();
    let mut lines = vec![format!("enforcing {count} limits of profile {name} ({level})")];
    if !left_out.is_empty() {
        lines.push(format!("not enforced at this level: {}", left_out.join(", ")));
    }
    if quota.hasten.get() > 1 {
        lines.extend(quota.spans().iter().map(|span| {
            let (real, short) = (duration::text(span.real), duration::text(span.hastened));
            format!("hastened: {} of {real} is over in {short}", span.limit)
        }));
    }
    lines
}

/// What is written of the broker's decisions.
struct Journal {
    to: Option<Destination>,
    version: EventsVersion,
    printer: Printer,
}

/// Where they go.
enum Destination {
    Stdout(Data),
    File(File),
}

impl Journal {
    /// A path of `-` is stdout; without one they are debug output alone.
    fn open(
        path: Option<&Path>,
        version: EventsVersion,
        printer: Printer,
    ) -> Result<Self, Failure> {
        let to = path.map(|path| Destination::open(path, printer)).transpose()?;
        Ok(Self { to, version, printer })
    }

    fn record(&mut self, event: &Event) -> Result<(), Failure> {
        let line = match self.version {
            EventsVersion::V1 => event.to_json_v1(),
            EventsVersion::V2 => event.to_json(),
        };
        self.printer.debug(&line);
        match &mut self.to {
            Some(to) => to.write(&line),
            None => Ok(()),
        }
    }
}

impl Destination {
    fn open(path: &Path, printer: Printer) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(printer.data()));
        }
        private::append(path).map(Self::File).map_err(|error| {
            Failure::usage(format!("the events file '{}' cannot be written", path.display()))
                .why(error)
        })
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        match self {
            Self::Stdout(data) => {
                data.line(line)?;
                data.flush()
            }
            Self::File(file) => writeln!(file, "{line}").map_err(|error| {
                Failure::new(Exit::Failed, "the events file can no longer be written").why(error)
            }),
        }
    }
}
