//! Ctrl-C while files and pipes are read: what came before it is told, and the code says
//! whether that is all. Nothing here waits for a time: Linux tells how far the program is.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::net::unix::pipe;
use tokio::time::{sleep, timeout};

use super::recorded;
use crate::support::{Ran, Running, evenkeel, folder};

/// The signal of Ctrl-C in the masks of `/proc`.
const INTERRUPT: u64 = 1 << 1;

/// Waits until something is so, which the program under test brings about.
async fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            match find() {
                Some(found) => return found,
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(Duration::from_secs(60), found).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Ctrl-C, as soon as it does not just kill the program.
async fn interrupt(running: &Running) {
    let status = format!("/proc/{}/status", running.id());
    until("the program catches signals", || {
        let status = std::fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        (caught & INTERRUPT != 0).then_some(())
    })
    .await;
    running.signal("INT").await;
}

fn fifo(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Says something by a pipe that then stays open, once the doctor has it open; waits
/// until the doctor has taken it.
async fn say(path: &Path, words: &[u8]) -> pipe::Sender {
    // Without a reader it cannot be opened.
    let open = || pipe::OpenOptions::new().open_sender(path).ok();
    let writer = until("the doctor opens the pipe", open).await;
    // It is empty, and all of them have room.
    writer.writable().await.unwrap();
    assert_eq!(writer.try_write(words).unwrap(), words.len());
    let is_taken = || (rustix::io::ioctl_fionread(&writer).unwrap() == 0).then_some(());
    until("the doctor reads the pipe", is_taken).await;
    writer
}

fn log() -> Vec<u8> {
    std::fs::read(recorded("takeover-fight-v311.mosquitto.log")).unwrap()
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

/// The names of what was read, in the order of the report.
fn names(report: &Value) -> Vec<&str> {
    let read = report["read"].as_array().unwrap();
    read.iter().map(|file| file["name"].as_str().unwrap()).collect()
}

fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

/// A capture to whose end nobody comes: behind its first bytes, a terabyte of packets of
/// no length, on a disk that holds none of it.
struct Endless(PathBuf);

impl Endless {
    /// Begins so.
    fn new(begins: &[u8]) -> Self {
        let endless = Self(folder().join("endless.pcap"));
        let mut file = File::create(&endless.0).unwrap();
        file.write_all(begins).unwrap();
        file.set_len(1 << 40).unwrap();
        endless
    }

    fn of(name: &str) -> Self {
        Self::new(&std::fs::read(recorded(name)).unwrap())
    }

    /// Waits until its beginning was judged, not only read: more was asked for since.
    async fn is_under_way(&self, running: &Running) {
        let folder = format!("/proc/{}", running.id());
        let own = self.0.canonicalize().unwrap();
        until("the doctor reads the file", || {
            for open in std::fs::read_dir(format!("{folder}/fd")).unwrap() {
                let open = open.unwrap();
                if !std::fs::read_link(open.path()).is_ok_and(|path| path == own) {
                    continue;
                }
                let number = open.file_name().into_string().unwrap();
                let Ok(info) = std::fs::read_to_string(format!("{folder}/fdinfo/{number}")) else {
                    continue;
                };
                let at = info.lines().find_map(|line| line.strip_prefix("pos:")).unwrap();
                let at: u64 = at.trim().parse().unwrap();
                return (at > 4 << 20).then_some(());
            }
            None
        })
        .await;
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs `doctor` with these words and the file, and ends it while the file is read.
async fn stopped(line: &str, endless: &Endless) -> Ran {
    let line = format!("doctor --format json {line} {}", endless.0.display());
    let running = evenkeel(&line).start();
    endless.is_under_way(&running).await;
    interrupt(&running).await;
    running.ended().await
}

/// Nobody writes to it: not even to open it comes to an end.
#[tokio::test]
async fn a_signal_is_the_end_of_a_pipe_that_nobody_writes_to() {
    let pipe = fifo("pipe");
    let running = evenkeel(&format!("doctor {}", pipe.display())).start();
    interrupt(&running).await;
    running.ended().await.expect(25).says("it is empty");
}

#[tokio::test]
async fn what_came_by_a_pipe_before_the_signal_is_told() {
    let pipe = fifo("pipe");
    let running = evenkeel(&format!("doctor --format json {}", pipe.display())).start();
    let writer = say(&pipe, &log()).await;
    interrupt(&running).await;
    let ran = running.ended().await.expect(24);
    drop(writer);
    assert_eq!(rules(&report(&ran))[0], "ID01");
}

/// Files may come in any order: what ends a pipe ends no file behind it, and each
/// other pipe has its time.
#[tokio::test]
async fn files_behind_a_pipe_are_read_all_the_same() {
    let (pipe, silent) = (fifo("pipe"), fifo("silent"));
    let capture = recorded("orphan-timer-plain.pcap");
    let (pipe_name, silent_name) = (pipe.display().to_string(), silent.display().to_string());
    let line = format!("doctor --format json {pipe_name} {silent_name} {capture}");
    let running = evenkeel(&line).start();
    let writer = say(&pipe, &log()).await;
    interrupt(&running).await;
    let ran = running.ended().await.expect(24).says("it is empty");
    drop(writer);
    assert!(!ran.err.contains("a signal stopped the program"), "{}", ran.err);
    let report = report(&ran);
    assert_eq!(names(&report), [pipe_name.as_str(), capture.as_str()]);
    let rules = rules(&report);
    assert!(rules.contains(&"ID01") && rules.contains(&"KA05"), "{rules:?}");
}

/// So it is behind stdin, which stays open here: whoever writes to it goes on.
#[tokio::test]
async fn files_behind_stdin_are_read_all_the_same() {
    let log = recorded("takeover-fight-v311.mosquitto.log");
    let mut running = evenkeel(&format!("doctor --format json - {log}")).start();
    let stdin = running.stdin();
    interrupt(&running).await;
    let ran = running.ended().await.expect(24).says("it is empty");
    drop(stdin);
    assert_eq!(rules(&report(&ran))[0], "ID01");
}

#[tokio::test]
async fn what_a_file_showed_before_the_signal_is_told() {
    let ran = stopped("", &Endless::of("orphan-timer-plain.pcap")).await.expect(20);
    let ran = ran.says("not all of the files were read").says("why: a signal stopped the program");
    let report = report(&ran);
    assert_eq!(rules(&report)[0], "KA05");
    let summary = report["read"][0]["summary"].as_str().unwrap();
    assert_eq!(summary, "not read to its end: a signal stopped the program");
}

/// Neither those that have shown nothing yet, nor those behind them, are broken.
#[tokio::test]
async fn a_signal_before_anything_was_found_is_what_is_said() {
    let header = &std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap()[..24];
    let endless = Endless::new(header);
    let ran = stopped("", &endless).await.expect(20);
    assert_eq!(ran.out, "");
    let ran = ran.says("was not read to its end").says("why: a signal stopped the program");
    assert!(!ran.err.contains("check what the path leads to"), "{}", ran.err);
    // Also if another file cannot be read for a reason of its own.
    let ran = stopped("/no-such-file", &endless).await.expect(20);
    ran.says("/no-such-file").says("error: ").says("why: a signal stopped the program");
    // What others show is told.
    let log = recorded("takeover-fight-v311.mosquitto.log");
    let ran = stopped(&log, &endless).await.expect(20).says("not all of the files were read");
    let report = report(&ran);
    assert_eq!(names(&report), [log.as_str()]);
    assert_eq!(rules(&report)[0], "ID01");
}

/// It may be in what was not read.
#[tokio::test]
async fn a_client_that_was_not_seen_before_the_signal_is_no_mistake() {
    let endless = Endless::of("orphan-timer-plain.pcap");
    let ran = stopped("--client nobody", &endless).await.expect(20);
    assert_eq!(ran.out, "");
    ran.says("no client 'nobody' was seen in what was read").says("why: a signal stopped");
}
