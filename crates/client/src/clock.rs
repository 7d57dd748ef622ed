//! The clock that drives a client.

use std::sync::Arc;
use std::time::SystemTime;

use evenkeel_proto::Instant;
use evenkeel_proto::record::{BootId, Moment, UnixMillis};

/// A clock that never goes backwards; shared by everything a client does.
///
/// The default counts time spent in suspend if the system can
/// (`CLOCK_BOOTTIME` on Linux), so that a client that slept knows it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Tokio(tokio::time::Instant),
    Custom(Arc<dyn Fn() -> Instant + Send + Sync>),
}

impl Default for Clock {
    fn default() -> Self {
        Self(Source::System)
    }
}

impl Clock {
    /// A clock that follows tokio's time, so that tests can pause and advance
    /// it; must be made inside a runtime.
    pub fn tokio() -> Self {
        Self(Source::Tokio(tokio::time::Instant::now()))
    }

    /// A clock of the caller's. It must never go backwards.
    pub fn custom(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Source::Custom(Arc::new(now)))
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => system_now(),
            Source::Tokio(start) => {
                Instant::from_micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
            }
            Source::Custom(now) => now(),
        }
    }

    /// What the system says of the present instant (D18).
    pub(crate) fn moment(&self) -> Moment {
        Moment { wall: wall(), boot: self.boot() }
    }

    /// The boot of the machine, if this clock counts from it on.
    fn boot(&self) -> Option<BootId> {
        let counts = cfg!(any(target_os = "linux", target_os = "android"));
        match &self.0 {
            Source::System if counts => evenkeel_store::boot_id(),
            _ => None,
        }
    }
}

/// What the system's clock shows people.
pub(crate) fn wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether this is the time of a clock that was set at some time.
#[cfg(any(feature = "aws", feature = "azure"))]
pub(crate) fn was_set(now: SystemTime) -> bool {
    /// 2026-01-01: this program is not older.
    const EARLIEST: std::time::Duration = std::time::Duration::from_secs(1_767_225_600);
    now >= SystemTime::UNIX_EPOCH + EARLIEST
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn system_now() -> Instant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_nsec / 1000).unwrap_or(0);
    Instant::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn system_now() -> Instant {
    use std::sync::OnceLock;

    static START: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = START.get_or_init(std::time::Instant::now).elapsed();
    Instant::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
