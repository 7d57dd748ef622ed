//! Threads that each wait for their own QoS 1 message, through the blocking
//! facade; beside threads that only wait and are woken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{Builder, JoinHandle, Thread};

use evenkeel::blocking::Client;
use evenkeel::{Bytes, QoS, TopicName};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::cpu_time;

const THREADS: &[u64] = &[1, 8, 64, 512];
const COUNT: u64 = 40_000;

pub(super) const GROUP: Group = Group {
    name: "threads",
    title: "Threads that wait for QoS 1 messages",
    unit: "microseconds a message",
    axis: "threads",
    series: &[
        Series { name: "blocking", points: THREADS, cores: Cores::One, measure: publishing },
        Series {
            name: "one sleep and one wake each",
            points: THREADS,
            cores: Cores::One,
            measure: waking,
        },
    ],
    goals: &[
        Goal { series: "blocking", at: 64, bound: Bound::AtMost(2.0) },
        Goal { series: "blocking", at: 512, bound: Bound::AtMost(2.0) },
    ],
};

fn publishing(threads: u64, port: u16) -> Outcome<f64> {
    let builder = evenkeel::Client::builder(format!("mqtt://127.0.0.1:{port}")).in_flight(1000);
    let client = Client::start(builder)?;
    client.online()?;
    measured(threads, |each| {
        let client = client.clone();
        move || publish(&client, each)
    })
}

fn publish(client: &Client, count: u64) {
    let topic = TopicName::try_from("site/7/level").expect("a topic");
    let payload = Bytes::from(vec![b'x'; 64]);
    for _ in 0..count {
        let publishing = client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce);
        publishing.delivered().expect("it is acknowledged");
    }
}

/// What the kernel takes for nothing but the waiting: a thread wakes all others,
/// each of them sleeps again, and the last one wakes the first.
fn waking(threads: u64, _port: u16) -> Outcome<f64> {
    let rounds = COUNT / threads;
    let round = Arc::new(AtomicU64::new(0));
    let left = Arc::new(AtomicU64::new(0));
    let waker = std::thread::current();
    let sleepers = spawn_sleepers(threads, rounds, &round, &left, &waker)?;
    let before = cpu_time();
    for number in 1..=rounds {
        left.store(threads, Ordering::Release);
        round.store(number, Ordering::Release);
        sleepers.iter().for_each(|sleeper| sleeper.thread().unpark());
        while left.load(Ordering::Acquire) > 0 {
            std::thread::park();
        }
    }
    let taken = cpu_time() - before;
    for sleeper in sleepers {
        sleeper.join().map_err(|_| "a thread panicked")?;
    }
    Ok(taken.as_secs_f64() * 1e6 / (rounds * threads) as f64)
}

fn spawn_sleepers(
    threads: u64,
    rounds: u64,
    round: &Arc<AtomicU64>,
    left: &Arc<AtomicU64>,
    waker: &Thread,
) -> Outcome<Vec<JoinHandle<()>>> {
    let spawn = |_| {
        let (round, left, waker) = (round.clone(), left.clone(), waker.clone());
        let sleep = move || {
            for number in 1..=rounds {
                while round.load(Ordering::Acquire) < number {
                    std::thread::park();
                }
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    waker.unpark();
                }
            }
        };
        Builder::new().stack_size(128 * 1024).spawn(sleep)
    };
    Ok((0..threads).map(spawn).collect::<Result<_, _>>()?)
}

/// Processor time for each of the messages of so many threads.
fn measured<W: FnOnce() + Send + 'static>(threads: u64, work: impl Fn(u64) -> W) -> Outcome<f64> {
    let each = COUNT / threads;
    let gate = Arc::new(Barrier::new(threads as usize + 1));
    let spawn = |_| {
        let (gate, work) = (gate.clone(), work(each));
        Builder::new().stack_size(256 * 1024).spawn(move || {
            gate.wait();
            work();
        })
    };
    let spawned: Vec<_> = (0..threads).map(spawn).collect::<Result<_, _>>()?;
    let before = cpu_time();
    gate.wait();
    for thread in spawned {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok((cpu_time() - before).as_secs_f64() * 1e6 / (each * threads) as f64)
}
