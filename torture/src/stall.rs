//! Whether the machine itself stood still: a test of clocks and timers says
//! nothing about a client whose whole process was not run.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Standstills shorter than this are what the scenarios' bounds allow for.
pub const TOLERATED: Duration = Duration::from_millis(150);

const BEAT: Duration = Duration::from_millis(5);

/// When a standstill ended, and how long it was.
type Stalls = Mutex<Vec<(Instant, Duration)>>;

static STALLS: OnceLock<&'static Stalls> = OnceLock::new();

/// Begins to watch; does nothing when called again.
pub fn watch() {
    STALLS.get_or_init(|| {
        let stalls: &Stalls = Box::leak(Box::default());
        thread::spawn(|| beat(stalls));
        stalls
    });
}

/// The longest standstill that reached into the time since then.
pub fn longest_since(begin: Instant) -> Duration {
    let Some(stalls) = STALLS.get() else { return Duration::ZERO };
    let stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
    let later = stalls.iter().filter(|(end, _)| *end >= begin);
    later.map(|(_, length)| *length).max().unwrap_or_default()
}

fn beat(stalls: &Stalls) {
    loop {
        let before = Instant::now();
        thread::sleep(BEAT);
        let length = before.elapsed().saturating_sub(BEAT);
        if length > TOLERATED / 2 {
            let mut stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
            stalls.push((Instant::now(), length));
        }
    }
}
