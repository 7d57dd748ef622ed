//! Runs all scenarios at once, each on a thread and a runtime of its own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::stall;

/// Scenarios at a time: they wait, most of the time.
const AT_ONCE: usize = 100;

/// Runs of a scenario during which the machine stood still, at most.
const ATTEMPTS: u32 = 3;

/// What a scenario does.
type Body = fn() -> Pin<Box<dyn Future<Output = ()>>>;

/// One test on the wire.
#[derive(Clone, Copy)]
pub struct Scenario {
    name: &'static str,
    body: Body,
}

impl Scenario {
    /// A scenario with a name; see [`scenarios!`](crate::scenarios).
    pub const fn new(name: &'static str, body: Body) -> Self {
        Self { name, body }
    }

    /// Runs it on a runtime of its own, so that a scenario may block its thread.
    fn run_once(self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be made").block_on((self.body)());
    }

    fn run(self) -> Result<(), Failed> {
        let mut attempt = 1;
        loop {
            let began = Instant::now();
            let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_once())) else {
                return Ok(());
            };
            let stood_still = stall::longest_since(began);
            if attempt == ATTEMPTS || stood_still < stall::TOLERATED {
                return Err(message(&*panic).into());
            }
            eprintln!("{}: repeated, as the machine stood still for {stood_still:?}", self.name);
            attempt += 1;
        }
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Runs the scenarios that the command line asks for, with the flags of
/// `cargo test`.
pub fn run(groups: &[(&str, &'static [Scenario])]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    stall::watch();
    let trials = groups.iter().flat_map(|(group, scenarios)| {
        scenarios.iter().map(move |scenario| {
            Trial::test(format!("{group}::{}", scenario.name), || scenario.run())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
