//! Beside the real tools: the same lines, the same broker, the same output.
//!
//! Skipped with a note if mosquitto's clients are not installed, except
//! under `CI=true`: there it is a failure.

use std::path::PathBuf;

use evenkeel_broker::Broker;

use crate::support::{Ran, Run, broker, evenkeel, named, retain, scripted, subscribed};

/// The real tool; `None` if it is not installed.
fn real(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} is not installed");
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

/// Runs the real tool and ours under its name; both must agree.
async fn same(name: &str, line: &[&str], broker: &Broker) {
    let Some(tool) = real(name) else { return };
    let port = broker.tcp_addr().unwrap().port().to_string();
    let run = |program: PathBuf| {
        let mut run = Run::of(program, "").args(["-h", "127.0.0.1", "-p", &port]);
        for word in line {
            run = run.args([word]);
        }
        run.run()
    };
    let (theirs, ours) = tokio::join!(run(tool), run(named(name)));
    let shown = |ran: &Ran| format!("code {}\n{}", ran.code, ran.out);
    assert_eq!(
        shown(&ours),
        shown(&theirs),
        "{name} {line:?}\nours said {}\ntheirs {}",
        ours.err,
        theirs.err
    );
}

#[tokio::test]
async fn formats_print_the_same() {
    let broker = broker().await;
    evenkeel(
        "pub b -r -q 1 -D publish user-property k v -D publish user-property k2 v2 -D publish content-type text/json \
         -D publish response-topic rt -D publish correlation-data cd -D publish payload-format-indicator 1",
    )
    .args(["-m", "{\"a\":1}"])
    .at(&broker)
    .run()
    .await
    .expect(0);
    for format in [
        "A%A|C%C|D%D|F%F|P%P|R%R|S%S|l%l|m%m|q%q|r%r|t%t|x%x|X%X|p%p",
        "C%20C|%-20C|%3.3C|F%03F|l%05l|m%05m|t%5t|t%-5t|t%05t",
        "p%20p|p%-20p|l%-05l|l%5l|%.1t|%10.10t|",
        "%5q|%5r|%5P|%5D|%%|@@|\\\\|\\t|\\a|\\v|\\e|",
        "@Y-@m-@d",
        "",
    ] {
        let line = ["-t", "b", "-C", "1", "-V", "5", "-q", "1", "-F", format];
        same("mosquitto_sub", &line, &broker).await;
    }
    same("mosquitto_sub", &["-t", "b", "-C", "1", "-v"], &broker).await;
    same("mosquitto_sub", &["-t", "b", "-C", "1", "-N"], &broker).await;
    same("mosquitto_sub", &["-t", "b", "-C", "1", "-N", "-F", "%t"], &broker).await;
}

/// `%j` has a time in it: the rest is compared.
#[tokio::test]
async fn json_prints_the_same_except_the_time() {
    let Some(tool) = real("mosquitto_sub") else { return };
    let broker = broker().await;
    retain(&broker, "js", "{\"b\":[1,{\"x\":null}],\"s\":\"a\\tb\"}").await;
    for format in ["%j", "%J"] {
        let mut printed = Vec::new();
        for program in [tool.clone(), named("mosquitto_sub")] {
            let run = Run::of(program, "-t js -C 1 -V 5 -q 1").args(["-F", format]).at(&broker);
            let out = run.run().await.out();
            printed.push(out.split_once("\",\"topic\"").unwrap().1.to_owned());
        }
        assert_eq!(printed[1], printed[0], "{format}");
    }
}

#[tokio::test]
async fn exit_codes_are_the_same() {
    let open = broker().await;
    for line in [
        &["-t", "a", "-W", "1"][..],
        &["-t", "a", "-E"],
        &["-t", "a#"],
        &["-t", "a", "-q", "3"],
        &["-t", "a", "-F", "%"],
        &["-t", "a", "-W", "0"],
        &["-t", "a", "-C", "0"],
        &["-t", "a", "-R", "--retained-only"],
        &["-t", "a", "-c"],
        &["-t", "a", "-i", "x", "-I", "y"],
        &["--no-such-flag"],
        &[],
    ] {
        same("mosquitto_sub", line, &open).await;
    }
    for line in [
        &["-t", "a", "-m", "x"][..],
        &["-t", "a", "-m", "x", "-q", "2", "-V", "5"],
        &["-t", "a+", "-m", "x"],
        &["-t", "a", "-m", "x", "-n"],
        &["-t", "a", "-f", "/no/such/file"],
        &["-t", "a", "-m", "x", "-D", "PUBLISH", "no-such", "1"],
        &["-t", "a", "-m", "x", "--will-payload", "y"],
    ] {
        same("mosquitto_pub", line, &open).await;
    }
    same("mosquitto_rr", &["-t", "a", "-e", "b", "-m", "x", "-W", "1"], &open).await;
    same("mosquitto_rr", &["-t", "a", "-m", "x"], &open).await;
}

async fn refused_the_same(code: u8, version: &str) {
    let rule =
        format!("[[rule]]\nreceived = \"CONNECT\"\naction = {{ refuse = {{ code = {code} }} }}\n");
    let broker = scripted(&rule).await;
    same("mosquitto_sub", &["-t", "a", "-V", version], &broker).await;
    same("mosquitto_pub", &["-t", "a", "-m", "x", "-V", version], &broker).await;
}

#[tokio::test]
async fn refusals_exit_the_same() {
    let cases =
        [(5, "311"), (4, "311"), (3, "311"), (2, "31"), (0x87, "5"), (0x85, "5"), (0x97, "5")];
    let running = cases.map(|(code, version)| tokio::spawn(refused_the_same(code, version)));
    for running in running {
        running.await.unwrap();
    }
    let denying = scripted("[[access.denials]]\nfilter = \"denied\"\n").await;
    for version in ["311", "5"] {
        same("mosquitto_sub", &["-t", "denied", "-V", version], &denying).await;
        same("mosquitto_sub", &["-t", "denied", "-E", "-V", version], &denying).await;
        let partly = ["-t", "denied", "-t", "ok", "-W", "1", "-V", version];
        same("mosquitto_sub", &partly, &denying).await;
        let line = ["-t", "denied", "-e", "ok", "-m", "x", "-q", "1", "-W", "1", "-V", version];
        same("mosquitto_rr", &line, &denying).await;
        let line = ["-t", "ok", "-e", "denied", "-m", "x", "-W", "1", "-V", version];
        same("mosquitto_rr", &line, &denying).await;
    }
    same("mosquitto_pub", &["-t", "denied", "-m", "x", "-q", "1", "-V", "5"], &denying).await;
}

#[tokio::test]
async fn the_real_tools_and_ours_talk_to_each_other() {
    let (Some(publisher), Some(subscriber)) = (real("mosquitto_pub"), real("mosquitto_sub")) else {
        return;
    };
    let broker = broker().await;
    let theirs = tokio::spawn(Run::of(subscriber, "-t ours -C 1 -v -q 2 -V 5").at(&broker).run());
    let ours = tokio::spawn(evenkeel("sub theirs -C 1 -v -q 2 -W 30").at(&broker).run());
    subscribed(&broker, 2).await;
    evenkeel("pub ours hello -q 2").at(&broker).run().await.expect(0);
    Run::of(publisher, "-t theirs -m hello -q 2 -V 5").at(&broker).run().await.expect(0);
    assert_eq!(theirs.await.unwrap().out(), "ours hello\n");
    assert_eq!(ours.await.unwrap().out(), "theirs hello\n");
}

/// The flags in a text, each once.
fn flags(help: &str) -> Vec<&str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let is_flag = |word: &&str| word.starts_with('-') && !word.trim_start_matches('-').is_empty();
    let mut flags: Vec<_> = help.split(ends).filter(is_flag).collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

#[tokio::test]
async fn every_flag_of_the_real_tools_is_ours() {
    for name in ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"] {
        let Some(tool) = real(name) else { return };
        let theirs = Run::of(tool, "--help").run().await.out;
        let ours = Run::of(named(name), "--help").run().await.out();
        let ours = flags(&ours);
        let theirs = flags(&theirs);
        assert!(theirs.len() > 40, "{theirs:?}");
        for flag in theirs {
            assert!(ours.contains(&flag), "{name} has {flag}, ours only {ours:?}");
        }
    }
}
