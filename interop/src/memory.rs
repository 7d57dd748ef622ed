//! How much memory this process uses, as Linux counts it.

use std::fmt;
use std::io;

/// An amount of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0)
    }
}

/// Memory in use now (VmRSS).
pub fn resident() -> io::Result<Mebibytes> {
    field("VmRSS:")
}

/// The most that was in use since the last [`reset_peak`] (VmHWM).
pub fn peak() -> io::Result<Mebibytes> {
    field("VmHWM:")
}

/// Lets the peak start again with what is in use now.
pub fn reset_peak() -> io::Result<()> {
    // The kernel's documentation (proc(5), clear_refs) gives 5 this meaning.
    std::fs::write("/proc/self/clear_refs", "5")
}

fn field(name: &str) -> io::Result<Mebibytes> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes
        .map(|kibibytes| Mebibytes(kibibytes.div_ceil(1024)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no {name}")))
}
