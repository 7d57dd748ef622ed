//! Large messages, taken one after the other and dropped at once.

use evenkeel::Client;

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;
use crate::server::GO;

const MIB: u64 = 1024 * 1024;
/// Bytes of all messages of one point.
const ALL: u64 = 1200 * MIB;

pub(super) const GROUP: Group = Group {
    name: "large",
    title: "Receiving large messages",
    unit: "GB for each second of processor time",
    axis: "MiB",
    series: &[Series { name: "QoS 0", points: &[1, 10, 12], cores: Cores::One, measure: receive }],
    goals: &[
        Goal { series: "QoS 0", at: 10, bound: Bound::AtLeast(3.0) },
        Goal { series: "QoS 0", at: 12, bound: Bound::AtLeast(3.0) },
    ],
};

fn receive(mebibytes: u64, port: u16) -> Outcome<f64> {
    let size = mebibytes * MIB;
    let count = ALL / size;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder(format!("mqtt://127.0.0.1:{port}")).start()?;
        let mut messages = client.subscribe("t/#").await?;
        let micros = micros_each(count, async {
            drop(client.publish(GO, format!("count={count},size={size}")).await?);
            for _ in 0..count {
                let message = messages.next().await.ok_or("the stream ended")?;
                assert_eq!(message.payload().len() as u64, size);
            }
            Ok(())
        });
        Ok(size as f64 / 1000.0 / micros.await?)
    })
}
