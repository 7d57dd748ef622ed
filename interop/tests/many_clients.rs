//! Many clients of one process, in small: the program `many_clients` does it in large.

use std::time::Duration;

use evenkeel::Version;
use evenkeel_interop::case::Case;
use evenkeel_interop::failed::within;
use evenkeel_interop::many_clients::{Plan, run};
use evenkeel_interop::memory::Mebibytes;
use evenkeel_interop::server::{Kind, Setting};
use evenkeel_interop::site::Transport;

/// 160 MiB of payload.
const PLAN: Plan = Plan { clients: 20, messages: 40_000, payload: 4096 };
/// What one broker may take for it. A second is usual.
const LIMIT: Duration = Duration::from_secs(180);
/// What memory may grow by after the first tenth. Queues of 1,000 messages in a broker of the same
/// process can take 80 MiB; the payload after the first tenth is 140.
const GROWTH: Mebibytes = Mebibytes(120);

/// One test for all brokers, as two at once would count each other's memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_lose_nothing_and_memory_stays_bounded() {
    for kind in Kind::ALL {
        if !kind.require().unwrap() {
            continue;
        }
        for version in [Version::V311, Version::V5] {
            let server = kind.start(Setting::default()).await.unwrap();
            let case = Case::new(server, Transport::Tcp, Some(version));
            let outcome = within(LIMIT, "the clients", run(&case, PLAN)).await.unwrap().unwrap();
            println!("{} {version:?}: {outcome:?}", kind.name());
            assert_eq!(outcome.delivered, PLAN.messages, "{}", kind.name());
            assert_eq!(outcome.connects, PLAN.clients, "{}: a connection broke", kind.name());
            let grown = outcome.memory.peak.0 - outcome.memory.peak_of_first_tenth.0;
            assert!(grown < GROWTH.0, "{}: memory grew by {grown} MiB", kind.name());
        }
    }
}
