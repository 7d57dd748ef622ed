//! What the connection goes through: told on stderr, written to a file, and
//! watched for the end of the program.

mod event_file;
mod text;

use std::time::Duration;

use evenkeel::url::{Scheme, ServerUrl};
use evenkeel::{Client, DisconnectCause, Event, Events, Report, State};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

pub(crate) use event_file::EventFile;

use crate::cause::End;
use crate::diagnosis::OwnDoctor;
use crate::error::Failure;
use crate::printer::Printer;
use crate::settings::ConnectionSettings;
use text::EventText;

/// What the command needs to know about the connection.
#[derive(Clone, Debug, Default)]
struct Observed {
    online_once: bool,
    last_end: Option<End>,
    /// How long it was waited between attempts, since the first connection.
    waited: Duration,
    /// Since when it is waited now.
    waiting: Option<Instant>,
    /// Why there will be no further connection.
    over: Option<Failure>,
}

impl Observed {
    /// The next attempt is in the future. Before the first connection that is for whoever
    /// started the program to know within the time given.
    fn wait(&mut self) {
        if self.online_once {
            self.waiting.get_or_insert_with(Instant::now);
        }
    }

    fn go_on(&mut self) {
        self.waited += self.waiting.take().map(|since| since.elapsed()).unwrap_or_default();
    }
}

/// How to observe.
pub(crate) struct Options {
    pub(crate) printer: Printer,
    /// The first attempt that fails ends the program, as with mosquitto's tools.
    pub(crate) fail_fast: bool,
    pub(crate) events: Option<EventFile>,
    /// Says at the end what is wrong.
    pub(crate) doctor: Option<OwnDoctor>,
    /// Time between two lines about the state.
    pub(crate) status: Option<Duration>,
    /// How each server is spoken to.
    pub(crate) schemes: Vec<Scheme>,
    /// The session is to outlive a connection.
    pub(crate) keeps_session: bool,
}

impl Options {
    /// Tells what goes wrong, and records nothing.
    pub(crate) fn new(printer: Printer, settings: &ConnectionSettings) -> Self {
        let schemes = settings.servers.iter().map(ServerUrl::scheme).collect();
        let fail_fast = printer.personality().is_mosquitto();
        let keeps_session = !settings.session.clean_start;
        let (events, doctor, status) = (None, None, None);
        Self { printer, fail_fast, events, doctor, status, schemes, keeps_session }
    }
}

/// Observes one client.
pub(crate) struct Observer {
    observed: watch::Receiver<Observed>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Begins to observe; the first observer of a client has its text from the start.
    pub(crate) fn start(client: &Client, options: Options) -> Self {
        let (sender, observed) = watch::channel(Observed::default());
        let task = Task {
            events: client.events(),
            state: client.watch_state(),
            text: EventText::new(options.printer, options.keeps_session),
            client: client.clone(),
            status: options.status.map(ticks),
            scheme: None,
            options,
            observed: sender,
        };
        Self { observed, task: tokio::spawn(task.run()) }
    }

    /// Waits until there will be no further connection. Cancel-safe.
    pub(crate) async fn over(&mut self) -> Failure {
        match self.observed.wait_for(|observed| observed.over.is_some()).await {
            Ok(observed) => observed.over.clone().unwrap_or_else(ended),
            Err(_) => ended(),
        }
    }

    /// For those who tell what follows from a connection.
    pub(crate) fn told(&self) -> Told {
        Told(self.observed.clone())
    }

    /// True once the client has been online.
    pub(crate) fn was_online(&self) -> bool {
        self.observed.borrow().online_once
    }

    /// The end of the last connection or attempt.
    pub(crate) fn last_end(&self) -> Option<End> {
        self.observed.borrow().last_end.clone()
    }

    /// Lets the last events be told; call after the client's shutdown.
    pub(crate) async fn finish(self) {
        // A stderr that blocks must not keep the program.
        let _ = tokio::time::timeout(Duration::from_millis(500), self.task).await;
    }
}

/// Puts what the commands tell after the connection that it follows from:
/// others tell of that.
#[derive(Clone)]
pub(crate) struct Told(watch::Receiver<Observed>);

impl Told {
    /// How long it was waited between attempts so far, since the first connection.
    pub(crate) fn waited(&self) -> Duration {
        let observed = self.0.borrow();
        observed.waited + observed.waiting.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Waits until the first connection has been told.
    pub(crate) async fn online(&mut self) {
        // An error means that nothing more is told.
        let _ = self.0.wait_for(|observed| observed.online_once).await;
    }
}

fn ended() -> Failure {
    Failure::new(crate::exit::Exit::Failed, "the client ended by itself")
}

fn ticks(period: Duration) -> Interval {
    // What changes is told at once.
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

struct Task {
    events: Events,
    state: watch::Receiver<State>,
    client: Client,
    text: EventText,
    status: Option<Interval>,
    /// How the server of this attempt is spoken to.
    scheme: Option<Scheme>,
    options: Options,
    observed: watch::Sender<Observed>,
}

impl Task {
    async fn run(mut self) {
        self.follow().await;
        if let Some(doctor) = self.options.doctor {
            doctor.end();
        }
    }

    /// Until the client has closed.
    async fn follow(&mut self) {
        loop {
            tokio::select! {
                biased;
                report = self.events.next() => match report {
                    Some(report) => self.on_report(&report),
                    None => return,
                },
                changed = self.state.changed() => {
                    let closed = *self.state.borrow_and_update() == State::Closed;
                    if changed.is_err() || closed {
                        while let Some(report) = self.events.try_next() {
                            self.on_report(&report);
                        }
                        return;
                    }
                }
                () = tick(&mut self.status) => self.text.status(&self.client),
            }
        }
    }

    fn on_report(&mut self, report: &Report) {
        if let Some(file) = &mut self.options.events {
            file.write(report, self.options.printer);
        }
        if let Some(doctor) = &mut self.options.doctor {
            doctor.note(report);
        }
        if let Event::Connecting { server, .. } = &report.event {
            self.scheme = self.options.schemes.get(*server).copied();
        }
        let end = self.end_in(report);
        // Told before others act on it.
        self.text.tell(report, end.as_ref());
        match &report.event {
            Event::Lagged { lost } => {
                self.text.lagged(*lost);
                self.catch_up();
            }
            Event::Connected(_) => {
                self.observed.send_modify(|observed| observed.online_once = true)
            }
            Event::RetryScheduled { .. } => self.observed.send_modify(Observed::wait),
            Event::Connecting { .. } => self.observed.send_modify(Observed::go_on),
            Event::Halted(_) => self.halt(),
            _ => {}
        }
        if let Some(end) = end {
            self.on_end(end);
        }
        if let Some(ticks) = &mut self.status
            && changes_state(&report.event)
        {
            self.text.status(&self.client);
            ticks.reset();
        }
    }

    /// The end that is reported; our own doing explains nothing.
    fn end_in(&self, report: &Report) -> Option<End> {
        match &report.event {
            Event::Disconnected { cause, .. } if **cause != DisconnectCause::Shutdown => {
                let detail = report.error.as_deref().cloned();
                Some(End { cause: (**cause).clone(), detail, scheme: self.scheme })
            }
            _ => None,
        }
    }

    fn on_end(&self, end: End) {
        let fail_fast = self.options.fail_fast;
        self.observed.send_modify(|observed| {
            if fail_fast && !observed.online_once {
                observed.over.get_or_insert_with(|| end.failure("the connection failed"));
            }
            observed.last_end = Some(end);
        });
    }

    fn halt(&self) {
        self.observed.send_modify(|observed| {
            let failure = match &observed.last_end {
                Some(end) if observed.online_once => end.failure("the connection ended for good"),
                Some(end) => end.failure("no connection, and trying again would not help"),
                None => ended(),
            };
            observed.over.get_or_insert(failure);
        });
    }

    /// Takes from the state what events would have said.
    fn catch_up(&mut self) {
        let state = self.state.borrow_and_update().clone();
        match state {
            State::Online { .. } => {
                self.observed.send_modify(|observed| observed.online_once = true)
            }
            State::Waiting { cause: Some(cause), .. }
            | State::Connecting { cause: Some(cause), .. } => {
                self.on_end(End { cause: *cause, detail: None, scheme: self.scheme });
            }
            State::Halted { cause, .. } => {
                if let Some(cause) = cause {
                    self.on_end(End { cause: *cause, detail: None, scheme: self.scheme });
                }
                self.halt();
            }
            _ => {}
        }
    }
}

async fn tick(status: &mut Option<Interval>) {
    match status {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Why a client has halted, is what the program ends with.
const fn changes_state(event: &Event) -> bool {
    matches!(event, Event::Connected(_) | Event::RetryScheduled { .. })
}
