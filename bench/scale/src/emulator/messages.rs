//! Many connections, each of which publishes to its neighbour at a steady pace.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Packet, QoS};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::Load;
use super::connection::Connection;
use crate::Outcome;
use crate::process::cpu_time;

/// Connections that are opened at a time.
const OPENING: usize = 100;
/// Bytes of a payload; the first eight say when it was published.
const PAYLOAD: usize = 64;
/// How long messages may be on their way when all was published.
const REST: Duration = Duration::from_secs(5);

/// What was counted by all connections.
#[derive(Default)]
struct Counts {
    published: Cell<u64>,
    acknowledged: Cell<u64>,
    /// Microseconds from publishing to delivery.
    delays: RefCell<Vec<u32>>,
    failed: RefCell<Option<String>>,
}

pub(super) async fn run(load: &Load) -> Outcome {
    let qos = if load.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let (began, mut connections) = (Instant::now(), Vec::new());
    let mut opening = JoinSet::new();
    for number in 0..load.connections {
        if opening.len() == OPENING {
            connections.push(opening.join_next().await.ok_or("none")???);
        }
        let port = load.port;
        opening.spawn_local(async move { open(port, number, qos).await });
    }
    while let Some(opened) = opening.join_next().await {
        connections.push(opened??);
    }
    let count = connections.len();
    println!("{count} connections with a subscription in {:.1} s", began.elapsed().as_secs_f64());

    let (counts, began, used) = (Rc::new(Counts::default()), Instant::now(), cpu_time());
    let pause = Duration::from_secs_f64(count as f64 / load.rate);
    for (number, connection) in connections {
        let start = began + pause.mul_f64(number as f64 / count as f64);
        let end = began + load.span();
        let topic = format!("load/{}", (number + 1) % count);
        let counts = counts.clone();
        spawn_local(async move {
            let pace = Pace { began, start, pause, end };
            if let Err(error) = serve(connection, &topic, qos, &pace, &counts).await {
                counts.failed.borrow_mut().get_or_insert(error.to_string());
            }
        });
    }
    sleep(load.span()).await;
    let in_time = counts.delays.borrow().len();
    let rest = Instant::now();
    while (counts.delays.borrow().len() as u64) < counts.published.get() && rest.elapsed() < REST {
        sleep(Duration::from_millis(20)).await;
    }
    report(load, &counts, in_time);
    println!("generator: {:.1} s of processor time", (cpu_time() - used).as_secs_f64());
    match counts.failed.borrow_mut().take() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

async fn open(port: u16, number: usize, qos: QoS) -> Outcome<(usize, Connection)> {
    let mut connection = Connection::open(port, &format!("load-{number}")).await?;
    connection.subscribe(&format!("load/{number}"), qos).await?;
    Ok((number, connection))
}

/// When a connection publishes.
struct Pace {
    began: Instant,
    start: Instant,
    pause: Duration,
    end: Instant,
}

async fn serve(
    mut connection: Connection,
    topic: &str,
    qos: QoS,
    pace: &Pace,
    counts: &Counts,
) -> Outcome {
    let mut ticks = interval_at(pace.start, pace.pause);
    // What was not published in time is published then: the rate is kept.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut id = 0_u16;
    loop {
        tokio::select! {
            at = ticks.tick() => {
                if at >= pace.end {
                    ticks = interval_at(Instant::now() + Duration::from_secs(3600), pace.pause);
                    continue;
                }
                id = if id == u16::MAX { 1 } else { id + 1 };
                let mut payload = vec![0; PAYLOAD];
                let now = pace.began.elapsed().as_micros() as u64;
                payload[..8].copy_from_slice(&now.to_be_bytes());
                connection.publish(topic, qos, id, Bytes::from(payload))?;
                counts.published.set(counts.published.get() + 1);
                connection.flush().await?;
            }
            filled = connection.fill() => {
                filled?;
                take_all(&mut connection, pace, counts)?;
                connection.flush().await?;
            }
        }
    }
}

fn take_all(connection: &mut Connection, pace: &Pace, counts: &Counts) -> Outcome {
    while let Some(packet) = connection.read_already()? {
        match packet {
            Packet::PubAck(_) => counts.acknowledged.set(counts.acknowledged.get() + 1),
            Packet::Publish(publish) => {
                let sent = publish.payload.first_chunk().ok_or("a short payload")?;
                let now = pace.began.elapsed().as_micros() as u64;
                let delay = now.saturating_sub(u64::from_be_bytes(*sent));
                counts.delays.borrow_mut().push(u32::try_from(delay).unwrap_or(u32::MAX));
                if let Some(id) = publish.packet_id {
                    connection.acknowledge(id)?;
                }
            }
            other => return Err(format!("{other:?}, for which nobody has asked").into()),
        }
    }
    Ok(())
}

fn report(load: &Load, counts: &Counts, in_time: usize) {
    let mut delays = counts.delays.take();
    delays.sort_unstable();
    let at = |part: f64| {
        let index = (delays.len() as f64 * part) as usize;
        delays.get(index.min(delays.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let rate = |count: u64| count as f64 / load.seconds as f64;
    let published = counts.published.get();
    println!(
        "published {published} ({:.0}/s), acknowledged {}, delivered {} ({:.0}/s in time), QoS {}",
        rate(published),
        counts.acknowledged.get(),
        delays.len(),
        rate(in_time as u64),
        load.qos,
    );
    println!(
        "from publishing to delivery: half within {:.1} ms, 99 % within {:.1} ms, all within {:.1} ms",
        f64::from(at(0.5)) / 1e3,
        f64::from(at(0.99)) / 1e3,
        f64::from(at(1.0)) / 1e3,
    );
}
