//! An emulated account, killed again and again while shadows and jobs change: whatever
//! was answered is there afterwards. The instants are drawn from a seed, and are those
//! of real time: the same seed makes the same plan, not the same run.
//!
//! `EVENKEEL_KILLS` sets how often the broker is killed, `EVENKEEL_SEED` repeats a plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_codec::{
    Connect, Decoder, Packet, PacketId, PacketType, Properties, Publish, QoS, Version,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{Running, evenkeel, folder};

/// What `CI` can afford: some seconds.
const KILLS: u64 = 12;

/// Things whose shadows change in turn.
const THINGS: u64 = 5;

/// How long one answer may take, however busy the machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a report: some hundred of them are more than the state file keeps of the past.
const FILL: usize = 6000;
const REPORTS: u64 = 2000;

fn of_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was asked for, and what of it was answered.
#[derive(Default)]
struct Known {
    /// The last number that each thing has reported, and the last one that was answered.
    asked: BTreeMap<u64, u64>,
    answered: BTreeMap<u64, u64>,
    /// Jobs that were created, and whether their end was answered, too.
    jobs: BTreeMap<u64, bool>,
}

impl Known {
    /// The report of this number, or its job, was asked for, and its answer never came.
    fn is_unanswered(&self, number: u64) -> bool {
        let is_last = |of: &BTreeMap<u64, u64>| of.get(&(number % THINGS)) == Some(&number);
        let is_done = !number.is_multiple_of(4) || self.jobs.get(&number) == Some(&true);
        is_last(&self.asked) && !(is_last(&self.answered) && is_done)
    }
}

/// A client that reports to shadows and ends jobs until its connection is gone.
struct Worker<'a> {
    stream: TcpStream,
    bytes: BytesMut,
    decoder: Decoder,
    account: &'a Path,
}

impl<'a> Worker<'a> {
    async fn connect(port: &str, account: &'a Path) -> Option<Self> {
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()?;
        let decoder = Decoder::new(Version::V311, u32::MAX);
        let mut worker = Self { stream, bytes: BytesMut::new(), decoder, account };
        let connect = Connect {
            version: Version::V311,
            clean_start: true,
            keep_alive: 0,
            client_id: "worker".try_into().unwrap(),
            will: None,
            username: None,
            password: None,
            properties: Properties::new(),
        };
        worker.send(&Packet::Connect(connect)).await?;
        worker.until(PacketType::ConnAck).await?;
        Some(worker)
    }

    async fn send(&mut self, packet: &Packet) -> Option<()> {
        let mut bytes = Vec::new();
        packet.encode(Version::V311, &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.ok()
    }

    /// Reads until a packet of this type has come.
    async fn until(&mut self, kind: PacketType) -> Option<()> {
        loop {
            while let Some(packet) = self.decoder.decode(&mut self.bytes).unwrap() {
                if packet.packet_type() == kind {
                    return Some(());
                }
            }
            if self.stream.read_buf(&mut self.bytes).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Publishes; nothing if it was not acknowledged.
    async fn publish(&mut self, topic: &str, payload: &Value) -> Option<()> {
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: topic.try_into().unwrap(),
            packet_id: PacketId::new(1),
            payload: payload.to_string().into(),
            properties: Properties::new(),
        };
        self.send(&Packet::Publish(publish)).await?;
        self.until(PacketType::PubAck).await
    }

    /// Works until the state has been written whole, so that its file is shorter.
    async fn until_begun_anew(&mut self, number: &mut u64, known: &mut Known) {
        let length = || std::fs::metadata(self.account.join("state.jsonl")).unwrap().len();
        let (mut before, end) = (0, *number + REPORTS);
        while *number < end {
            self.work(*number, known).await.expect("the broker lives");
            *number += 1;
            let now = length();
            if now < before {
                return;
            }
            before = now;
        }
        panic!("{REPORTS} reports, and all of the past is still there");
    }

    async fn work(&mut self, number: u64, known: &mut Known) -> Option<()> {
        let thing = number % THINGS;
        known.asked.insert(thing, number);
        let report = json!({"state": {"reported": {"n": number, "fill": "x".repeat(FILL)}}});
        self.publish(&format!("$aws/things/t-{thing}/shadow/update"), &report).await?;
        known.answered.insert(thing, number);
        if number.is_multiple_of(4) {
            let create = json!({"ask": "job-create", "job": format!("j-{number}"),
                "document": {"do": number}, "things": [format!("j-{number}")]});
            ask(self.account, &create).await?;
            known.jobs.insert(number, false);
            let update = json!({"status": "SUCCEEDED"});
            let topic = format!("$aws/things/j-{number}/jobs/j-{number}/update");
            self.publish(&topic, &update).await?;
            known.jobs.insert(number, true);
        }
        Some(())
    }
}

/// Asks as the operator; nothing if there was no answer.
async fn ask(account: &Path, request: &Value) -> Option<Value> {
    let mut stream = UnixStream::connect(account.join("admin.sock")).await.ok()?;
    stream.write_all(format!("{request}\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    assert_eq!(answer.get("error"), None, "{request}");
    Some(answer)
}

async fn account() -> PathBuf {
    let account = folder().join("account");
    let path = account.to_str().unwrap();
    evenkeel("broker --aws").args([path, "--init", "t-0"]).run().await.expect(0);
    let all = r#"{"Version": "2012-10-17", "Statement":
      {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
    std::fs::write(account.join("policies/all.json"), all).unwrap();
    std::fs::write(account.join("aws.toml"), "[plain]\npolicies = [\"all\"]\n").unwrap();
    account
}

async fn start(account: &Path) -> (Running, String) {
    let run = evenkeel("broker -p 0 --tls-port 0 --profile none --aws");
    let mut running = run.args([account.to_str().unwrap()]).start();
    let line = running.until_says("listening on mqtt://127.0.0.1:").await;
    let port = line.rsplit(':').next().unwrap().to_owned();
    running.until_says("warning: this broker is for development and tests").await;
    (running, port)
}

/// All that was answered is there, and nothing that was never asked for.
async fn check(account: &Path, known: &Known) {
    for (thing, answered) in &known.answered {
        let get = json!({"ask": "shadow-get", "thing": format!("t-{thing}"), "name": null});
        let shadow = ask(account, &get).await.expect("a shadow");
        let n = shadow["state"]["reported"]["n"].as_u64().expect("a number");
        let asked = known.asked[thing];
        assert!((*answered..=asked).contains(&n), "t-{thing}: {answered} <= {n} <= {asked}");
    }
    for (number, is_done) in &known.jobs {
        let list = json!({"ask": "job-list", "thing": format!("j-{number}")});
        let jobs = ask(account, &list).await.expect("a list");
        assert_eq!(jobs.as_array().map(Vec::len), Some(1), "j-{number}: {jobs}");
        assert_eq!(jobs[0]["jobDocument"]["do"], *number);
        if *is_done {
            assert_eq!(jobs[0]["status"], "SUCCEEDED", "j-{number}");
        }
    }
}

#[tokio::test]
async fn what_was_answered_survives_many_kills() {
    let kills = of_env("EVENKEEL_KILLS").unwrap_or(KILLS);
    let seed = of_env("EVENKEEL_SEED").unwrap_or(7);
    eprintln!("EVENKEEL_SEED={seed} EVENKEEL_KILLS={kills}");
    let account = account().await;
    let (mut known, mut number, mut random) = (Known::default(), 0, seed);
    let mut interrupted = 0;
    for _ in 0..kills {
        let (running, port) = start(&account).await;
        tokio::time::timeout(TIMEOUT, check(&account, &known)).await.expect("answers");
        let mut worker = Worker::connect(&port, &account).await.expect("a connection");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The instant of the kill is the point of this test.
        let pause = tokio::time::sleep(Duration::from_millis(20 + (random >> 33) % 400));
        tokio::pin!(pause);
        loop {
            let work = async {
                let outcome = worker.work(number, &mut known).await;
                assert!(outcome.is_some(), "the broker lives");
            };
            tokio::select! {
                biased;
                () = &mut pause => break,
                () = work => number += 1,
            }
        }
        interrupted += u64::from(known.is_unanswered(number));
        // What was being asked as the kill came may have happened or not.
        running.signal("KILL").await;
        running.ended().await.expect(-1);
        number += 1;
    }
    assert!(interrupted > 0, "no kill came while something was asked");
    // The state was written whole at each start alone, if the machine is slow.
    let (running, port) = start(&account).await;
    let mut worker = Worker::connect(&port, &account).await.expect("a connection");
    let work = worker.until_begun_anew(&mut number, &mut known);
    tokio::time::timeout(TIMEOUT, work).await.expect("answers");
    running.signal("KILL").await;
    running.ended().await.expect(-1);
    let (_running, _) = start(&account).await;
    check(&account, &known).await;
    let answered: u64 = known.answered.values().copied().max().unwrap_or_default();
    eprintln!("{answered} reports, {} jobs, {interrupted} interrupted", known.jobs.len());
    assert!(answered > kills, "hardly anything happened");
}
