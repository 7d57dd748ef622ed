//! A server and a measured process, each on its core; and what a measured
//! process reads of itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::group::{Cores, Group, Series};

/// The most that one point may take.
const LIMIT: &str = "60";

pub(crate) fn measure(group: &Group, series: &Series, at: u64) -> Outcome<f64> {
    let server = Server::start()?;
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = match series.cores {
        Cores::One => (all - 1).to_string(),
        Cores::All => format!("0-{}", all - 1),
    };
    let output = Command::new("timeout")
        .args([LIMIT, "taskset", "-c", &cores])
        .arg(std::env::current_exe()?)
        .args(["measure", group.name, series.name, &at.to_string(), &server.port])
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.trim();
    line.parse().map_err(|_| format!("{}: {line:?}", output.status).into())
}

struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of this process so far.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Processor time that `work` takes, in microseconds for each of `count`.
pub(crate) async fn micros_each<F: Future<Output = Outcome>>(count: u64, work: F) -> Outcome<f64> {
    let before = cpu_time();
    work.await?;
    Ok((cpu_time() - before).as_secs_f64() * 1e6 / count as f64)
}
