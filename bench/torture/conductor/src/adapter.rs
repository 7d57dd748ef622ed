//! A client adapter as a child process, and what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// Bytes of a child's standard error that are kept.
const STDERR_MAX: usize = 2000;

/// What the adapters of one cell have told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Messages handed to the library.
    pub(crate) offered: BTreeSet<u64>,
    /// Messages the library reported as acknowledged.
    pub(crate) acked: BTreeSet<u64>,
    /// Messages the library reported as failed, with its words.
    pub(crate) failed: BTreeMap<u64, String>,
    /// Messages that came to the application, and how often.
    pub(crate) received: BTreeMap<u64, u32>,
    /// Messages the application is done with.
    pub(crate) handled: BTreeSet<u64>,
    /// Attempts to connect that failed.
    pub(crate) attempts_failed: u64,
    /// Why the library has given up, or the process has ended.
    pub(crate) halted: Option<String>,
    /// The last reason given for the end of a connection, or for a failed attempt.
    pub(crate) last_words: String,
}

/// The adapters' words, filled in as they come.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Told>>);

impl Ear {
    pub(crate) fn told(&self) -> Told {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn attempts_failed(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).attempts_failed
    }

    fn hear(&self, line: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (what, about) = line.split_once(' ').unwrap_or((line, ""));
        let (number, why) = about.split_once(' ').unwrap_or((about, ""));
        let number = number.parse().unwrap_or_default();
        match what {
            "offered" => drop(told.offered.insert(number)),
            "acked" => drop(told.acked.insert(number)),
            "failed" => drop(told.failed.insert(number, why.into())),
            "received" => *told.received.entry(number).or_default() += 1,
            "handled" => drop(told.handled.insert(number)),
            "attempt-failed" => {
                told.attempts_failed += 1;
                told.last_words = about.into();
            }
            "offline" | "error" => told.last_words = about.into(),
            "halted" => told.halted = Some(about.into()),
            _ => {}
        }
    }

    fn ended(&self, words: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = words.lines().last().unwrap_or_default();
        told.halted.get_or_insert_with(|| format!("process ended {last}"));
    }
}

/// Starts an adapter that is killed when the child is dropped.
pub(crate) fn start(mut command: Command, ear: &Ear) -> std::io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(stdout) = child.stdout.take() {
        let stderr = child.stderr.take();
        let ear = ear.clone();
        tokio::spawn(async move {
            let complaints = tokio::spawn(async move {
                let mut text = Vec::new();
                if let Some(mut stderr) = stderr {
                    let mut piece = [0; 1024];
                    while let Ok(count @ 1..) = stderr.read(&mut piece).await {
                        text.extend_from_slice(&piece[..count]);
                        let surplus = text.len().saturating_sub(STDERR_MAX);
                        text.drain(..surplus);
                    }
                }
                String::from_utf8_lossy(&text).into_owned()
            });
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                ear.hear(&line);
            }
            ear.ended(&complaints.await.unwrap_or_default());
        });
    }
    Ok(child)
}
