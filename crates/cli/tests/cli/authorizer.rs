//! Custom authorizers by a command, behind `evenkeel broker --aws`.

use std::path::Path;
use std::time::Duration;

use crate::emulator::Account;
use crate::support::{Run, Running, evenkeel};

/// How long a killed process may take to end, however busy the machine.
const DEATH: Duration = Duration::from_secs(30);

/// Decides by the client identifier, or a header, that stands in the event.
const SCRIPT: &str = r#"#!/bin/sh
event=$(cat)
printf '%s' "$event" > seen.json
printf '%s|%s' "$*" "$(env)" > around.txt
printf 'asked \033[31mnow\n' >&2
case $event in
  *':"pump-17"'*) cat yes.json ;;
  *'"clientId":"loud"'*) head -c 70000 /dev/zero | tr '\0' x ;;
  *'"clientId":"ill"'*) exit 3 ;;
  *':"slow"'*) sleep 300 & echo $! $$ > slow.pids; wait ;;
  *'"clientId":"odd"'*) echo no JSON ;;
  *) echo '{"isAuthenticated": false}' ;;
esac
"#;

const YES: &str = r#"{"isAuthenticated": true, "principalId": "fleet",
  "disconnectAfterInSeconds": 3600, "refreshAfterInSeconds": 300,
  "policyDocuments": [{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]}"#;

async fn account(command: &str) -> Account {
    let account = Account::new().await;
    account.write("auth.sh", SCRIPT);
    account.write("yes.json", YES);
    account.write("token.txt", "t0ken");
    account.write("aws.toml", &format!("[authorizers.Fleet]\ncommand = {command}\n"));
    executable(&account.path("auth.sh"));
    account
}

/// False for one that has ended and that nobody has asked about yet, too.
fn is_running(pid: &str) -> bool {
    let ps = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output();
    let state = String::from_utf8(ps.expect("ps, which all Unix systems have").stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn executable(path: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(path, mode).unwrap();
}

/// A client that has a token and no certificate.
fn client(account: &Account, port: &str, id: &str) -> Run {
    let path = |name: &str| account.path(name).display().to_string();
    evenkeel(&format!("pub -q 1 -W 20 -h localhost -p {port} --aws-region eu-west-1 -i {id}"))
        .args(["--cafile", &path("ca.pem"), "--authorizer", "Fleet"])
        .args(["--authorizer-token-key", "tok", "--authorizer-token-file", &path("token.txt")])
        .args(["site/7", "x"])
}

async fn refused(account: &Account, running: &mut Running, port: &str, id: &str, why: &str) {
    let ran = client(account, port, id).run().await;
    assert_ne!(ran.code, 0, "{id}");
    let told = running.until_says(why).await;
    assert!(told.contains(&format!("of \"{id}\": ")), "{told}");
}

#[tokio::test]
async fn a_command_decides_who_comes_in() {
    let account = account(r#"["./auth.sh", "one", "two words"]"#).await;
    let (mut running, port) = account.start().await;
    client(&account, &port, "pump-17").run().await.expect(0);
    running.until_says("authorizer Fleet: asked ").await;
    let seen = std::fs::read_to_string(account.path("seen.json")).unwrap();
    for part in [
        r#""protocols":["mqtt","tls"]"#,
        r#""serverName":"localhost""#,
        r#""signatureVerified":false"#,
        "tok=t0ken",
    ] {
        assert!(seen.contains(part), "{part} is not in {seen}");
    }
    let around = std::fs::read_to_string(account.path("around.txt")).unwrap();
    assert!(around.starts_with("one two words|") && !around.contains("t0ken"), "{around}");

    refused(&account, &mut running, &port, "other", "the authorizer has said no").await;
    let failed = "the authorizer \"Fleet\" has failed: ";
    for (id, why) in [
        ("loud", "its answer is longer than 65536 bytes"),
        ("ill", "it ended with exit status: 3"),
        ("odd", "its answer: no JSON from line 1"),
        ("slow", "it took longer than 5 s"),
    ] {
        refused(&account, &mut running, &port, id, &format!("{failed}{why}")).await;
    }
    // Neither the program nor what it has started goes on.
    let pids = std::fs::read_to_string(account.path("slow.pids")).unwrap();
    assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
    for pid in pids.split_whitespace() {
        let dead = async {
            while is_running(pid) {
                // A killed process ends when the system comes to it.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(DEATH, dead).await.is_ok(), "{pid} goes on");
    }
    running.signal("INT").await;
    let ran = running.ended().await.expect(0);
    assert!(!ran.err.contains("t0ken"), "{}", ran.err);
}

/// Whether there is curl; on a CI machine there must be.
fn has_curl() -> bool {
    let has_one = std::process::Command::new("curl").arg("--version").output().is_ok();
    assert!(has_one || std::env::var_os("CI").is_none(), "curl is missing on a CI machine");
    if !has_one {
        eprintln!("SKIPPED: curl is not installed");
    }
    has_one
}

#[tokio::test]
async fn a_command_decides_about_requests_of_http() {
    if !has_curl() {
        return;
    }
    let account = account(r#"["./auth.sh"]"#).await;
    let mut running = account.broker().args(["--https-port", "0"]).start();
    let line = running.until_says("listening on https://127.0.0.1:").await;
    let port = line.rsplit(':').next().unwrap().to_owned();
    let publish = async |user: &str| {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--write-out", " %{http_code}", "--data", "4.2"]);
        curl.arg("--cacert").arg(account.path("ca.pem"));
        curl.args(["--header", "x-amz-customauthorizer-name: Fleet"]);
        curl.args(["--header", &format!("x-user: {user}")]);
        let output = curl.arg(format!("https://localhost:{port}/topics/site/7?qos=1")).output();
        let output = output.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let answer = publish("pump-17").await;
    assert!(answer.contains("\"OK\"") && answer.ends_with(" 200"), "{answer}");
    let seen = std::fs::read_to_string(account.path("seen.json")).unwrap();
    assert!(seen.contains(r#""protocols":["tls","http"]"#), "{seen}");
    for (user, why) in [
        ("other", "\"/topics/site/7\" of 127.0.0.1:"),
        ("slow", "the authorizer \"Fleet\" has failed: it took longer than 5 s"),
    ] {
        let answer = publish(user).await;
        assert!(answer.contains("\"Forbidden\"") && answer.ends_with(" 403"), "{answer}");
        running.until_says(why).await;
    }
    let answer = publish("pump-17").await;
    assert!(answer.ends_with(" 200"), "{answer}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_told() {
    let account = account(r#"["./nothing.sh"]"#).await;
    let (mut running, port) = account.start().await;
    refused(&account, &mut running, &port, "pump-17", "\"./nothing.sh\" cannot be started: ").await;
}
