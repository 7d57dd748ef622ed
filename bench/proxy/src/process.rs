//! The programs under test.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

pub(crate) struct Child {
    child: std::process::Child,
    pub(crate) address: SocketAddr,
    pub(crate) out: Option<Lines<BufReader<ChildStdout>>>,
    /// Held, as a program whose stderr is closed may end.
    _err: BufReader<ChildStderr>,
}

impl Child {
    pub(crate) fn relay(to: SocketAddr) -> Self {
        let own = std::env::current_exe().expect("this program");
        let mut command = Command::new(own);
        command.args(["relay", &to.to_string()]);
        Self::start(command)
    }

    pub(crate) fn proxy(program: &str, to: SocketAddr) -> Self {
        let mut command = Command::new(program);
        command.args(["doctor", "proxy", "--listen", "127.0.0.1:0", "--to"]);
        command.arg(format!("mqtt://{to}"));
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
        let out = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert_ne!(err.read_line(&mut line).expect("text"), 0, "it ended");
        }
        let (_, rest) = line.split_once("listening on ").expect("seen");
        let address = rest.split(", ").next().unwrap_or(rest).trim().parse().expect("an address");
        Self { child, address, out, _err: err }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }
}
