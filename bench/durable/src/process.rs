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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u32>().ok());
    f64::from(kib.unwrap_or_default()) / 1024.0
}
