//! What the process and its folder take.

use std::path::{Path, PathBuf};

/// An empty place for a store.
pub fn fresh(name: &str) -> PathBuf {
    let path = place(name);
    // What an earlier run left.
    let _ = std::fs::remove_dir_all(&path);
    path
}

pub fn place(name: &str) -> PathBuf {
    let folder = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("evenkeel-bench-durable-{name}"))
}

pub fn disk_bytes(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).expect("a folder");
    entries.map(|entry| entry.expect("an entry").metadata().expect("its data").len()).sum()
}

/// The most memory this process had, as Linux counts it.
pub fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the figure");
    let kib: u32 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    f64::from(kib) / 1024.0
}
