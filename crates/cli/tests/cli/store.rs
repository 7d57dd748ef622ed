//! `--store`: what a run leaves, the next one goes on with.

use std::path::{Path, PathBuf};

use evenkeel_store::codec::{Publish, QoS, Text};
use evenkeel_store::record::{Accepted, Priority, Record, Serial, UnixMillis};
use evenkeel_store::{FileStore, Store};

use crate::support::{Run, broker, dead_port, evenkeel, folder, named, scripted, subscribed};

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

/// Messages of an earlier run wait in the store, their numbers for payloads.
fn waiting(path: &Path, messages: u64) {
    let record = |serial: u64| {
        let publish = Publish {
            qos: QoS::AtLeastOnce,
            topic: Text::try_from("a").unwrap(),
            payload: serial.to_string().into(),
            ..Publish::default()
        };
        let (accepted, priority) = (UnixMillis(0), Priority::Normal);
        Record::Accepted(Accepted {
            serial: Serial(serial),
            publish,
            accepted,
            expires: None,
            age: None,
            priority,
        })
    };
    let records: Vec<_> = (1..=messages).map(record).collect();
    FileStore::open(path).unwrap().commit(&records).unwrap();
}

/// As many messages wait as the queue of a client without a store takes, and
/// some more: the next run takes its own all the same, and all are delivered.
#[tokio::test]
async fn a_long_queue_is_worked_off() {
    let path = fresh();
    waiting(&path, 10_050);
    leave(&path, "offline\n", 10_051).await;
    let broker = broker().await;
    let subscriber = tokio::spawn(evenkeel("sub a -q 1 -C 10052 -W 50").at(&broker).run());
    subscribed(&broker, 1).await;
    // Within less time than it takes to deliver all: it starts again.
    let run =
        evenkeel("pub -t a -l -q 1 -W 1 --fsync never --store").args([path.to_str().unwrap()]);
    run.at(&broker).input("online\n").run().await.expect(0);
    let numbers = (1..=10_050).map(|number| number.to_string());
    let all: Vec<_> = numbers.chain(["offline", "online"].map(str::to_owned)).collect();
    assert!(subscriber.await.unwrap().out().lines().eq(all));
    assert_eq!(stored(&path).await, [""; 0]);
}

/// The time limit starts again with each acknowledgement, whatever run the
/// message is of: together these take longer than the limit.
#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let path = fresh();
    waiting(&path, 6);
    let rule = "[[rule]]\nsent = \"PUBACK\"\naction = { delay = \"600ms\" }\n";
    let broker = scripted(rule).await;
    let run = evenkeel("pub -t a -l -q 1 -W 3 --max-inflight 1 --store");
    run.args([path.to_str().unwrap()]).at(&broker).input("mine\n").run().await.expect(0);
    assert_eq!(stored(&path).await, [""; 0]);
}

/// The identifier of the session, and so the session, is that of the store;
/// also if it was made from a prefix, whose end is another in each run.
#[tokio::test]
async fn sub_goes_on_with_its_session() {
    for prefix in ["", "-I pump-"] {
        let path = fresh();
        let line = format!("sub a -q 1 -W 50 -C 1 {prefix} --store");
        let sub = || evenkeel(&line).args([path.to_str().unwrap()]);
        let broker = broker().await;
        let first = sub().at(&broker).start();
        subscribed(&broker, 1).await;
        evenkeel("pub a one -q 1").at(&broker).run().await.expect(0);
        assert_eq!(first.ended().await.out(), "one\n");
        evenkeel("pub a two -q 1").at(&broker).run().await.expect(0);
        assert_eq!(sub().at(&broker).run().await.out(), "two\n");
    }
}

/// A store of another name is no store of this prefix.
#[tokio::test]
async fn a_store_of_another_prefix_is_not_taken() {
    let path = fresh();
    let port = dead_port();
    let run = |prefix| {
        let line = format!("pub a x -q 1 -W 1 -h 127.0.0.1 -p {port} -I {prefix} --store");
        evenkeel(&line).args([path.to_str().unwrap()]).run()
    };
    run("pump-").await.expect(4);
    run("valve-").await.expect(2).says("another client identifier");
    run("pump-").await.expect(4).says("2 messages stay in the store");
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_told_in_three_parts() {
    let foreign = folder();
    std::fs::write(foreign.join("diary"), "dear").unwrap();
    let held = fresh();
    let _holder = FileStore::open(&held).unwrap();
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
