//! What a terminal is given of peers' text (S3), and what a pipe is.

use std::time::Duration;

use evenkeel_broker::Broker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{broker, evenkeel};

/// Sets the title, changes the colour by C1, turns the direction.
const PAYLOAD: &str = "\x1b]0;owned\x07 \u{9b}31m a\u{202e}b\tc\u{e9}";
const SHOWN: &str = "\\u001b]0;owned\\u0007 \\u009b31m a\\u202eb\tc\u{e9}";

/// Keeps a message for whoever subscribes.
async fn keep(broker: &Broker) {
    evenkeel("pub -r -q 1").at(broker).args(["-t", "a\x07b", "-m", PAYLOAD]).run().await.expect(0);
}

/// What a terminal shows of the message.
async fn shown(broker: &Broker, flags: &str) -> String {
    let run = evenkeel(&format!("sub # -C 1 {flags}")).env("NO_COLOR", "1").at(broker);
    let (code, shown) = run.run_on_a_terminal().await;
    let shown = String::from_utf8(shown).unwrap().replace("\r\n", "\n");
    assert_eq!(code, 0, "{shown}");
    shown
}

#[tokio::test]
async fn a_terminal_is_given_no_control_characters_of_messages() {
    let broker = broker().await;
    keep(&broker).await;
    assert_eq!(shown(&broker, "-q 0").await, format!("{SHOWN}\n"));
    assert_eq!(shown(&broker, "-v").await, format!("a\\u0007b {SHOWN}\n"));
    let json: serde_json::Value =
        serde_json::from_str(&shown(&broker, "--json").await).expect("it is still JSON");
    assert_eq!((json["topic"].as_str(), json["payload"].as_str()), (Some("a\x07b"), Some(PAYLOAD)));
    assert!(shown(&broker, "--json").await.bytes().all(|byte| byte == b'\n' || byte >= b' '));
}

#[tokio::test]
async fn the_users_own_colours_reach_the_terminal() {
    let broker = broker().await;
    keep(&broker).await;
    let run = evenkeel("sub # -C 1").args(["-F", "\\e[31m%t\\e[0m %p"]).at(&broker);
    let (code, shown) = run.run_on_a_terminal().await;
    assert_eq!(code, 0);
    let expected = format!("\x1b[31ma\\u0007b\x1b[0m {SHOWN}\r\n");
    assert_eq!(String::from_utf8_lossy(&shown), expected);
}

#[tokio::test]
async fn a_pipe_is_given_messages_byte_for_byte() {
    let broker = broker().await;
    keep(&broker).await;
    let ran = evenkeel("sub # -C 1 -v").at(&broker).run().await.expect(0);
    assert_eq!(ran.out, format!("a\x07b {PAYLOAD}\n"));
}

/// A server that refuses every CONNECT and says why with control characters.
async fn rude() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            // CONNACK 0x86 with a Reason String.
            let reason = b"go\x1b[2J away";
            let mut bytes = vec![0x20, 6 + reason.len() as u8, 0, 0x86, 3 + reason.len() as u8];
            bytes.extend([0x1f, 0, reason.len() as u8]);
            bytes.extend(reason);
            let _ = stream.write_all(&bytes).await;
            // Until the client has read it.
            let _ = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut [0; 1])).await;
        }
    });
    port
}

#[tokio::test]
async fn a_terminal_is_given_no_control_characters_of_servers() {
    let port = rude().await.to_string();
    let run = || evenkeel("pub a x -V 5 -h 127.0.0.1").args(["-p", &port, "-d"]);
    let (code, shown) = run().run_on_a_terminal().await;
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("go\\u001b[2J away"), "{shown}");
    assert!(!shown.contains("\x1b[2J"), "{shown}");
    assert!(shown.contains("\x1b[31;1merror:\x1b[0m"), "our own colours stay: {shown}");
    let piped = run().run().await.expect(3);
    assert!(piped.err.contains("go\x1b[2J away"), "{}", piped.err);
}

/// Who looks at a terminal sees how far it is; a pipe is told the result alone.
#[tokio::test]
async fn long_work_shows_its_progress_on_a_terminal_only() {
    let broker = broker().await;
    // Each message takes half a second.
    let line = "pub a x -q 1 --repeat 6 --repeat-delay 0.5";
    let (code, shown) = evenkeel(line).at(&broker).run_on_a_terminal().await;
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(code, 0, "{shown}");
    let (before, progress) =
        shown.split_once(" acknowledged (").unwrap_or_else(|| panic!("{shown:?}"));
    assert!(before.parse::<u32>().is_ok() && progress.contains("/s); waiting for "), "{shown:?}");
    assert!(shown.ends_with("\r\x1b[K"), "nothing is left of it: {shown:?}");
    for line in [line, "soak --for 2s --clients 2 --seed 1"] {
        let piped = evenkeel(line).at_if(&broker, line.starts_with("pub")).run().await.expect(0);
        assert_eq!(piped.err, "", "{line}");
    }
    let (code, shown) = evenkeel("soak --for 2s --clients 2 --seed 1").run_on_a_terminal().await;
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(" s of 2.0 s; ") && shown.contains("/2 online; "), "{shown:?}");
}
