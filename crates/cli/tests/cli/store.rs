//! `--store`: what a run leaves, the next one goes on with.

use std::path::{Path, PathBuf};

use crate::support::{Run, broker, dead_port, evenkeel, folder, named, subscribed};

fn fresh() -> PathBuf {
    folder().join("pump.session")
}

/// Payloads that wait in the store.
async fn stored(path: &Path) -> Vec<String> {
    let out = evenkeel("queue export").args([path.to_str().unwrap()]).run().await.out();
    let json = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    out.lines().map(|line| json(line)["payload"].as_str().unwrap().to_owned()).collect()
}

/// Publishes these lines while nobody listens.
async fn leave(path: &Path, lines: &str, in_all: usize) {
    let line = format!("pub -t a -l -q 1 -W 1 -h 127.0.0.1 -p {}", dead_port());
    let ran = evenkeel(&line).args(["--store", path.to_str().unwrap()]).input(lines).run().await;
    ran.expect(4)
        .says(&format!("{in_all} messages stay in the store; the next run with it goes on\n"));
}

#[tokio::test]
async fn pub_delivers_what_earlier_runs_left() {
    let path = fresh();
    leave(&path, "one\ntwo\n", 2).await;
    leave(&path, "three\nfour\n", 4).await;
    assert_eq!(stored(&path).await, ["one", "two", "three", "four"]);
    let broker = broker().await;
    let subscriber = tokio::spawn(evenkeel("sub a -q 2 -C 5 -W 50").at(&broker).run());
    subscribed(&broker, 1).await;
    for policy in ["every-commit", "5ms", "never"] {
        // The first of these runs has nothing of its own to say.
        let input = if policy == "5ms" { "five\n" } else { "" };
        let run = evenkeel("pub -t a -l -q 2 --fsync").args([policy]);
        let run =
            run.args(["--store", path.to_str().unwrap()]).at(&broker).input(input).run().await;
        run.expect(0);
    }
    assert_eq!(subscriber.await.unwrap().out(), "one\ntwo\nthree\nfour\nfive\n");
    assert_eq!(stored(&path).await, [""; 0]);
}

/// The identifier of the session, and so the session, is that of the store.
#[tokio::test]
async fn sub_goes_on_with_its_session() {
    let path = fresh();
    let sub = || evenkeel("sub a -q 1 -W 50 -C 1 --store").args([path.to_str().unwrap()]);
    let broker = broker().await;
    let first = sub().at(&broker).start();
    subscribed(&broker, 1).await;
    evenkeel("pub a one -q 1").at(&broker).run().await.expect(0);
    assert_eq!(first.ended().await.out(), "one\n");
    evenkeel("pub a two -q 1").at(&broker).run().await.expect(0);
    assert_eq!(sub().at(&broker).run().await.out(), "two\n");
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_told_in_three_parts() {
    let foreign = folder();
    std::fs::write(foreign.join("diary"), "dear").unwrap();
    let held = fresh();
    let _holder = evenkeel_store::FileStore::open(&held).unwrap();
    let lost = folder().join("no/such/folder");
    for (path, code, why) in [
        (&foreign, 22, "this is no store of Evenkeel\nhint: give the store a folder of its own"),
        (&held, 21, "is in use by process"),
        (&lost, 22, "there is no such file or folder\nhint: make the folder above it first"),
    ] {
        for line in ["pub a x -q 1 --store", "sub a --store"] {
            let ran = evenkeel(line).args([path.to_str().unwrap()]).run().await.expect(code);
            ran.says("error: the store cannot be used\nwhy: ").says(why);
        }
    }
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1, "nothing was put there");
}

#[tokio::test]
async fn flags_that_contradict_a_store_are_refused() {
    let path = fresh();
    for (line, what) in [
        ("pub a x", "error: --store needs QoS 1 or 2\nwhy: a message of QoS 0 may be lost"),
        (
            "pub a x -q 1 --clean",
            "error: --clean and --store contradict each other\nwhy: the store",
        ),
        ("sub a --clean", "error: --clean and --store contradict each other\n"),
        ("sub a --fsync 0", "error: '0' is no value for --fsync\nwhy: "),
    ] {
        let ran = evenkeel(line).args(["--store", path.to_str().unwrap()]).run().await;
        ran.expect(2).says(what);
    }
    for line in ["pub a x -q 1 --fsync never", "sub a --fsync 5ms"] {
        evenkeel(line).run().await.expect(2).says("error: --fsync needs --store\nwhy: ");
    }
    evenkeel("rr a x --store s").run().await.expect(2).says("error: there is no flag '--store'\n");
    assert!(!path.exists(), "a mistake makes no store");
}

#[tokio::test]
async fn mosquittos_names_have_no_store() {
    for (name, rest) in [("mosquitto_pub", "-t a -m x -q 1"), ("mosquitto_sub", "-t a")] {
        for flag in ["--store=s", "--fsync=never"] {
            let ran = Run::of(named(name), rest).args([flag]).run().await.expect(1);
            let (flag, _) = flag.split_once('=').unwrap();
            ran.says(&format!("Error: there is no flag '{flag}'\nwhy: {name} has none like it\n"));
        }
        let help = Run::of(named(name), "--help").run().await.out();
        assert!(!help.contains("--store") && !help.contains("--fsync"), "{help}");
    }
}
