//! What it costs to hand one message of 128 bytes from a handle to the driver:
//! over a channel, or under a lock.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

const MESSAGES: u64 = 5_000_000;

type Message = [u64; 16];

fn main() {
    let one = Builder::new_current_thread().build().expect("a runtime");
    let two = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    report("channel, one thread", channel(&one));
    report("channel, two threads", channel(&two));
    report("lock, one thread", lock(1));
    report("lock, two threads", lock(2));
}

fn report(what: &str, took: Duration) {
    println!("{what:22} {:6.1} ns per message", took.as_nanos() as f64 / MESSAGES as f64);
}

fn channel(runtime: &Runtime) -> Duration {
    let (sender, mut receiver) = mpsc::channel::<Message>(1000);
    let start = Instant::now();
    runtime.block_on(async {
        let receiving = runtime.spawn(async move {
            let mut sum = 0;
            while let Some(message) = receiver.recv().await {
                sum += message[0];
            }
            sum
        });
        let sending = runtime.spawn(async move {
            for number in 0..MESSAGES {
                sender.send([number; 16]).await.expect("the receiver waits for all");
            }
        });
        sending.await.expect("sent");
        let sum = receiving.await.expect("received");
        assert_eq!(sum, MESSAGES * (MESSAGES - 1) / 2, "no message was lost");
    });
    start.elapsed()
}

fn lock(threads: u64) -> Duration {
    let shared = Arc::new(Mutex::new(0_u64));
    let start = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let shared = shared.clone();
            std::thread::spawn(move || {
                for number in 0..MESSAGES / threads {
                    *black_box(&shared).lock().expect("no panic") += number & 1;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("no panic");
    }
    start.elapsed()
}
