//! The file store beside two embedded databases: the same messages, made
//! durable in the same batches; how long it takes to start with a long queue,
//! and what that costs on disk and in memory.
//!
//! `store [ENGINE] [QUEUED]`: without an engine, each runs in a process of
//! its own, one after the other.

mod engines;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use engines::{ENGINES, Engine};
use evenkeel_store::Fsync;

/// Rounds of each measurement; the median counts.
const ROUNDS: usize = 5;
/// How long a round of commits lasts.
const ROUND: Duration = Duration::from_millis(800);

fn main() {
    let mut words = std::env::args().skip(1);
    let engine = words.next();
    let queued = words.next().map_or(1_000_000, |word| word.parse().expect("a number"));
    match engine.as_deref() {
        None => all(queued),
        Some(name) => long_queue(name, queued),
    }
}

/// Commits of all engines in turns, so that what else the machine does meets
/// all of them; then the long queue of each.
fn all(queued: u64) {
    let mut stores: Vec<_> = ENGINES.iter().map(|name| Turn::new(name)).collect();
    for batch in [1, 16, 256] {
        let mut rates = vec![Vec::new(); stores.len()];
        for _ in 0..ROUNDS {
            for (turn, rates) in stores.iter_mut().zip(&mut rates) {
                rates.push(turn.round(batch));
            }
        }
        for (turn, rates) in stores.iter().zip(&mut rates) {
            rates.sort_by(f64::total_cmp);
            let median = rates[ROUNDS / 2];
            println!(
                "{:9} batches of {batch:3}: {median:7.0} durable commits/s, {:8.0} messages/s ({:.0} to {:.0} commits/s)",
                turn.name,
                median * batch as f64,
                rates[0],
                rates[ROUNDS - 1]
            );
        }
    }
    drop(stores);
    relaxed();
    for name in ENGINES {
        let program = std::env::current_exe().expect("this program");
        let run = |part: &str| {
            let mut command = Command::new(&program);
            command.args([name, &queued.to_string()]).env("PART", part);
            command.status().expect("it runs").success()
        };
        assert!(run("fill") && run("start"));
        // Aborts in the middle of its work, so success would be none.
        assert!(!run("abort") && run("count"));
    }
}

/// The file store, with commits that do not wait for the disk.
fn relaxed() {
    for fsync in [Fsync::Every(Duration::from_millis(5)), Fsync::Never] {
        for batch in [1, 16, 256] {
            let path = fresh("relaxed");
            let mut turn = Turn {
                name: "evenkeel",
                engine: engines::with_policy(&path, fsync),
                next: 0,
                path,
            };
            let mut rates: Vec<f64> = (0..ROUNDS).map(|_| turn.round(batch)).collect();
            rates.sort_by(f64::total_cmp);
            let median = rates[ROUNDS / 2];
            println!(
                "evenkeel {fsync:?}, batches of {batch:3}: {median:7.0} commits/s, {:8.0} messages/s",
                median * batch as f64
            );
        }
    }
}

/// One engine and its next message.
struct Turn {
    name: &'static str,
    engine: Box<dyn Engine>,
    next: u64,
    path: PathBuf,
}

impl Turn {
    fn new(name: &'static str) -> Self {
        let path = fresh(name);
        Self { name, engine: engines::open(name, &path), next: 0, path }
    }

    /// Commits per second. Each accepts a batch and ends the one before it,
    /// as a client does that is online.
    fn round(&mut self, batch: u64) -> f64 {
        let begun = Instant::now();
        let mut commits = 0;
        while begun.elapsed() < ROUND {
            let done = self.next.saturating_sub(batch)..self.next;
            self.engine.commit(self.next..self.next + batch, done, true);
            self.next += batch;
            commits += 1;
        }
        commits as f64 / begun.elapsed().as_secs_f64()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Fills a queue in one process, and starts with it in another.
fn long_queue(name: &str, queued: u64) {
    let path = place(name);
    let part = std::env::var("PART").unwrap_or_default();
    if part == "abort" {
        let mut engine = engines::open(name, &fresh(name));
        engine.commit(0..1, 0..0, true);
        (1..1001).for_each(|serial| engine.commit(serial..serial + 1, 0..0, false));
        std::process::abort();
    } else if part == "count" {
        let (count, _) = engines::open(name, &path).start(1);
        println!(
            "{name:9} after a kill: {count} of 1001 commits are there, 1000 of them not synced"
        );
        let _ = std::fs::remove_dir_all(path);
    } else if part == "fill" {
        let path = fresh(name);
        let mut engine = engines::open(name, &path);
        let begun = Instant::now();
        for first in (0..queued).step_by(256) {
            engine.commit(first..(first + 256).min(queued), 0..0, sometimes(first));
        }
        drop(engine);
        let bytes = disk_bytes(&path);
        println!(
            "{name:9} {queued} queued in {:.1} s: {:.1} bytes on disk per message, {} MiB of memory at most",
            begun.elapsed().as_secs_f64(),
            bytes as f64 / queued as f64,
            peak_mib()
        );
    } else {
        let begun = Instant::now();
        let mut engine = engines::open(name, &path);
        let (count, window) = engine.start(1000);
        assert_eq!((count, window), (queued, 1000.min(queued)));
        println!(
            "{name:9} started with {count} queued in {:.0} ms, {} MiB of memory at most",
            begun.elapsed().as_secs_f64() * 1000.0,
            peak_mib()
        );
        for first in (0..queued).step_by(256) {
            engine.commit(0..0, first..(first + 256).min(queued), sometimes(first));
        }
        drop(engine);
        println!("{name:9} drained: {} KiB on disk", disk_bytes(&path) / 1024);
        let _ = std::fs::remove_dir_all(path);
    }
}

/// A sync for some of the batches: a fill is no measurement of syncs, and
/// redb keeps in memory what was committed since the last one.
fn sometimes(first: u64) -> bool {
    first.is_multiple_of(64 * 256)
}

fn place(name: &str) -> PathBuf {
    let folder = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("evenkeel-bench-{name}"))
}

fn fresh(name: &str) -> PathBuf {
    let path = place(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

fn disk_bytes(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let about = entry.metadata().expect("its data");
            if about.is_dir() { disk_bytes(&entry.path()) } else { about.len() }
        })
        .sum()
}

/// The most memory this process had, as Linux counts it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
