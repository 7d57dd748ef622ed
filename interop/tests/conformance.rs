//! Every conversation with every server, over every transport, in every version.
//!
//! A harness of its own, as the tests are a product of lists. It takes the
//! arguments of the usual one: `cargo test -p evenkeel-interop mosquitto::tcp`.

use std::process::ExitCode;
use std::time::Duration;

use evenkeel::Version;
use evenkeel_interop::case::Case;
use evenkeel_interop::conversation::{ALL, Conversation};
use evenkeel_interop::server::Kind;
use evenkeel_interop::site::{Transport, version_name};
use libtest_mimic::{Arguments, Failed, Trial};

/// Conversations wait more than they work.
const AT_ONCE: usize = 16;
/// For a server's start, the conversation and the shutdowns together.
const LIMIT: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let trials = Kind::ALL.iter().flat_map(|kind| trials(*kind)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The product of conversations, transports and versions.
fn trials(kind: Kind) -> Vec<Trial> {
    let installed = kind.is_installed();
    let mut trials = vec![is_there(kind)];
    for transport in Transport::ALL {
        for conversation in ALL {
            for version in conversation.versions {
                // MQTT 3.1 is rare: its form is proven once, not on every transport.
                if *version != Version::V31 || transport == Transport::Tcp {
                    let trial = trial(kind, transport, *version, *conversation);
                    trials.push(trial.with_ignored_flag(!installed));
                }
            }
        }
    }
    trials
}

/// Says loudly that a server is not there; fails if it must be.
fn is_there(kind: Kind) -> Trial {
    let name = format!("{}::is_there", kind.name());
    Trial::test(name, move || kind.require().map(drop).map_err(Failed::from))
}

fn trial(kind: Kind, transport: Transport, version: Version, conversation: Conversation) -> Trial {
    let parts = [kind.name(), transport.name(), version_name(version), conversation.name];
    let name = parts.join("::");
    Trial::test(name.clone(), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let held = hold(&name, kind, transport, version, conversation);
        let limited = async { tokio::time::timeout(LIMIT, held).await };
        runtime
            .block_on(limited)
            .unwrap_or_else(|_| Err(format!("not over after {LIMIT:?}").into()))
    })
}

async fn hold(
    name: &str,
    kind: Kind,
    transport: Transport,
    version: Version,
    conversation: Conversation,
) -> Result<(), Failed> {
    let server = kind.start(conversation.setting).await?;
    if server.site().address(transport, Some(version), 0).is_none() {
        eprintln!("SKIPPED: {name}: this build of the broker has no such listener");
        return Ok(());
    }
    let case = Case::new(server, transport, Some(version));
    // Every step has a limit of its own; this leaves time to say what befell the clients.
    let result = tokio::time::timeout(LIMIT * 3 / 4, (conversation.hold)(&case)).await;
    let accounts = case.close().await;
    let failed = match result {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(failed)) => failed.to_string(),
        Err(_) => "the conversation did not end".to_owned(),
    };
    // Not by default: a server's log of one conversation has hundreds of lines.
    if std::env::var_os("INTEROP_LOG").is_some() {
        eprintln!("{}", case.server_log().await);
    }
    let accounts: Vec<_> = accounts.iter().map(ToString::to_string).collect();
    Err(format!("{failed}\n{}", accounts.join("\n")).into())
}
