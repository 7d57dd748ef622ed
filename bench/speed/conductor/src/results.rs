//! What was measured, as it is kept in results.json.

use std::fmt;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::clients::Client;
use crate::options::Options;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) date: String,
    pub(crate) command: String,
    pub(crate) machine: Vec<String>,
    pub(crate) note: String,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// Name and version.
    pub(crate) clients: Vec<(String, String)>,
    pub(crate) cells: Vec<Cell>,
    #[serde(default)]
    pub(crate) builds: Builds,
}

/// One client in one case.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) client: String,
    pub(crate) case: String,
    pub(crate) runs: Vec<Run>,
    /// Why the others failed.
    pub(crate) failures: Vec<String>,
    /// Seconds that all of them took, with whatever was around them.
    #[serde(default)]
    pub(crate) spent: f64,
}

/// What the client and the server said about one run; what does not belong to
/// its case is left out.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Run {
    pub(crate) messages: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) seconds: f64,
    /// Processor seconds of the client.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cpu: f64,
    /// Bytes of memory at the most.
    pub(crate) rss: u64,
    /// Processor seconds of the server, from its start to its end.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) server_cpu: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_each: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cpu_share: f64,
    /// Pings of all connections in a tenth of a second.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) pings_mean: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) pings_most: f64,
    /// Microseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) p50: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) p90: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) p99: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) p999: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) max: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(figure: &f64) -> bool {
    *figure == 0.0
}

/// What it takes to build a program with each client; measured on its own.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Builds {
    pub(crate) date: String,
    /// Name and version.
    pub(crate) clients: Vec<(String, String)>,
    pub(crate) built: Vec<Build>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) client: String,
    pub(crate) tls: bool,
    pub(crate) seconds: f64,
    /// Of the stripped program.
    pub(crate) bytes: u64,
    /// The client and all it depends on.
    pub(crate) crates: usize,
}

impl Run {
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Processor seconds for a million messages.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu / self.messages as f64 * 1e6
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes_each > 0.0 || self.cpu_share > 0.0 {
            let share = self.cpu_share * 100.0;
            write!(f, "{:.0} B each, {share:.2} % of a core; ", self.bytes_each)?;
            return write!(f, "{} pings in 100 ms, {} at most", self.pings_mean, self.pings_most);
        }
        if self.p50 > 0.0 {
            return write!(f, "p50 {} p99 {} p99.9 {} us", self.p50, self.p99, self.p999);
        }
        let (rate, cpu) = (self.rate(), self.cpu_per_million());
        write!(f, "{rate:.0}/s, {cpu:.3} s/M, {:.3} s", self.seconds)
    }
}

/// The middle of a figure's values, and their range.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Cell {
    /// How often it was tried.
    pub(crate) fn tries(&self) -> usize {
        self.runs.len() + self.failures.len()
    }

    /// Seconds that one more will take; `None` before the first.
    pub(crate) fn expected(&self) -> Option<f64> {
        (self.spent > 0.0).then(|| self.spent / self.tries() as f64)
    }

    /// `None` if no run succeeded.
    pub(crate) fn spread(&self, figure: impl Fn(&Run) -> f64) -> Option<Spread> {
        let mut values: Vec<f64> = self.runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread { median: f64::midpoint(low, high), least, most })
    }
}

impl Results {
    pub(crate) fn begin(options: &Options, clients: &[Client]) -> Self {
        Self {
            date: now(),
            command: options.command.clone(),
            machine: machine(),
            note: options.note.clone(),
            rounds: 0,
            seconds: options.seconds,
            clients: clients.iter().map(|one| (one.name.clone(), one.version.clone())).collect(),
            cells: Vec::new(),
            builds: Builds::default(),
        }
    }

    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        serde_json::from_str(&crate::read(file)?).map_err(|error| crate::in_file(file, error))
    }

    pub(crate) fn save(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        // A cell in each line.
        crate::save(file, &(text.replace(r#",{"client""#, ",\n{\"client\"") + "\n"))
    }

    pub(crate) fn find(&self, client: &str, case: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.client == client && cell.case == case)
    }

    pub(crate) fn cell(&mut self, client: &str, case: &str) -> &mut Cell {
        let place = self.cells.iter().position(|cell| cell.client == client && cell.case == case);
        let place = place.unwrap_or_else(|| {
            let (client, case) = (client.to_owned(), case.to_owned());
            self.cells.push(Cell { client, case, ..Cell::default() });
            self.cells.len() - 1
        });
        &mut self.cells[place]
    }
}

/// Processor, cores, kernel and tools, a line each.
fn machine() -> Vec<String> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name\t: "));
    let cores = cpus.matches("processor\t:").count();
    vec![
        format!("{cores} x {}", model.unwrap_or("unknown processor")),
        tool("uname", &["-sr"]),
        tool("rustc", &["--version"]),
        format!("node {}", tool("node", &["--version"])),
        tool("python3", &["--version"]),
    ]
}

pub(crate) fn now() -> String {
    tool("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

fn tool(name: &str, args: &[&str]) -> String {
    let output = Command::new(name).args(args).output();
    output.map_or_else(
        |_| format!("{name} unknown"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
