//! `--aws-sign` at `evenkeel broker --aws --wss-port`: signer and verifier, which share
//! no code.

use crate::emulator::Account;
use crate::support::{PROGRAM, Run, Running, evenkeel};

const SETTINGS: &str = r#"
region = "eu-west-1"
[keys.AKIDEXAMPLE]
secret = "s3cret"
policies = ["console"]
"#;
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;

/// A broker that takes signed WebSockets, and its port.
async fn start() -> (Account, Running, String) {
    let account = Account::new().await;
    account.write("aws.toml", SETTINGS);
    account.write("policies/console.json", POLICY);
    let mut running = account.broker().args(["--wss-port", "0"]).start();
    let line = running.until_says("listening on wss://127.0.0.1:").await;
    let port = line.rsplit(':').next().unwrap().trim_end_matches("/mqtt").to_owned();
    running.until_says("warning: this broker is for development and tests").await;
    (account, running, port)
}

fn signed(run: Run, account: &Account, port: &str, secret: &str) -> Run {
    run.args(["pub", "-q", "1", "-W", "15", "-h", "localhost", "-p", port, "-i", "console-1"])
        .args(["--aws-region", "eu-west-1", "--cafile", account.path("ca.pem").to_str().unwrap()])
        .args(["--aws-sign", "site/7", "x"])
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", secret)
}

#[tokio::test]
async fn the_key_decides() {
    let (account, mut running, port) = start().await;
    signed(evenkeel(""), &account, &port, "s3cret").run().await.expect(0);
    let ran = signed(evenkeel(""), &account, &port, "an0ther").run().await;
    assert_ne!(ran.code, 0);
    let ran = ran.says("403");
    assert!(!ran.err.contains("an0ther"), "{}", ran.err);
    running.until_says("gate: a WebSocket from 127.0.0.1: the signature ").await;
    running.signal("INT").await;
    let told = running.ended().await.expect(0).err;
    assert!(!told.contains("s3cret") && !told.contains("an0ther"), "{told}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_to_both_sides() {
    if !has_faketime() {
        assert!(std::env::var_os("CI").is_none(), "faketime is missing");
        eprintln!("skipped: faketime is not installed");
        return;
    }
    let (account, mut running, port) = start().await;
    let late = || {
        let run = Run::of("faketime", "-f -1h").args([PROGRAM]);
        run.env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    };
    let ran = signed(late(), &account, &port, "s3cret").run().await;
    assert_ne!(ran.code, 0);
    ran.says("this machine's clock is ").says("behind the server's");
    running.until_says("gate: a WebSocket from 127.0.0.1: ").await;
}

fn has_faketime() -> bool {
    std::process::Command::new("faketime").arg("--version").output().is_ok()
}
