//! What a store costs an application, through the public API: how many
//! messages are accepted and durable in a second, and what a long queue takes
//! in memory, on disk and at the next start.
//!
//! Prints a Markdown table. Each row is measured by a process of its own, so
//! that its memory is its own; `BENCH_DIR` says on which disk the stores lie.

mod parts;
mod process;

use std::process::Command;

/// Rounds of each rate; the median counts.
const ROUNDS: usize = 5;
/// The lengths of queue whose memory is compared.
const QUEUES: [u64; 3] = [10_000, 100_000, 1_000_000];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => table(),
        ["accept", fsync, publishers] => parts::accept(fsync, number(publishers)),
        ["deliver", fsync, publishers] => parts::deliver(fsync, number(publishers)),
        ["fill", queued] => parts::fill(number(queued)),
        ["resume", queued] => parts::resume(number(queued)),
        _ => eprintln!("without arguments it measures everything"),
    }
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn table() {
    println!("| | |\n|---|---|");
    for (part, what) in [("accept", "offline: accepted"), ("deliver", "online: acknowledged")] {
        for fsync in ["every-commit", "5ms"] {
            for publishers in [1, 100] {
                let mut rates: Vec<u64> = (0..ROUNDS)
                    .map(|_| number(&run(&[part, fsync, &publishers.to_string()])))
                    .collect();
                rates.sort_unstable();
                let (least, median, most) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
                println!(
                    "| {what}, fsync {fsync}, {publishers} publishing at a time | {median} \
                     messages/s ({least} to {most}) |"
                );
            }
        }
    }
    for queued in QUEUES {
        print!("{}", run(&["fill", &queued.to_string()]));
        print!("{}", run(&["resume", &queued.to_string()]));
    }
}

/// What a part says.
fn run(words: &[&str]) -> String {
    let program = std::env::current_exe().expect("its own path");
    let output = Command::new(program).args(words).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text").trim_end_matches('\n').to_owned()
        + if words[0] == "fill" || words[0] == "resume" { "\n" } else { "" }
}
