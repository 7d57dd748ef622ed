//! Reports to the shadows of many things.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use evenkeel_codec::{Packet, QoS};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Load;
use super::connection::Connection;
use crate::Outcome;

pub(super) async fn run(load: &Load) -> Outcome {
    let fill = load.bytes.saturating_sub(64).max(1);
    let document = format!("{{\"state\":{{\"reported\":{{\"fill\":\"{}\"}}}}}}", "x".repeat(fill));
    let mut first = Connection::open(load.port, "reports").await?;
    let began = Instant::now();
    for thing in 0..load.things {
        report(&mut first, thing, Bytes::from(document.clone())).await?;
    }
    let rate = load.things as f64 / began.elapsed().as_secs_f64();
    println!("{} documents of {} bytes made, {rate:.0}/s", load.things, load.bytes);

    let (count, end) = (Rc::new(Cell::new(0_u64)), Instant::now() + load.span());
    let mut all = JoinSet::new();
    for number in 0..load.connections {
        let mut connection = Connection::open(load.port, &format!("reports-{number}")).await?;
        let (count, things, step) = (count.clone(), load.things, load.connections);
        all.spawn_local(async move {
            let mut thing = number;
            while Instant::now() < end {
                let value = count.get();
                let update = format!("{{\"state\":{{\"reported\":{{\"n\":{value}}}}}}}");
                report(&mut connection, thing % things, Bytes::from(update)).await?;
                count.set(count.get() + 1);
                thing += step;
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    let rate = count.get() as f64 / load.seconds as f64;
    println!(
        "{rate:.0} shadow updates a second, each acknowledged: {} things, {} bytes, {} connections",
        load.things, load.bytes, load.connections
    );
    Ok(())
}

/// Publishes one report and waits for its acknowledgement.
async fn report(connection: &mut Connection, thing: usize, document: Bytes) -> Outcome {
    let topic = format!("$aws/things/thing-{thing}/shadow/update");
    connection.publish(&topic, QoS::AtLeastOnce, 1, document)?;
    connection.flush().await?;
    match connection.next().await? {
        Packet::PubAck(_) => Ok(()),
        other => Err(format!("{other:?} in answer to PUBLISH").into()),
    }
}
