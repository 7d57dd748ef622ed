//! A publisher and a subscriber with `--store`, killed again and again: every
//! message is accounted for by its number (D1, D3, D4, D6). The instants are
//! drawn from a seed, and are those of real time: the same seed makes the same
//! plan, not the same run.
//!
//! Against mosquitto (skipped with a note if it is not installed, except
//! under `CI=true`) and the dev broker. `EVENKEEL_KILLS` sets how often each
//! program is killed, `EVENKEEL_SEED` repeats a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_broker::Broker;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::support::{Run, Running, broker_with, dead_port, evenkeel, folder};

/// The longest a program takes for what a kill waits for, however busy the machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What `CI` can afford: some seconds for each test.
const KILLS: u64 = 20;

/// Lines given to one run of the publisher at most.
const LINES: u64 = 300;

enum Server {
    Mosquitto { port: u16, _daemon: Child },
    Dev(Broker),
}

impl Server {
    /// `None` if it is not installed.
    async fn mosquitto() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // The daemon's folder is in the PATH of administrators only.
        let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let found = folders.map(|folder| folder.join("mosquitto")).find(|file| file.is_file());
        let Some(program) = found else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "mosquitto is not installed");
            eprintln!("SKIPPED: mosquitto is not installed");
            return None;
        };
        // Another process may take the port before mosquitto does.
        for _ in 0..5 {
            let port = dead_port();
            let config = folder().join("mosquitto.conf");
            let text = format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n\
                 log_type none\n"
            );
            std::fs::write(&config, text).unwrap();
            let mut command = Command::new(&program);
            command.arg("-c").arg(&config).kill_on_drop(true);
            let mut daemon = command.spawn().unwrap();
            let started = Instant::now();
            while started.elapsed() < TIMEOUT && daemon.try_wait().unwrap().is_none() {
                if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                    return Some(Self::Mosquitto { port, _daemon: daemon });
                }
                // Nothing tells when it listens.
                sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("mosquitto does not listen");
    }

    async fn dev() -> Self {
        Self::Dev(broker_with(|builder| builder).await)
    }

    fn at(&self, run: Run) -> Run {
        match self {
            Self::Mosquitto { port, .. } => run.args(["-h", "127.0.0.1", "-p", &port.to_string()]),
            Self::Dev(broker) => run.at(broker),
        }
    }
}

/// splitmix64: the same instants for the same seed.
struct Seed(u64);

impl Seed {
    fn new() -> Self {
        let given = std::env::var("EVENKEEL_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
        eprintln!("EVENKEEL_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Half of the kills come at some time, starting and connecting included;
    /// half after some lines of output, so that slow machines get there too.
    fn instant(&mut self) -> Kill {
        match self.below(2) {
            0 => Kill::At(Duration::from_millis(5 + self.below(300))),
            _ => Kill::After(1 + self.below(150) as usize),
        }
    }
}

fn kills() -> u64 {
    std::env::var("EVENKEEL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

#[derive(Clone, Copy, Debug)]
enum Kill {
    At(Duration),
    After(usize),
}

/// Runs until the kill, and gives the whole lines of its output. What `feed`
/// gives back is held until then: its end would be that of the program.
async fn run_and_kill(
    run: Run,
    kill: Kill,
    feed: impl AsyncFnOnce(ChildStdin) -> ChildStdin,
) -> Vec<String> {
    let mut child = run.spawn();
    let stdin = child.stdin.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    let mut lines = Vec::new();
    let (time, count) = match kill {
        Kill::At(time) => (time, usize::MAX),
        Kill::After(count) => (TIMEOUT, count),
    };
    let end = Instant::now() + time;
    let run = async {
        let (mut running, mut line) = (true, Vec::new());
        loop {
            tokio::select! {
                read = out.read_until(b'\n', &mut line) => {
                    if read.unwrap() == 0 {
                        return child.wait().await.unwrap();
                    }
                    // What the kill cut off is no line.
                    if line.pop() == Some(b'\n') {
                        lines.push(String::from_utf8(std::mem::take(&mut line)).unwrap());
                    }
                }
                () = sleep_until(end), if running => {}
            }
            if running && (lines.len() >= count || Instant::now() >= end) {
                child.start_kill().unwrap();
                running = false;
            }
        }
    };
    let whole = async { tokio::join!(run, stderr.read_to_string(&mut said), feed(stdin)) };
    let (status, ..) = timeout(2 * TIMEOUT, whole).await.expect("the program outlives its kill");
    assert_eq!(status.code(), None, "it ended by itself at {kill:?}: {said}");
    lines
}

/// Messages by the run that was given them and their number in it, as they came.
type Account = Vec<(u64, u64)>;

fn parse(payload: &str) -> (u64, u64) {
    let (run, number) = payload.split_once(':').unwrap();
    (run.parse().unwrap(), number.parse().unwrap())
}

/// Without what came before, if that is allowed.
fn first_comings(came: &Account) -> Account {
    let mut seen = BTreeSet::new();
    came.iter().copied().filter(|message| seen.insert(*message)).collect()
}

/// A publisher that is killed loses nothing that was stored: of each run, all
/// lines up to some line arrive, in order, and nothing after it.
async fn publisher(server: Server, qos: u8, fsync: &str) {
    let store = folder().join("pub.session");
    let path = store.to_str().unwrap();
    let mut seed = Seed::new();
    let listening = evenkeel("sub k -q 2 -c -i kill-listener -d");
    let mut listener = server.at(listening).start();
    listener.until_says("subscribed to").await;
    // Read all the while: whoever does not read holds the publisher up.
    let listener = tokio::spawn(until_end(listener));
    let line = format!("pub -t k -l -q {qos} --json --fsync {fsync} --store {path} -W 600");
    // What is known to be accepted, by run: so many lines at least.
    let mut accepted = BTreeMap::new();
    for run in 0..kills() {
        let kill = seed.instant();
        let burst = 1 + seed.below(40);
        let feed = async |mut stdin: ChildStdin| {
            for number in 0..LINES {
                // The program may have been killed.
                if stdin.write_all(format!("{run}:{number}\n").as_bytes()).await.is_err() {
                    break;
                }
                if number.is_multiple_of(burst) {
                    // Bursts with pauses: queues that are filled and that are empty.
                    sleep(Duration::from_millis(2)).await;
                }
            }
            stdin
        };
        let told = run_and_kill(server.at(evenkeel(&line)), kill, feed).await;
        assert!(told.iter().all(|line| line.contains("\"type\":\"published\"")), "{told:?}");
        accepted.insert(run, told.len() as u64);
        if seed.below(3) == 0 {
            for (run, number) in stored(&store).await {
                let lines = accepted.entry(run).or_default();
                *lines = (*lines).max(number + 1);
            }
        }
    }
    server.at(evenkeel(&line)).run().await.expect(0);
    assert_eq!(stored(&store).await, []);
    server.at(evenkeel("pub k end -q 2")).run().await.expect(0);
    let came = listener.await.unwrap();
    if qos == 2 {
        assert_eq!(came, first_comings(&came), "a message of QoS 2 came twice");
    }
    let came = first_comings(&came);
    let mut counts = BTreeMap::<u64, u64>::new();
    for (run, number) in &came {
        let next = counts.entry(*run).or_default();
        assert_eq!(number, next, "run {run}: lost or out of order in {came:?}");
        *next += 1;
    }
    assert!(came.is_sorted(), "the runs are out of order in {came:?}");
    for (run, lines) in accepted {
        let arrived = counts.get(&run).copied().unwrap_or_default();
        assert!(arrived >= lines, "run {run}: {arrived} of {lines} accepted messages arrived");
    }
    eprintln!("{} messages over {} kills", came.len(), kills());
}

/// What is in the store of a program that is not running.
async fn stored(store: &Path) -> Account {
    if !store.exists() {
        return Vec::new();
    }
    let out = evenkeel("queue export").args([store.to_str().unwrap()]).run().await.out();
    let json = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    out.lines().map(|line| parse(json(line)["payload"].as_str().unwrap())).collect()
}

async fn until_end(mut listener: Running) -> Account {
    let mut came = Vec::new();
    loop {
        match listener.line().await.as_str() {
            "end" => return came,
            line => came.push(parse(line)),
        }
    }
}

/// A subscriber that is killed is sent what it had not acknowledged, and
/// nothing else, again.
async fn subscriber(server: Server, qos: u8, fsync: &str) {
    let store = folder().join("sub.session");
    let line = format!("sub k -q {qos} -c --json --fsync {fsync} --store {}", store.display());
    let sub = || server.at(evenkeel(&line));
    let mut seed = Seed::new();
    let mut first = sub().args(["-d"]).start();
    first.until_says("subscribed to").await;
    first.signal("KILL").await;
    first.ended().await.expect(-1);
    let publishing = format!("pub -t k -l -q {qos}");
    let mut publisher = server.at(evenkeel(&publishing)).start();
    let mut lines = publisher.stdin();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let feeding = tokio::spawn(async move {
        let mut number = 0_u64;
        while stopped.try_recv().is_err() {
            lines.write_all(format!("0:{number}\n").as_bytes()).await.unwrap();
            number += 1;
            if number.is_multiple_of(8) {
                // Time for kills between the messages.
                sleep(Duration::from_millis(5)).await;
            }
        }
        lines.write_all(b"0:end\n").await.unwrap();
        number
    });
    let mut came = Vec::new();
    let mut take = |run: u64, line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let payload = message["payload"].as_str().unwrap().to_owned();
        let is_end = payload == "0:end";
        if !is_end {
            came.push((run, parse(&payload).1, message["dup"].as_bool().unwrap()));
        }
        is_end
    };
    for run in 0..kills() {
        let hold = async |stdin| stdin;
        for line in run_and_kill(sub(), seed.instant(), hold).await {
            take(run, &line);
        }
    }
    stop.send(()).unwrap();
    let sent: u64 = feeding.await.unwrap();
    publisher.ended().await.expect(0);
    let mut last = sub().start();
    while !take(kills(), &last.line().await) {}
    last.signal("INT").await;
    last.ended().await.expect(0);

    let mut seen = BTreeMap::new();
    let mut next = 0;
    for &(run, number, dup) in &came {
        match seen.insert(number, run) {
            None => {
                assert_eq!(number, next, "lost or out of order");
                next += 1;
            }
            Some(earlier) => {
                assert!(earlier < run, "message {number} came twice in run {run}");
                assert!(dup, "message {number} came again in run {run}, not as a duplicate");
            }
        }
    }
    assert_eq!(next, sent, "messages were lost at the end");
    let again = came.len() as u64 - sent;
    eprintln!("{sent} messages over {} kills, {again} came again", kills());
}

macro_rules! against {
    ($($name:ident: $role:ident, $qos:literal, $fsync:literal;)*) => {$(
        mod $name {
            #[tokio::test]
            async fn mosquitto() {
                if let Some(server) = super::Server::mosquitto().await {
                    super::$role(server, $qos, $fsync).await;
                }
            }

            #[tokio::test]
            async fn dev_broker() {
                super::$role(super::Server::dev().await, $qos, $fsync).await;
            }
        }
    )*};
}

// A killed process loses nothing that was committed, whatever the policy.
against! {
    a_publisher_of_qos_1: publisher, 1, "every-commit";
    a_publisher_of_qos_2: publisher, 2, "5ms";
    a_subscriber_of_qos_1: subscriber, 1, "never";
    a_subscriber_of_qos_2: subscriber, 2, "every-commit";
}
