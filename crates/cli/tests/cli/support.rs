//! Runs the program with a time limit, and brokers for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use evenkeel_broker::{Broker, Builder, Event};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// No command of these tests takes longer, however busy the machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_evenkeel");

/// Takes the broker down; `broker.resume()` brings it back.
pub(crate) async fn stop(broker: &Broker, keeps_sessions: bool) {
    broker.stop(keeps_sessions).await.unwrap();
}

/// Takes the broker down and up again.
pub(crate) async fn restart(broker: &Broker, keeps_sessions: bool, down_for: Duration) {
    stop(broker, keeps_sessions).await;
    tokio::time::sleep(down_for).await;
    broker.resume().await.unwrap();
}

/// What a command that ended has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Demands an exit code, showing everything if it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Demands success and gives stdout.
    #[track_caller]
    pub(crate) fn out(self) -> String {
        self.expect(0).out
    }

    /// Demands a text in stderr.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "stderr lacks {text:?}:\n{}", self.err);
        self
    }
}

/// A terminal, and what shows it.
#[cfg(unix)]
fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::File::options().read(true).write(true).open(name).unwrap();
    (terminal, screen.into())
}

/// A command line of words divided by blanks; `args` adds words with blanks.
pub(crate) struct Run {
    command: Command,
    input: Vec<u8>,
}

/// `evenkeel` with these words.
pub(crate) fn evenkeel(line: &str) -> Run {
    Run::of(PROGRAM, line)
}

impl Run {
    pub(crate) fn of(program: impl AsRef<OsStr>, line: &str) -> Self {
        let mut command = Command::new(program);
        command.args(line.split_whitespace()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The settings of whoever runs the tests must not matter.
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("TZ", "UTC");
        for name in ["EVENKEEL_URL", "EVENKEEL_USERNAME", "EVENKEEL_PASSWORD", "NO_COLOR"] {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"AWS_") {
                command.env_remove(name);
            }
        }
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
        command.env("AWS_CONFIG_FILE", "/nonexistent/config");
        Self { command, input: Vec::new() }
    }

    pub(crate) fn args<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.command.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, input: &str) -> Self {
        self.input = input.into();
        self
    }

    /// In this folder.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// At this broker, by `--port`.
    pub(crate) fn at(self, broker: &Broker) -> Self {
        let port = broker.tcp_addr().unwrap().port().to_string();
        self.args(["-h", "127.0.0.1", "-p", &port])
    }

    /// The same for commands that speak to one.
    pub(crate) fn at_if(self, broker: &Broker, speaks: bool) -> Self {
        if speaks { self.at(broker) } else { self }
    }

    /// Runs it to its end.
    pub(crate) async fn run(mut self) -> Ran {
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = std::mem::take(&mut self.input);
        let feed = async move {
            // A program that does not read its input is no failure of the test.
            let _ = stdin.write_all(&input).await;
            drop(stdin);
        };
        let ended =
            timeout(TIMEOUT, async { tokio::join!(feed, child.wait_with_output()).1 }).await;
        let output = ended.expect("the command hangs").unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it to its end with output and talk on a terminal; the exit code, and
    /// what the terminal was given.
    #[cfg(unix)]
    pub(crate) async fn run_on_a_terminal(mut self) -> (i32, Vec<u8>) {
        let (terminal, mut screen) = terminal();
        self.command.stdin(Stdio::null());
        self.command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
        let mut child = self.command.spawn().unwrap();
        // It holds the terminal open, which would never end.
        drop(self);
        let shown = tokio::task::spawn_blocking(move || {
            let mut shown = Vec::new();
            // A terminal that nobody holds any more ends in an error.
            let _ = std::io::Read::read_to_end(&mut screen, &mut shown);
            shown
        });
        let ended = timeout(TIMEOUT, child.wait()).await.expect("the command hangs").unwrap();
        let shown = timeout(TIMEOUT, shown).await.expect("the terminal stays open").unwrap();
        (ended.code().unwrap_or(-1), shown)
    }

    /// Starts it, for tests that do all the rest themselves.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.spawn().unwrap()
    }

    /// Starts it, to be watched.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, out, err, said: Vec::new() }
    }
}

/// A command that goes on.
pub(crate) struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Running {
    /// The next line of stdout.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(TIMEOUT, self.out.next_line()).await.expect("no output").unwrap();
        line.expect("the command ended")
    }

    /// Reads stderr up to a line with this text, and gives that line. The
    /// limit is that of the whole wait, whatever else is said meanwhile.
    pub(crate) async fn until_says(&mut self, text: &str) -> String {
        let waiting = async {
            loop {
                let line = self.err.next_line().await.unwrap();
                let line =
                    line.unwrap_or_else(|| panic!("ended without {text:?}, said {:#?}", self.said));
                self.said.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
        };
        match timeout(TIMEOUT, waiting).await {
            Ok(line) => line,
            Err(_) => panic!("{text:?} is not said within {TIMEOUT:?}, only {:#?}", self.said),
        }
    }

    /// Sends a signal by its name, as in `kill -INT`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let mut kill = Command::new("kill").args([format!("-{name}"), id]).spawn().unwrap();
        assert!(kill.wait().await.unwrap().success());
    }

    /// Its number, by which the system knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("still running")
    }

    pub(crate) fn stdin(&mut self) -> tokio::process::ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Waits for the end while nobody reads, then reads what is left.
    pub(crate) async fn ended_unread(mut self) -> Ran {
        timeout(TIMEOUT, self.child.wait()).await.expect("the command hangs").unwrap();
        self.ended().await
    }

    /// Waits for the end; what was read before is not in it.
    pub(crate) async fn ended(mut self) -> Ran {
        drop(self.child.stdin.take());
        let (mut out, mut err) = (String::new(), String::new());
        let rest = async {
            let (mut stdout, mut stderr) = (self.out.into_inner(), self.err.into_inner());
            let read =
                tokio::join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err));
            read.0.unwrap();
            read.1.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = timeout(TIMEOUT, rest).await.expect("the command hangs");
        Ran { code: status.code().unwrap_or(-1), out, err }
    }
}

/// An open broker on a free port.
pub(crate) async fn broker() -> Broker {
    broker_with(|builder| builder).await
}

pub(crate) async fn broker_with(change: impl FnOnce(Builder) -> Builder) -> Broker {
    change(Broker::builder().bind_tcp("127.0.0.1:0")).start().await.unwrap()
}

/// A broker of a broker file's text.
pub(crate) async fn scripted(text: &str) -> Broker {
    let script = evenkeel_broker::fault::Script::parse(text).unwrap();
    broker_with(|builder| builder.script(script)).await
}

/// Waits for an event by its name in JSON.
pub(crate) async fn saw(broker: &Broker, name: &str) -> Event {
    let found = broker.wait_for(TIMEOUT, |event| event.name() == name).await;
    found.unwrap_or_else(|| panic!("the broker never saw {name}"))
}

/// Waits until so many subscriptions are in force.
pub(crate) async fn subscribed(broker: &Broker, count: usize) {
    let mut granted = 0;
    let found = broker.wait_for(TIMEOUT, |event| {
        granted += usize::from(event.name() == "subscribed");
        granted >= count
    });
    found.await.expect("nobody subscribed");
}

/// Publishes a retained message by the program itself.
pub(crate) async fn retain(broker: &Broker, topic: &str, message: &str) {
    evenkeel("pub -r -q 1").args(["-t", topic, "-m", message]).at(broker).run().await.expect(0);
}

/// A folder of the test's own, empty.
pub(crate) fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);

    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program under one of mosquitto's names.
pub(crate) fn named(name: &str) -> PathBuf {
    let link = folder().join(name);
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    link
}

/// A port nobody listens on.
pub(crate) fn dead_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// S2: a file that is its owner's alone.
#[cfg(unix)]
#[track_caller]
pub(crate) fn is_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}

#[cfg(not(unix))]
pub(crate) fn is_private(_: &Path) {}
