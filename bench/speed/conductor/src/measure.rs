//! One run: a server on one core, a client on the other.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::cases::{Case, Transport, Work};
use crate::clients::Client;
use crate::file_limit;
use crate::options::Options;
use crate::results::{Results, Run};

/// The most that one run may take, whatever it is.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Idle connections take longer.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// Seconds for which idle connections are watched, and their keep-alive.
const WATCH: u64 = 10;
const KEEP_ALIVE: u64 = 5;
/// Files that a program has open beside its connections.
const SPARE_FILES: u64 = 100;
/// Paced requests: so many, over a second at least and three at most.
const PACED: u64 = 20_000;

pub(crate) struct Measure {
    programs: PathBuf,
    ca: PathBuf,
    /// Processor time that a run shall take.
    seconds: f64,
    /// Messages per run, by client and case.
    counts: HashMap<(String, String), Count>,
}

/// How many messages take about as long as a run shall.
#[derive(Clone, Copy)]
struct Count {
    messages: u64,
    /// False for a guess, which the first run is held against.
    settled: bool,
}

impl Measure {
    /// Begins where `earlier` results ended: most of their counts still fit.
    pub(crate) fn new(options: &Options, earlier: &[&Results]) -> Self {
        let ca = std::env::temp_dir().join(format!("speed-ca-{}.pem", std::process::id()));
        let (programs, seconds) = (options.programs.clone(), options.seconds);
        let cells = earlier.iter().flat_map(|results| &results.cells);
        let counts = cells.filter_map(|cell| {
            let messages = cell.runs.last()?.messages;
            Some(((cell.client.clone(), cell.case.clone()), Count { messages, settled: false }))
        });
        Self { programs, ca, seconds, counts: counts.collect() }
    }

    pub(crate) fn run(&mut self, client: &Client, case: &Case) -> Result<Run, String> {
        match case.work {
            Work::Publish { qos, window } | Work::Receive { qos, window } => {
                self.calibrated(client, case, qos, window)
            }
            Work::Answer { rate } => self.answer(client, case, rate),
            Work::Start => self.start(client, case),
            Work::Idle { connections } => self.idle(client, case, connections),
        }
    }

    /// Runs with as many messages as take about as long as a run shall; the
    /// first time it tries until it has found how many these are.
    fn calibrated(
        &mut self,
        client: &Client,
        case: &Case,
        qos: u8,
        window: u16,
    ) -> Result<Run, String> {
        let key = (client.name.clone(), case.name.clone());
        let (least, most) = match case.size {
            0..=1024 => (2 * u64::from(window).max(1000), 30_000_000),
            65_536 => (200, 400_000),
            _ => (16, 20_000),
        };
        let guess = Count { messages: least, settled: false };
        let mut count = self.counts.get(&key).copied().unwrap_or(guess);
        loop {
            let messages = count.messages.clamp(least, most);
            let run = self.throughput(client, case, qos, window, messages)?;
            // As much processor time as asked for, so that beginning weighs
            // little; less if the client mostly waits, or others compute.
            let factor = (self.seconds / run.cpu).min(4.0 * self.seconds / run.seconds);
            let wanted = ((messages as f64 * factor) as u64).clamp(least, most);
            if count.settled || wanted == messages || (0.5..=2.0).contains(&factor) {
                self.counts.insert(key, Count { messages, settled: true });
                return Ok(run);
            }
            count.messages = wanted.min(messages * 30);
        }
    }

    fn throughput(
        &self,
        client: &Client,
        case: &Case,
        qos: u8,
        window: u16,
        count: u64,
    ) -> Result<Run, String> {
        let (mode, sends) = match case.work {
            Work::Receive { .. } => ("receive", count),
            _ => ("publish", 0),
        };
        let size = case.size;
        // A server that takes as much as the window at once says so.
        let server =
            format!("count={sends} size={size} qos={qos} window={window} receive_maximum={window}");
        let client_args =
            format!("mode={mode} count={count} size={size} qos={qos} window={window}");
        self.pair(client, case, &server, &client_args, LIMIT)
    }

    fn answer(&self, client: &Client, case: &Case, rate: u64) -> Result<Run, String> {
        let (count, size) = (PACED.clamp(rate, 3 * rate), case.size);
        let server = format!("count={count} size={size} rate={rate}");
        let run = self.pair(
            client,
            case,
            &server,
            &format!("mode=answer count={count} size={size}"),
            LIMIT,
        )?;
        // A client that ends before its last answers are read has lost them.
        if run.p50 > 0.0 { Ok(run) } else { Err("no responses".into()) }
    }

    fn start(&self, client: &Client, case: &Case) -> Result<Run, String> {
        let work = format!("mode=publish count=1 size={} qos=1 window=1", case.size);
        let mut server = self.server(case, "")?;
        let begun = Instant::now();
        let told = self.client(client, case, &server, &work, LIMIT);
        let seconds = begun.elapsed().as_secs_f64();
        server.end();
        let run: Run = parse(&told?)?;
        Ok(Run { seconds, ..run })
    }

    fn idle(&self, client: &Client, case: &Case, connections: usize) -> Result<Run, String> {
        file_limit::raise(connections as u64 + SPARE_FILES)?;
        let work =
            format!("mode=idle connections={connections} seconds={WATCH} keep_alive={KEEP_ALIVE}");
        self.pair(client, case, "crowd=1", &work, IDLE_LIMIT)
    }

    fn pair(
        &self,
        client: &Client,
        case: &Case,
        server: &str,
        work: &str,
        limit: Duration,
    ) -> Result<Run, String> {
        let mut server = self.server(case, server)?;
        let told = self.client(client, case, &server, work, limit);
        let counted = server.finish();
        let mut run: serde_json::Value = serde_json::from_str(&told?).map_err(|e| e.to_string())?;
        if let (Some(run), Ok(counted)) =
            (run.as_object_mut(), serde_json::from_str::<serde_json::Value>(&counted))
        {
            for figure in ["p50", "p90", "p99", "p999", "max", "pings_mean", "pings_most"] {
                if let Some(value) = counted.get(figure) {
                    run.insert(figure.into(), value.clone());
                }
            }
            run.insert("server_cpu".into(), counted.get("cpu").cloned().unwrap_or(0.0.into()));
        }
        serde_json::from_value(run).map_err(|error| error.to_string())
    }

    fn server(&self, case: &Case, args: &str) -> Result<Server, String> {
        let mut child = pinned(0, &[self.programs.join("speed-server").display().to_string()])
            .arg(format!("transport={}", case.transport.scheme()))
            .arg(format!("ca={}", self.ca.display()))
            .args(args.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("server: {error}"))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("server: no output")?);
        let mut first = String::new();
        lines.read_line(&mut first).map_err(|error| error.to_string())?;
        let port = first.trim().strip_prefix("port ").ok_or("server: no port")?.to_owned();
        Ok(Server { child, port, lines: Some(lines) })
    }

    /// Runs a client and returns the line it prints.
    fn client(
        &self,
        client: &Client,
        case: &Case,
        server: &Server,
        work: &str,
        limit: Duration,
    ) -> Result<String, String> {
        let host = match case.transport {
            Transport::Tls if client.package.is_none() => "localhost",
            _ => "127.0.0.1",
        };
        let path = if case.transport == Transport::WebSocket { "/mqtt" } else { "" };
        let url = format!("url={}://{host}:{}{path}", case.transport.scheme(), server.port);
        let mut command = pinned(1, &client.command);
        command.arg(url).args(work.split_whitespace());
        if case.transport == Transport::Tls {
            command.arg(format!("ca={}", self.ca.display()));
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("client: {error}"))?;
        let output = child.stdout.take().ok_or("client: no output")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _ = tell.send(read.map(|_| line));
        });
        let line = told.recv_timeout(limit);
        if matches!(&line, Ok(Ok(line)) if !line.is_empty()) && wait(&mut child, limit) {
            return line.ok().and_then(Result::ok).ok_or_else(|| "unreadable".into());
        }
        let _ = child.kill();
        let _ = child.wait();
        if matches!(line, Err(mpsc::RecvTimeoutError::Timeout)) {
            return Err(format!("{TIME_OUT} after {limit:?}"));
        }
        let mut words = String::new();
        let _ = child.stderr.take().map(|mut errors| errors.read_to_string(&mut words));
        Err(complaint(&words))
    }
}

/// How the reason of a run begins that did not end.
pub(crate) const TIME_OUT: &str = "time-out";

/// What a program said was wrong: why it panicked, or its last words.
fn complaint(words: &str) -> String {
    let mut lines = words.lines().filter(|line| !line.trim().is_empty());
    let panic = lines.clone().skip_while(|line| !line.contains("panicked at")).nth(1);
    let said = panic.or_else(|| lines.next_back()).unwrap_or("ended without a word");
    // A line of the page, without what would break its tables.
    said.chars().filter(|letter| !"|`".contains(*letter)).take(160).collect()
}

/// A program on one core; on the only one if there is no other.
fn pinned(core: usize, program: &[String]) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new("taskset");
    command.arg("-c").arg((core % cores).to_string()).args(program);
    command
}

/// Waits for the end of a program that has said its line; false if it does not come.
fn wait(child: &mut Child, limit: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        // The run is over: this delays nothing that is measured.
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

fn parse(line: &str) -> Result<Run, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}

struct Server {
    child: Child,
    port: String,
    lines: Option<BufReader<std::process::ChildStdout>>,
}

impl Server {
    /// What it counted: it ends with its clients. Empty if it does not.
    fn finish(&mut self) -> String {
        let mut told = String::new();
        if wait(&mut self.child, Duration::from_secs(2))
            && let Some(lines) = &mut self.lines
        {
            let _ = lines.read_line(&mut told);
        }
        self.end();
        told
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
