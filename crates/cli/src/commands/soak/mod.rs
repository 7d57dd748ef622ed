//! `soak`: many clients, a broker that makes trouble at random, and a verdict.
//!
//! All in this process: a broker whose faults are drawn from a seed
//! ([`trouble`]) or are those of a file, clients in a ring that publish to each other ([`worker`]),
//! a outcomes of every message ([`outcomes`]), and a law_checks who sees the broker's
//! events only ([`law_checks`]). When the time is over, the trouble ends, and
//! everything has to settle: all clients online, all promises kept.

mod doctor;
mod findings;
mod law_checks;
mod limits;
mod outcomes;
mod report;
mod rng;
mod trouble;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel::{QoS, Stats};
use evenkeel_broker::Broker;
use evenkeel_broker::fault::Script;
use evenkeel_metrics::Clients;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::args::SoakArgs;
use crate::duration;
use crate::error::Failure;
use crate::exit::Exit;
use crate::monitor::{self, Monitor, Sources};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::settings::read_faults;
use crate::signals::Stop;
use doctor::Doctor;
use findings::Spread;
use law_checks::LawChecks;
use limits::ClientLimits;
use report::{Connections, Pings, SoakReport};
use rng::Rng;
use trouble::{Trouble, TroublePlan};
use worker::{Shared, Worker};

/// Short, so that a soak of minutes has many pings.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// Connects of one client in [`BUDGET_WINDOW`].
const BUDGET: u32 = 30;
const BUDGET_WINDOW: Duration = Duration::from_secs(30);
/// Everybody online for the first time.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// The budget's window, the longest delay and what a slow machine adds.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// How often it says where it is.
const TELLS_EVERY: Duration = Duration::from_millis(500);

fn client_id(index: u64) -> String {
    format!("soak-{index}")
}

/// Which client it is, by its identifier.
fn number(client_id: &str) -> Option<usize> {
    client_id.rsplit('-').next().and_then(|number| number.parse().ok())
}

/// Every fourth client speaks MQTT 3.1.1.
fn is_old(client_id: &str) -> bool {
    number(client_id).is_some_and(|number| number % 4 == 3)
}

/// Runs the soak; success only if nothing was lost and no law broken.
pub(super) async fn run(args: &SoakArgs, printer: Printer, stop: Stop) -> Result<(), Failure> {
    let seed = args.seed.unwrap_or_else(Rng::random_seed);
    let limits = ClientLimits::new(args.profile.as_deref(), args.strictness)?;
    let keep_alive = limits.keep_alive.as_secs();
    let monitor = Monitor::bind(args.metrics.address.as_ref())?;
    let faults = args.faults.as_deref().map(read_faults).transpose()?;
    let soak = Soak::begin(args.clients, limits, faults, Rng::new(seed), printer, monitor).await?;
    let began = Instant::now();
    let trouble = soak.make_trouble(args.lasts, stop).await;
    let seconds = seconds(began.elapsed());
    let report = soak.end(SoakReport {
        v: 1,
        kind: "soak",
        seed,
        clients: args.clients,
        seconds,
        settled_in: None,
        trouble,
        connections: Connections::default(),
        pings: Pings::default(),
        longest_silence: 0.0,
        keep_alive,
        messages: Default::default(),
        violations: Vec::new(),
        findings: Vec::new(),
    });
    let report = report.await;
    show(&report, args.json, printer)?;
    if let Some((first, more)) = report.findings.split_first() {
        let more = match more.len() {
            0 => String::new(),
            more => format!(" ({more} more with --json)"),
        };
        printer.say(&format!("{}{more}", first.line()));
    }
    if report.violations.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::BadVerdict, "the soak did not end well")
        .why(format!("{} things went wrong; the report lists them", report.violations.len()))
        .hint(format!(
            "please report this with the output above; --seed {seed} makes the same trouble again"
        )))
}

fn show(report: &SoakReport, json: bool, printer: Printer) -> Result<(), Failure> {
    let mut data = printer.data();
    if json {
        data.line(&report.to_json())?;
    } else {
        data.write(report.to_text().as_bytes())?;
        let verdict = if report.violations.is_empty() {
            data.paint("verdict: good. Nothing lost, no law broken.", "32")
        } else {
            data.paint("verdict: bad.", "31;1")
        };
        data.write_own(format!("{verdict}\n"))?;
    }
    data.flush()
}

/// A soak under way.
struct Soak {
    broker: Broker,
    workers: Vec<Worker>,
    shared: Arc<Shared>,
    limits: ClientLimits,
    rng: Rng,
    printer: Printer,
    goes_on: watch::Sender<bool>,
    publishing: JoinSet<()>,
    /// The trouble is that of a file.
    has_faults: bool,
    law_checks: JoinHandle<LawChecks>,
    judges: watch::Sender<bool>,
}

/// Waits until everybody has subscribed.
async fn subscribe(workers: &[Worker]) -> Result<(), Failure> {
    let mut subscribing = JoinSet::new();
    for worker in workers {
        let worker = worker.clone();
        subscribing.spawn(async move { worker.subscribe().await });
    }
    let subscribed = timeout(BEGINS_WITHIN, subscribing.join_all()).await;
    let subscribed = subscribed.map_err(|_| {
        Failure::new(Exit::Timeout, "the clients did not all subscribe in time")
            .hint("try fewer --clients: this machine may be too slow for so many")
    })?;
    for result in subscribed {
        result.map_err(|error| failed("a client cannot subscribe", error))?;
    }
    Ok(())
}

impl Soak {
    /// Starts everybody; nobody publishes before all have subscribed.
    async fn begin(
        clients: usize,
        limits: ClientLimits,
        faults: Option<Script>,
        rng: Rng,
        printer: Printer,
        monitor: Option<Monitor>,
    ) -> Result<Self, Failure> {
        let has_faults = faults.is_some();
        let mut script = faults.unwrap_or_default();
        // They begin as the trouble does.
        let rules = std::mem::take(&mut script.rules);

        let quiet = |config: &mut evenkeel_broker::Config| {
            config.behaviour.sys_interval = None;
            config.quota = limits.quota();
        };
        let builder = Broker::builder().script(script);
        let broker = builder.configure(quiet).bind_tcp("127.0.0.1:0").start().await;
        let broker = broker.map_err(|error| failed("the soak's broker cannot start", error))?;
        let metrics = Clients::new();
        if let Some(monitor) = monitor {
            let (clients, broker) = (Some(metrics.clone()), Some(broker.clone()));
            monitor.serve(Sources { clients, broker }, printer)?;
        }
        let (judges, until) = watch::channel(true);
        let doctor = Doctor::new(clients, limits.profile(), has_faults);
        let shared = Arc::new(Shared::new(clients, doctor));
        let law_checks = tokio::spawn(judge(broker.clone(), shared.clone(), until));
        let mut workers = Vec::with_capacity(clients);
        for index in 0..clients {
            let rng = rng.fork(1 + index as u64);
            let worker = Worker::start(&broker.url(), index, &limits, rng, shared.clone());
            let worker = worker.map_err(|error| failed("a client cannot start", error))?;
            monitor::add(&metrics, &client_id(index as u64), &worker.client);
            workers.push(worker);
        }
        subscribe(&workers).await?;
        for rule in rules {
            let added = broker.add_fault(rule);
            added.map_err(|error| failed("the file has a fault that cannot be", error))?;
        }
        let (goes_on, follow) = watch::channel(true);
        let mut publishing = JoinSet::new();
        for worker in workers.clone() {
            publishing.spawn(worker.publish(follow.clone()));
        }
        Ok(Self {
            broker,
            workers,
            shared,
            limits,
            rng,
            printer,
            goes_on,
            publishing,
            has_faults,
            law_checks,
            judges,
        })
    }

    /// Makes trouble until the time is over or a signal comes; counts it by kind.
    async fn make_trouble(&self, lasts: Duration, mut stop: Stop) -> BTreeMap<&'static str, u64> {
        let mut trouble = BTreeMap::new();
        let plan = || TroublePlan::new(self.rng.fork(0), self.workers.len());
        let mut plan = (!self.has_faults).then(plan);
        let end = Instant::now() + lasts;
        let (mut tell, mut progress) =
            (tokio::time::interval(TELLS_EVERY), Progress::new(self.printer));
        let began = Instant::now();
        self.printer.debug("all clients have subscribed: the trouble begins");
        let mut next = plan.as_mut().map(|plan| later(Instant::now(), plan.next()));
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => {
                    self.printer.say("stopping early; what is under way has to settle first");
                    return trouble;
                }
                () = tokio::time::sleep_until(end) => return trouble,
                () = due(&next) => {
                    if let (Some(plan), Some((at, trouble_now))) = (&mut plan, next.take()) {
                        *trouble.entry(trouble_now.name()).or_default() += 1;
                        trouble_now.perform(&self.broker);
                        next = Some(later(at, plan.next()));
                    }
                }
                _ = tell.tick() => {
                    self.tell(&mut progress, (began.elapsed(), lasts), trouble.values().sum());
                }
            }
        }
    }

    fn tell(&self, progress: &mut Progress, (time, of): (Duration, Duration), trouble: u64) {
        let acknowledged = self.acknowledged();
        progress.show(acknowledged, |rate| {
            format!(
                "{} of {}; {}/{} online; {acknowledged} acknowledged ({rate}); trouble {trouble}",
                duration::text(time),
                duration::text(of),
                self.online(),
                self.workers.len(),
            )
        });
    }

    fn online(&self) -> usize {
        self.workers.iter().filter(|worker| worker.client.state().is_online()).count()
    }

    fn acknowledged(&self) -> u64 {
        let outcomes = self.shared.outcomes();
        QOS.iter().map(|qos| outcomes.tally(*qos).acknowledged).sum()
    }

    /// Ends the trouble, lets everything settle, and fills in the report.
    async fn end(mut self, mut report: SoakReport) -> SoakReport {
        let began = Instant::now();
        if self.has_faults {
            report.trouble.insert("faults of the file", self.broker.stats().faults_applied);
        }
        self.broker.clear_faults();
        self.goes_on.send_replace(false);
        let settles_within = self.limits.settles_within;
        let settled = timeout(settles_within, self.settle()).await.is_ok();
        report.settled_in = settled.then(|| seconds(began.elapsed()));
        if !settled {
            let online = self.workers.iter().filter(|worker| worker.client.state().is_online());
            report.violations.push(format!(
                "not settled {} s after the trouble ended: {} of {} clients online",
                settles_within.as_secs(),
                online.count(),
                self.workers.len()
            ));
        }
        for worker in &self.workers {
            report.pings.add(&worker.client.stats());
        }
        report.violations.extend(self.shut_down().await);
        self.judges.send_replace(false);
        match self.law_checks.await {
            Ok(law_checks) => report.violations.extend(law_checks.into_charges()),
            Err(error) => report.violations.push(format!("the law checks failed: {error:#}")),
        }
        let stats = self.broker.stats();
        report.violations.extend(stats.quota_breaks.iter().map(|(limit, count)| {
            format!("the profile's limit {limit} was broken by {count} packets")
        }));
        report.pings.seen_by_broker = stats.pings_received();
        report.longest_silence = seconds(stats.longest_silence);
        report.messages = QOS.map(|qos| self.shared.outcomes().tally(qos));
        report.violations.extend(report.messages.iter().flat_map(outcomes::Tally::violations));
        let mut findings = self.shared.findings();
        report.violations.append(&mut findings.violations);
        report.connections = Connections {
            connects: stats.clients.values().map(|client| client.connects).sum(),
            accepted: stats.connects_accepted,
            lifetimes: Spread::of(std::mem::take(&mut findings.lifetimes)),
            causes: std::mem::take(&mut findings.causes),
            recovery: Spread::of(std::mem::take(&mut findings.recoveries)),
        };
        drop(findings);
        report.findings = self.shared.doctor.findings();
        report
    }

    /// All clients online, all messages settled.
    async fn settle(&mut self) {
        // A publisher that waits for room in its queue has to come out of it.
        while self.publishing.join_next().await.is_some() {}
        let mut progress = Progress::new(self.printer);
        loop {
            let (online, all) = (self.online(), self.workers.len());
            if online == all && self.shared.outcomes().is_settled() {
                return;
            }
            progress.show(self.acknowledged(), |rate| {
                format!("settling; {online}/{all} online; waiting for outcomes ({rate})")
            });
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Shuts all clients down; tells of those that had something left.
    async fn shut_down(&self) -> Vec<String> {
        let mut ending = JoinSet::new();
        for (index, worker) in self.workers.iter().enumerate() {
            let client = worker.client.clone();
            ending.spawn(async move { (index, client.shutdown(super::GRACE).await) });
        }
        let ended = ending.join_all().await;
        let unclean = ended.iter().filter(|(_, report)| !report.is_clean());
        unclean
            .map(|(index, report)| format!("{}: left {report:?}", client_id(*index as u64)))
            .collect()
    }
}

const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

impl Pings {
    const fn add(&mut self, stats: &Stats) {
        self.sent += stats.pings_sent;
        self.answered += stats.pongs;
        self.unanswered += stats.pings_unanswered;
        self.late += stats.pongs_unsolicited;
    }
}

/// Trouble and when it comes.
type Planned = (Instant, Trouble);

fn later(at: Instant, (gap, trouble): (Duration, Trouble)) -> Planned {
    (at + gap, trouble)
}

/// Waits for what is planned next; without end if nothing is.
async fn due(next: &Option<Planned>) {
    match next {
        Some((at, _)) => tokio::time::sleep_until(*at).await,
        None => std::future::pending().await,
    }
}

/// Shows the law_checks every event until it is told to end.
async fn judge(broker: Broker, shared: Arc<Shared>, mut until: watch::Receiver<bool>) -> LawChecks {
    let mut law_checks = LawChecks::default();
    let mut events = broker.events();
    drop(broker);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => {
                    law_checks.note(&event);
                    shared.doctor.note_broker(&event);
                }
                Err(RecvError::Lagged(count)) => law_checks.missed(count),
                Err(RecvError::Closed) => return law_checks,
            },
            _ = until.wait_for(|judges| !judges) => return law_checks,
        }
    }
}

/// To the millisecond, as more digits are noise.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}

fn failed(what: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, what).why(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourth_client_is_old() {
        let old = (0..8).filter(|index| is_old(&client_id(*index)));
        assert_eq!(old.collect::<Vec<_>>(), [3, 7]);
    }
}
